"""What Slack's documentation says a request may look like. Each function returns complaints."""

import json
import re
from typing import Any

ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {  # method: required, optional
    "auth.test": (set(), set()),
    "apps.connections.open": (set(), set()),
    "users.info": ({"user"}, {"include_locale"}),
    "conversations.open": (set(), {"users", "channel", "return_im", "prevent_creation"}),
    "conversations.info": ({"channel"}, {"include_locale", "include_num_members"}),
    "conversations.replies": (
        {"channel", "ts"},
        {"cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"},
    ),
    "conversations.history": (
        {"channel"},
        {"cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest"},
    ),
    "chat.postMessage": (
        {"channel"},
        {"attachments", "blocks", "icon_emoji", "icon_url", "link_names", "markdown_text", "metadata", "mrkdwn"}
        | {"parse", "reply_broadcast", "text", "thread_ts", "unfurl_links", "unfurl_media", "username"},
    ),
    "chat.update": (
        {"channel", "ts"},
        {"attachments", "blocks", "file_ids", "link_names", "markdown_text", "metadata", "parse", "reply_broadcast"}
        | {"text"},
    ),
    "chat.postEphemeral": (
        {"channel", "user"},
        {"attachments", "blocks", "icon_emoji", "icon_url", "link_names", "markdown_text", "parse", "text"}
        | {"thread_ts", "username"},
    ),
    "chat.getPermalink": ({"channel", "message_ts"}, set()),
    "files.getUploadURLExternal": ({"filename", "length"}, {"alt_txt", "snippet_type"}),
    "files.completeUploadExternal": (
        {"files"},
        {"blocks", "channel_id", "channels", "initial_comment", "thread_ts"},
    ),
}
JSON_IS_FINE = {"auth.test", "conversations.open", "chat.postMessage", "chat.update", "chat.postEphemeral"}
JSON_IS_FINE |= {"files.completeUploadExternal", "apps.connections.open"}
BLOCKS: dict[str, set[str]] = {
    "section": {"text", "fields", "accessory", "expand"},
    "header": {"text", "level"},
    "context": {"elements"},
    "divider": set(),
    "actions": {"elements"},
    "rich_text": {"elements"},
    "markdown": {"text"},
}
BUTTON = {"type", "text", "action_id", "url", "value", "style", "confirm", "accessibility_label"}
TIMESTAMP = re.compile(r"\d{10}\.\d{6}")


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def arguments(method: str, given: dict[str, Any]) -> list[str]:
    if method not in ARGUMENTS:
        return ["unknown_method"]
    required, optional = ARGUMENTS[method]
    unknown = set(given) - required - optional - {"token"}
    missing = {name for name in required if given.get(name) in (None, "")}
    bad = [f"{n}={given[n]!r}" for n in ("ts", "thread_ts", "message_ts") if n in given and not _is_ts(given[n])]
    return [
        *(f"{method}: no argument {name}" for name in sorted(unknown)),
        *(f"{method}: {name} is missing" for name in sorted(missing)),
        *(f"{method}: {what} is not a timestamp" for what in bad),
    ]


def _is_ts(value: Any) -> bool:
    return isinstance(value, str) and bool(TIMESTAMP.fullmatch(value))


def message(given: dict[str, Any]) -> list[str]:
    text, blocks = given.get("text", ""), given.get("blocks") or []
    found = []
    if not isinstance(text, str) or not (text or blocks):
        found.append("no_text")
    elif units(text) > 4000:
        found.append(f"text of {units(text)}")
    if not isinstance(blocks, list):
        return [*found, "blocks are not an array"]
    if len(blocks) > 50:
        found.append(f"{len(blocks)} blocks")
    ids = [block.get("block_id") for block in blocks if block.get("block_id")]
    actions = [e.get("action_id") for b in blocks for e in b.get("elements", []) if e.get("action_id")]
    found += [f"twice: {name}" for names in (ids, actions) for name in set(names) if names.count(name) > 1]
    found += [complaint for block in blocks for complaint in _block(block)]
    if units(json.dumps(blocks, ensure_ascii=False)) > 40_000:
        found.append("msg_too_long")
    metadata = given.get("metadata")
    if metadata is not None and set(metadata) - {"event_type", "event_payload", "entities"}:
        found.append("metadata")
    return found


def _block(block: dict[str, Any]) -> list[str]:
    kind = block.get("type", "")
    if kind not in BLOCKS:
        return [f"unknown block {kind}"]
    found = [f"{kind} has no field {name}" for name in set(block) - BLOCKS[kind] - {"type", "block_id"}]
    if units(block.get("block_id", "")) > 255:
        found.append("block_id")
    if kind == "header":
        found += _text(block.get("text"), 150, {"plain_text"})
    if kind == "section":
        if not (block.get("text") or block.get("fields")):
            found.append("empty section")
        if "text" in block:
            found += _text(block["text"], 3000)
        if not 1 <= len(block.get("fields", [None])) <= 10:
            found.append("fields")
        found += [c for field in block.get("fields", []) for c in _text(field, 2000)]
    elements = block.get("elements", [])
    if kind == "context":
        found += [] if 1 <= len(elements) <= 10 else ["context elements"]
        found += [c for element in elements for c in _text(element, 2000)]
    if kind == "actions":
        found += [] if 1 <= len(elements) <= 25 else ["actions elements"]
        found += [c for element in elements for c in _button(element)]
    return found


def _text(text: Any, limit: int, kinds: frozenset[str] | set[str] = frozenset({"plain_text", "mrkdwn"})) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        return [f"not a text object: {text!r:.60}"]
    allowed = {"type", "text", "emoji"} if text["type"] == "plain_text" else {"type", "text", "verbatim"}
    found = [f"{text['type']} has no field {name}" for name in set(text) - allowed]
    if not 1 <= units(text.get("text", "")) <= limit:
        found.append(f"{units(text.get('text', ''))} characters of {limit}")
    return found


def _button(element: dict[str, Any]) -> list[str]:
    if element.get("type") != "button":
        return [f"element {element.get('type')}"]
    found = [f"button has no field {name}" for name in set(element) - BUTTON]
    found += _text(element.get("text"), 75, {"plain_text"})
    if not 1 <= units(element.get("action_id", "")) <= 255 or units(element.get("value", "-")) > 2000:
        found.append("action_id or value")
    if element.get("style", "primary") not in {"primary", "danger"}:
        found.append("style")
    if confirm := element.get("confirm"):
        found += [f"confirm has no field {n}" for n in set(confirm) - {"title", "text", "confirm", "deny", "style"}]
        for name, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            found += _text(confirm.get(name), limit)
    return found
