"""What Slack sends, as values. Pure. Payloads are hostile input: a field that isn't as expected counts as missing."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from pydantic import JsonValue

from deputy.adapters.slack.identity import Identity
from deputy.domain import buttons
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming, Place, Source

Payload: TypeAlias = Mapping[str, JsonValue]

SLACKBOT: Final = "USLACKBOT"
# Subtypes that are still a person writing something new.
HUMAN_SUBTYPES: Final = frozenset({"", "file_share", "thread_broadcast"})
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_NUMBERED: Final = re.compile(r"\.\d{1,2}$")


@dataclass(frozen=True)
class Edit:
    """A person's message whose text was changed, or that was deleted."""

    channel: str
    message: str
    actor: Actor


def dig(payload: JsonValue | Payload, *path: str) -> str:
    """The string at this path, or an empty one. What no database can store is replaced by U+FFFD."""
    found: object = payload
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return _UNSTORABLE.sub("\ufffd", found) if isinstance(found, str) else ""


def part(payload: Payload, name: str) -> Payload:
    """The object under this name, or an empty one."""
    found = payload.get(name)
    return found if isinstance(found, Mapping) else {}


def read_message(
    body: Payload, home: Identity, knows_thread: Callable[[str, str], bool], at: datetime
) -> Incoming | None:
    """A person's message to us (a mention, a direct message, a reply in a thread of ours), or None."""
    event = part(body, "event")
    channel, message, user = dig(event, "channel"), dig(event, "ts"), dig(event, "user")
    if not (channel and message and user) or not _is_human(event, home):
        return None
    source = _source_of(event, home, knows_thread)
    if source is None:
        return None
    team = _home_team(body, home)
    return Incoming(
        key=f"slack:{team}:{channel}:{message}",
        source=source,
        actor=_author(body, event, home),
        place=Place(team=team, channel=channel, thread=dig(event, "thread_ts") or message),
        message=message,
        text=dig(event, "text"),
        received_at=at,
    )


def read_edit(body: Payload, home: Identity) -> Edit | None:
    """A change of a person's words. An unfurled link or a new file preview is not one."""
    event = part(body, "event")
    before, after = part(event, "previous_message"), part(event, "message")
    subtype = dig(event, "subtype")
    # The first message of a thread isn't taken away when it is deleted: Slackbot's tombstone stands in its place.
    is_deleted = subtype == "message_deleted" or dig(after, "subtype") == "tombstone"
    is_new_text = subtype == "message_changed" and dig(before, "text") != dig(after, "text")
    if not is_new_text and not is_deleted:
        return None
    message = before if is_deleted else after
    timestamp = dig(event, "deleted_ts") or dig(message, "ts")
    if not (timestamp and dig(event, "channel") and dig(message, "user")) or _is_bot(message, home):
        return None
    return Edit(dig(event, "channel"), timestamp, _author(body, message, home))


def read_clicks(body: Payload, home: Identity, at: datetime) -> tuple[Incoming, ...]:
    """The clicks on our buttons in this payload, in order."""
    actions = body.get("actions")
    found = [_read_click(body, action, home, at) for action in actions] if isinstance(actions, list) else []
    return tuple(click for click in found if click is not None)


def read_command(body: Payload, home: Identity, at: datetime) -> Incoming | None:
    """A slash command, or None when the payload names nobody."""
    user, trigger = dig(body, "user_id"), dig(body, "trigger_id")
    if not (user and trigger):
        return None
    team = _home_team(body, home)
    return Incoming(
        key=f"slack:command:{team}:{trigger}",
        source=Source.COMMAND,
        actor=_actor(_team_of(dig(body, "team_id"), team, home), user, body, home),
        place=Place(team=team, channel=dig(body, "channel_id"), thread=""),
        text=dig(body, "text"),
        action=dig(body, "command"),
        reply_url=dig(body, "response_url"),
        received_at=at,
    )


def _read_click(body: Payload, action: JsonValue, home: Identity, at: datetime) -> Incoming | None:
    raw_action, user = dig(action, "action_id"), dig(body, "user", "id")
    channel = dig(body, "container", "channel_id") or dig(body, "channel", "id")
    message = dig(body, "container", "message_ts") or dig(body, "message", "ts")
    if not (raw_action.startswith(buttons.PREFIX) and user and channel and message):
        return None
    team = _home_team(body, home)
    thread = dig(body, "container", "thread_ts") or dig(body, "message", "thread_ts") or message
    return Incoming(
        key=f"slack:click:{team}:{channel}:{message}:{dig(action, 'action_ts')}:{user}:{raw_action}",
        source=Source.CLICK,
        actor=_actor(_team_of(dig(body, "user", "team_id") or dig(body, "team", "id"), team, home), user, body, home),
        place=Place(team=team, channel=channel, thread=thread),
        message=message,
        # Slack wants action ids unique in a row: blocks.py numbers the second and later ones.
        action=_NUMBERED.sub("", raw_action),
        value=dig(action, "value") or dig(action, "selected_option", "value"),
        reply_url=dig(body, "response_url"),
        received_at=at,
    )


def _is_human(event: Payload, home: Identity) -> bool:
    return dig(event, "subtype") in HUMAN_SUBTYPES and not _is_bot(event, home) and event.get("hidden") is not True


def _is_bot(message: Payload, home: Identity) -> bool:
    is_app = bool(dig(message, "bot_id") or part(message, "bot_profile") or dig(message, "subtype") == "bot_message")
    return is_app or dig(message, "user") in {home.user, SLACKBOT}


def _source_of(event: Payload, home: Identity, knows_thread: Callable[[str, str], bool]) -> Source | None:
    channel, thread = dig(event, "channel"), dig(event, "thread_ts")
    is_direct = dig(event, "channel_type") == "im" or channel.startswith("D")
    if not is_direct and (dig(event, "type") == "app_mention" or is_mentioned(dig(event, "text"), home)):
        return Source.MENTION
    if thread and thread != dig(event, "ts") and knows_thread(channel, thread):
        return Source.THREAD
    return Source.DIRECT if is_direct else None


def is_mentioned(text: str, home: Identity) -> bool:
    """Whether the raw text mentions the bot."""
    return f"<@{home.user}>" in text or f"<@{home.user}|" in text


def _home_team(body: Payload, home: Identity) -> str:
    """The workspace that we act for: ours, or with an org-wide installation the one Slack authorised."""
    if not home.is_org_wide:
        return home.team
    authorizations = body.get("authorizations")
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else None
    return dig(first, "team_id") or dig(body, "team_id") or dig(body, "team", "id") or home.team


def _author(body: Payload, message: Payload, home: Identity) -> Actor:
    """The author with THEIR workspace: whichever field says that they come from elsewhere is believed."""
    team = _home_team(body, home)
    own = {team, home.team, home.enterprise}
    named = [
        dig(message, "user_team"),
        dig(message, "team"),
        dig(message, "source_team"),
        dig(message, "user_profile", "team"),
    ]
    if not any(named) and body.get("is_ext_shared_channel") is True:
        named.append(dig(body, "team_id"))
    foreign = next((other for other in named if other and other not in own), "")
    return _actor(foreign or team, dig(message, "user"), body, home)


def _team_of(named: str, team: str, home: Identity) -> str:
    """The workspace of who acted. On an Enterprise Grid Slack may name the organisation in its place."""
    return team if not named or named == home.enterprise else named


def _actor(team: str, user: str, body: Payload, home: Identity) -> Actor:
    enterprise = dig(body, "enterprise_id") or dig(body, "enterprise", "id") or home.enterprise
    is_ours = team in {home.team, _home_team(body, home)}
    return Actor(team=team, user=user, enterprise=(enterprise or None) if is_ours else None)
