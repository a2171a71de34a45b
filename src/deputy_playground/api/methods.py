"""The Web API's methods about messages. Each takes the call and returns Slack's answer or raises ``SlackError``."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from deputy_playground.api.app import Installation
from deputy_playground.personas import APP_ID, BOT_ID, BOT_USER, TEAM, Channel
from deputy_playground.wire import Json, SlackError
from deputy_playground.workspace.blocks import check_blocks
from deputy_playground.workspace.workspace import MAX_UPDATE_TEXT, public

MAX_PAGE = 1_000


@dataclass(frozen=True)
class Call:
    """One call: who is installed where, and the arguments as they came (JSON strings already read)."""

    site: Installation
    args: Json

    def text(self, name: str) -> str:
        """A string argument, empty when absent."""
        value = self.args.get(name)
        return "" if value is None else str(value)

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        """A string argument that must be there."""
        value = self.text(name)
        if not value:
            raise SlackError(error, f"missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        """A boolean argument in any of its spellings."""
        return self.text(name).lower() in ("1", "true")

    def channel(self) -> Channel:
        """The channel argument; the bot must be a member."""
        return self.site.workspace.bot_channel(self.need("channel", "channel_not_found"))


@dataclass(frozen=True)
class Method:
    """How a method may be called: the scope it needs, its rate tier (0: per channel), and the token it takes."""

    run: Callable[[Call], Json]
    scope: str = ""
    tier: int = 3
    token: str = "bot"  # noqa: S105 - a kind of token


def post_message(call: Call) -> Json:
    """``chat.postMessage``."""
    channel = call.channel()
    message = call.site.workspace.post(
        channel, BOT_USER, call.text("text"), thread=call.text("thread_ts"), **_bot(), **_content(call)
    )
    return {"ok": True, "channel": channel.id, "ts": message["ts"], "message": public(message, metadata=True)}


def _bot() -> Json:
    profile = {"id": BOT_ID, "app_id": APP_ID, "user_id": BOT_USER, "name": "Deputy", "deleted": False, "team_id": TEAM}
    return {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": profile}


def _content(call: Call) -> Json:
    """The parts of a message beside its text; ``no_text`` when there is nothing to show."""
    content: Json = {}
    blocks = call.args.get("blocks")
    if blocks:
        check_blocks(blocks)
        content["blocks"] = [{"block_id": f"b{index}"} | block for index, block in enumerate(blocks)]
    if attachments := call.args.get("attachments"):
        content["attachments"] = _attachments(attachments)
    if not call.text("text").strip() and not blocks and not attachments:
        raise SlackError("no_text")
    if metadata := call.args.get("metadata"):
        if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
            raise SlackError("invalid_metadata_format")
        content["metadata"] = metadata
    return content


def _attachments(attachments: object) -> list[Json]:
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise SlackError("invalid_attachments")
    for item in attachments:
        if item.get("blocks"):
            check_blocks(item["blocks"])
    return attachments


def update(call: Call) -> Json:
    """``chat.update``."""
    channel = call.channel()
    ts = call.need("ts", "message_not_found")
    if call.site.workspace.message(channel.id, ts).get("only_for"):
        raise SlackError("message_not_found")
    if len(call.text("text")) > MAX_UPDATE_TEXT:
        raise SlackError("msg_too_long")
    content = _content(call)
    if "text" in call.args:
        # New text without blocks takes the old blocks away; blocks without text leave the old text.
        content = {"text": call.text("text"), "blocks": []} | content
    message = call.site.workspace.edit(channel, ts, BOT_USER, **content)
    return {
        "ok": True,
        "channel": channel.id,
        "ts": ts,
        "text": message["text"],
        "message": public(message, metadata=True),
    }


def post_ephemeral(call: Call) -> Json:
    """``chat.postEphemeral``."""
    channel = call.channel()
    user = call.need("user", "user_not_found")
    if call.site.workspace.person(user).id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = call.site.workspace.post(
        channel, BOT_USER, call.text("text"), thread=call.text("thread_ts"), only_for=user, **_bot(), **_content(call)
    )
    return {"ok": True, "message_ts": message["ts"]}


def delete(call: Call) -> Json:
    """``chat.delete``."""
    channel = call.channel()
    ts = call.need("ts", "message_not_found")
    call.site.workspace.delete(channel, ts, BOT_USER)
    return {"ok": True, "channel": channel.id, "ts": ts}


def permalink(call: Call) -> Json:
    """``chat.getPermalink``."""
    channel = call.channel()
    ts = call.need("message_ts", "message_not_found")
    root = call.site.workspace.message(channel.id, ts).get("thread_ts", ts)
    return {"ok": True, "channel": channel.id, "permalink": f"{call.site.base}/#{channel.id}/{root}"}


def replies(call: Call) -> Json:
    """``conversations.replies``."""
    channel = call.channel()
    return _paged(call, call.site.workspace.replies(channel.id, call.need("ts", "thread_not_found")), 1_000)


def history(call: Call) -> Json:
    """``conversations.history``, newest first."""
    channel = call.channel()
    return _paged(call, list(reversed(call.site.workspace.history(channel.id))), 100)


def _paged(call: Call, messages: list[Json], default: int) -> Json:
    oldest, latest = call.text("oldest") or "0", call.text("latest") or "9999999999"
    inclusive = call.flag("inclusive")

    def wanted(message: Json) -> bool:
        ts = float(message["ts"])
        edge = message["ts"] in (oldest, latest)
        root = message["ts"] == message.get("thread_ts") == call.text("ts")
        return root or (float(oldest) < ts < float(latest)) or (edge and inclusive)

    seen = [
        public(m, metadata=call.flag("include_all_metadata")) for m in messages if not m.get("only_for") and wanted(m)
    ]
    page, cursor = paginate(call, seen, default)
    answer: Json = {"ok": True, "messages": page, "has_more": bool(cursor)}
    return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def paginate(call: Call, items: list[Json], default: int) -> tuple[list[Json], str]:
    """A page of the items and the cursor of the next one."""
    try:
        start = int(base64.b64decode(call.text("cursor")).removeprefix(b"next:") or 0)
        limit = int(call.text("limit") or default)
    except ValueError:
        raise SlackError("invalid_cursor" if call.text("cursor") else "invalid_limit") from None
    if not 0 < limit <= MAX_PAGE:
        raise SlackError("invalid_limit")
    more = start + limit < len(items)
    return items[start : start + limit], base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""


def reaction(call: Call) -> Json:
    """``reactions.add``."""
    return _react(call, add=True)


def unreact(call: Call) -> Json:
    """``reactions.remove``."""
    return _react(call, add=False)


def _react(call: Call, *, add: bool) -> Json:
    name = call.need("name", "invalid_name").strip(":")
    call.site.workspace.react(call.channel(), call.need("timestamp", "no_item_specified"), BOT_USER, name, add=add)
    return {"ok": True}


CHAT_METHODS = {
    "chat.postMessage": Method(post_message, "chat:write", tier=0),
    "chat.update": Method(update, "chat:write", tier=3),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write", tier=4),
    "chat.delete": Method(delete, "chat:write", tier=3),
    "chat.getPermalink": Method(permalink, tier=4),
    "conversations.replies": Method(replies, "channels:history", tier=3),
    "conversations.history": Method(history, "channels:history", tier=3),
    "reactions.add": Method(reaction, "reactions:write", tier=3),
    "reactions.remove": Method(unreact, "reactions:write", tier=2),
}
