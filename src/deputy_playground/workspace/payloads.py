"""The payloads that Slack sends to an app, complete as documented, in Socket Mode and over HTTP alike."""

from collections.abc import Iterator

from deputy_playground.personas import APP_ID, BOT_USER, TEAM, TEAM_DOMAIN, Channel, Persona
from deputy_playground.wire import Json, new_id
from deputy_playground.workspace.workspace import Change, public

VERIFICATION_TOKEN = "playground-verification"  # noqa: S105 - Slack's long-deprecated field; not a secret here


def events_of(change: Change, clock: float) -> Iterator[Json]:
    """The Events API payloads that a change makes: none where the bot is not a member."""
    if BOT_USER not in change.channel.members:
        return
    for event in _events(change):
        yield _callback(event, change.channel, clock)


def _events(change: Change) -> Iterator[Json]:
    where: Json = {"channel": change.channel.id, "channel_type": change.channel.kind}
    message = public(change.message)
    for key in (
        "reply_count",
        "reply_users",
        "reply_users_count",
        "latest_reply",
        "is_locked",
        "subscribed",
        "reactions",
    ):
        message.pop(key, None)
    if change.kind == "posted":
        if message.get("thread_ts") == message["ts"]:
            del message["thread_ts"]
        message["event_ts"] = message["ts"]
        yield message | where
        if f"<@{BOT_USER}>" in message["text"] and not change.channel.is_direct and "bot_id" not in message:
            mention = {key: value for key, value in message.items() if key != "subtype"}
            yield mention | {"type": "app_mention", "channel": change.channel.id}
    elif change.kind in ("changed", "deleted"):
        yield _revision(change, message) | where


def _revision(change: Change, message: Json) -> Json:
    event: Json = {"type": "message", "subtype": f"message_{change.kind}", "hidden": True}
    event["previous_message"] = public(change.before or {})
    stamp = message.get("edited", {}).get("ts", message["ts"])
    if change.kind == "changed":
        event["message"] = message | {"source_team": message["team"], "user_team": message["team"]}
    else:
        event["deleted_ts"] = message["ts"]
    return event | {"ts": stamp, "event_ts": stamp}


def home_opened(user: str, channel: Channel, clock: float) -> Json:
    """``app_home_opened`` for this person."""
    event = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": "home", "event_ts": f"{clock:.6f}"}
    return _callback(event, channel, clock)


def _callback(event: Json, channel: Channel, clock: float) -> Json:
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": new_id("Ev"),
        "event_time": int(clock),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": channel.shared,
        "event_context": f"4-{new_id('', 24)}",
    }


def _interaction(kind: str, person: Persona, trigger: str) -> Json:
    return {
        "type": kind,
        "user": {"id": person.id, "username": person.handle, "name": person.handle, "team_id": person.team},
        "api_app_id": APP_ID,
        "token": VERIFICATION_TOKEN,
        "team": {"id": TEAM, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger,
    }


def _channel(channel: Channel) -> Json:
    return {"id": channel.id, "name": channel.name or "directmessage"}


def block_actions(
    person: Persona, channel: Channel, message: Json, action: Json, trigger: str, response_url: str, values: Json
) -> Json:
    """A click on an element of a message. An ephemeral message is named in the container only."""
    ephemeral = bool(message.get("only_for"))
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if thread := message.get("thread_ts"):
        container["thread_ts"] = thread
    payload = _interaction("block_actions", person, trigger) | {
        "container": container,
        "channel": _channel(channel),
        "state": {"values": values},
        "response_url": response_url,
        "actions": [action],
    }
    return payload if ephemeral else payload | {"message": public(message)}


def message_action(
    person: Persona, channel: Channel, message: Json, callback: str, trigger: str, response_url: str, clock: float
) -> Json:
    """A shortcut from a message's menu."""
    return _interaction("message_action", person, trigger) | {
        "callback_id": callback,
        "action_ts": f"{clock:.6f}",
        "message_ts": message["ts"],
        "response_url": response_url,
        "channel": _channel(channel),
        "message": public(message),
    }


def view_event(kind: str, person: Persona, view: Json, trigger: str) -> Json:
    """``view_submission`` or ``view_closed``."""
    extra: Json = {"response_urls": []} if kind == "view_submission" else {"is_cleared": False}
    return _interaction(kind, person, trigger) | {"view": view} | extra


def view_action(person: Persona, view: Json, action: Json, trigger: str) -> Json:
    """A click on an element of a modal or of the home tab."""
    container = {"type": "view", "view_id": view["id"]}
    return _interaction("block_actions", person, trigger) | {"container": container, "view": view, "actions": [action]}


def slash_command(person: Persona, channel: Channel, command: str, text: str, trigger: str, response_url: str) -> Json:
    """A slash command; every value is a string, as over HTTP."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": person.id,
        "user_name": person.handle,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }
