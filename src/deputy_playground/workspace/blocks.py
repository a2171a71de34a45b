"""Block Kit's rules: what Slack refuses with ``invalid_blocks``, and the words it uses.

Source: docs.slack.dev/reference/block-kit. Each problem reads ``must be … [json-pointer:/blocks/0/text/text]``.
"""

from collections.abc import Callable, Iterator

from deputy_playground.wire import Json, SlackError

MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
# Not documented. Measured by Slack's users: one markdown block of 13,297 characters passes, with a divider 13,172.
MAX_TOTAL = 13_422
BLOCK_COST = 125
Problems = Iterator[str]


def check_blocks(blocks: object, limit: int = MAX_BLOCKS) -> None:
    """Raise ``invalid_blocks_format``, ``invalid_blocks`` or ``msg_blocks_too_long`` as Slack would."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    problems = list(_list_problems(blocks, limit))
    if problems:
        raise SlackError("invalid_blocks", *problems)
    if sum(BLOCK_COST + _weight(block) for block in blocks) > MAX_TOTAL:
        raise SlackError("msg_blocks_too_long")


def _weight(value: object) -> int:
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_weight(child) for child in value.values() if not isinstance(child, str))
    return sum(map(_weight, value)) if isinstance(value, list) else 0


def _at(problem: str, path: str) -> str:
    return f"{problem} [json-pointer:{path}]"


def _list_problems(blocks: list[Json], limit: int) -> Problems:
    if len(blocks) > limit:
        yield _at(f"no more than {limit} items allowed", "/blocks")
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        path = f"/blocks/{index}"
        check = _BLOCKS.get(str(block.get("type")))
        if check is None:
            yield _at(f"unsupported type: {block.get('type')}", f"{path}/type")
            continue
        yield from _length(block.get("block_id"), 255, f"{path}/block_id")
        if block.get("block_id") in seen:
            yield _at("block_id already exists", f"{path}/block_id")
        if block.get("block_id"):
            seen.add(block["block_id"])
        yield from check(block, path)


def _length(value: object, limit: int, path: str, *, required: bool = False) -> Problems:
    if value is None:
        if required:
            yield _at("missing required field", path)
    elif not isinstance(value, str):
        yield _at("must be a string", path)
    elif len(value) > limit:
        yield _at(f"must be less than {limit + 1} characters", path)
    elif required and not value:
        yield _at("must be more than 0 characters", path)


def _text(value: object, limit: int, path: str, *, plain_only: bool = False) -> Problems:
    """A text composition object."""
    if not isinstance(value, dict):
        yield _at("missing required field" if value is None else "must be an object", path)
        return
    allowed = ("plain_text",) if plain_only else ("plain_text", "mrkdwn")
    if value.get("type") not in allowed:
        yield _at(f"must be a valid enum value; allowed: {', '.join(allowed)}", f"{path}/type")
    if value.get("type") == "mrkdwn" and "emoji" in value:
        yield _at("invalid additional property: emoji", path)
    yield from _length(value.get("text"), limit, f"{path}/text", required=True)


def _section(block: Json, path: str) -> Problems:
    fields = block.get("fields")
    if block.get("text") is None and not fields:
        yield _at("either text or fields must be provided", path)
    if block.get("text") is not None:
        yield from _text(block["text"], 3_000, f"{path}/text")
    if fields is not None:
        yield from _many(fields, 10, f"{path}/fields", lambda item, at: _text(item, 2_000, at))
    if block.get("accessory") is not None:
        yield from _element(block["accessory"], f"{path}/accessory")


def _many(items: object, limit: int, path: str, check: Callable[[Json, str], Problems]) -> Problems:
    if not isinstance(items, list) or not items:
        yield _at("must provide at least 1 item", path)
        return
    if len(items) > limit:
        yield _at(f"no more than {limit} items allowed", path)
    for index, item in enumerate(items):
        yield from check(item, f"{path}/{index}")


def _header(block: Json, path: str) -> Problems:
    yield from _text(block.get("text"), 150, f"{path}/text", plain_only=True)


def _context(block: Json, path: str) -> Problems:
    yield from _many(block.get("elements"), 10, f"{path}/elements", _context_element)


def _context_element(item: Json, path: str) -> Problems:
    if item.get("type") == "image":
        yield from _image(item, path)
    else:
        yield from _text(item, 2_000, path)


def _image(block: Json, path: str) -> Problems:
    if not block.get("image_url") and not block.get("slack_file"):
        yield _at("must provide an image_url or slack_file", path)
    yield from _length(block.get("image_url"), 3_000, f"{path}/image_url")
    yield from _length(block.get("alt_text"), 2_000, f"{path}/alt_text", required=True)


def _actions(block: Json, path: str) -> Problems:
    elements = block.get("elements")
    yield from _many(elements, 25, f"{path}/elements", _element)
    ids = [item.get("action_id") for item in elements or [] if isinstance(item, dict) and item.get("action_id")]
    if len(ids) != len(set(ids)):
        yield _at("`action_id` must be unique within a block", f"{path}/elements")


def _element(item: Json, path: str) -> Problems:
    check = _ELEMENTS.get(str(item.get("type")))
    if check is None:
        yield _at(f"unsupported type: {item.get('type')}", f"{path}/type")
        return
    yield from _length(item.get("action_id"), 255, f"{path}/action_id")
    if item.get("confirm") is not None:
        yield from _confirm(item["confirm"], f"{path}/confirm")
    yield from check(item, path)


def _button(item: Json, path: str) -> Problems:
    yield from _text(item.get("text"), 75, f"{path}/text", plain_only=True)
    yield from _length(item.get("value"), 2_000, f"{path}/value")
    yield from _length(item.get("url"), 3_000, f"{path}/url")
    if item.get("style") not in (None, "primary", "danger"):
        yield _at("must be a valid enum value; allowed: primary, danger", f"{path}/style")


def _confirm(item: Json, path: str) -> Problems:
    yield from _text(item.get("title"), 100, f"{path}/title", plain_only=True)
    yield from _text(item.get("text"), 300, f"{path}/text")
    yield from _text(item.get("confirm"), 30, f"{path}/confirm", plain_only=True)
    yield from _text(item.get("deny"), 30, f"{path}/deny", plain_only=True)


def _select(item: Json, path: str) -> Problems:
    if item.get("placeholder") is not None:
        yield from _text(item["placeholder"], 150, f"{path}/placeholder", plain_only=True)
    if item.get("type") == "static_select" and not item.get("option_groups"):
        yield from _many(item.get("options"), 100, f"{path}/options", _option)


def _choices(item: Json, path: str) -> Problems:
    yield from _many(item.get("options"), 10, f"{path}/options", _option)


def _overflow(item: Json, path: str) -> Problems:
    yield from _many(item.get("options"), 5, f"{path}/options", _option)


def _option(item: Json, path: str) -> Problems:
    yield from _text(item.get("text"), 75, f"{path}/text")
    yield from _length(item.get("value"), 150, f"{path}/value", required=True)


def _field(item: Json, path: str) -> Problems:
    if item.get("placeholder") is not None:
        yield from _text(item["placeholder"], 150, f"{path}/placeholder", plain_only=True)


def _input(block: Json, path: str) -> Problems:
    yield from _text(block.get("label"), 2_000, f"{path}/label", plain_only=True)
    if block.get("hint") is not None:
        yield from _text(block["hint"], 2_000, f"{path}/hint", plain_only=True)
    yield from _element(block.get("element") or {}, f"{path}/element")


def _rich_text(block: Json, path: str) -> Problems:
    kinds = {f"rich_text_{kind}" for kind in ("section", "list", "preformatted", "quote")}
    elements = block.get("elements")
    if not isinstance(elements, list):
        yield _at("missing required field", f"{path}/elements")
        return
    for index, item in enumerate(elements):
        if not isinstance(item, dict) or item.get("type") not in kinds:
            yield _at("unsupported type", f"{path}/elements/{index}/type")
        elif not isinstance(item.get("elements"), list):
            yield _at("missing required field", f"{path}/elements/{index}/elements")


def _markdown(block: Json, path: str) -> Problems:
    yield from _length(block.get("text"), 12_000, f"{path}/text", required=True)


def _nothing(block: Json, path: str) -> Problems:  # noqa: ARG001 - the signature of every check
    return iter(())


_BLOCKS: dict[str, Callable[[Json, str], Problems]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "divider": _nothing,
    "image": _image,
    "input": _input,
    "rich_text": _rich_text,
    "markdown": _markdown,
}
_ELEMENTS: dict[str, Callable[[Json, str], Problems]] = {
    "button": _button,
    "static_select": _select,
    "users_select": _select,
    "channels_select": _select,
    "conversations_select": _select,
    "external_select": _select,
    "multi_static_select": _select,
    "multi_users_select": _select,
    "overflow": _overflow,
    "checkboxes": _choices,
    "radio_buttons": _choices,
    "plain_text_input": _field,
    "datepicker": _field,
    "timepicker": _nothing,
    "image": _image,
}
