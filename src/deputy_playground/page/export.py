"""The workspace on paper: as text, and as one HTML page."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from deputy_playground.api.app import Installation
from deputy_playground.page.gestures import all_blocks
from deputy_playground.page.page import STATIC, snapshot, visible
from deputy_playground.wire import Json
from deputy_playground.workspace.compose import readable

_RULE = "─" * 100


def visible_text(message: Json) -> str:
    """Everything that a person can read on a message, in Slack's markup; blocks win over ``text`` as on screen."""
    blocks = all_blocks(message)
    lines = [line for block in blocks for line in _block_lines(block)] if blocks else []
    if not lines and message.get("text"):
        lines = [message["text"]]
    lines += [f"[file: {file['name']}]" for file in message.get("files", [])]
    return "\n".join(lines)


def _block_lines(block: Json) -> Iterator[str]:
    match block.get("type"):
        case "header" | "section":
            yield from _texts([block.get("text"), *(block.get("fields") or [])])
            yield from _labels([block.get("accessory")])
        case "context":
            yield from _texts(block.get("elements", []))
        case "actions":
            yield from _labels(block.get("elements", []))
        case "markdown":
            yield str(block.get("text", ""))
        case "rich_text":
            yield from _rich(block.get("elements", []))


def _texts(items: list[Json | None]) -> Iterator[str]:
    for item in items:
        if item and item.get("text"):
            text = str(item["text"])
            yield text if item.get("type") == "mrkdwn" else _escaped(text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _labels(elements: list[Json | None]) -> Iterator[str]:
    labels = [(item.get("text") or item.get("placeholder") or {}).get("text", "") for item in elements if item]
    if any(labels):
        yield " ".join(f"[{_escaped(label)}]" for label in labels if label)


def _rich(elements: list[Json]) -> Iterator[str]:
    for element in elements:
        if element.get("type") == "rich_text_list":
            yield from (f"• {_inline(item.get('elements', []))}" for item in element.get("elements", []))
        else:
            yield _inline(element.get("elements", []))


def _inline(elements: list[Json]) -> str:
    return "".join(map(_piece, elements))


def _piece(element: Json) -> str:
    match element.get("type"):
        case "user":
            return f"<@{element['user_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "broadcast":
            return f"<!{element['range']}>"
        case "emoji":
            return f":{element['name']}:"
        case "link":
            return _escaped(str(element.get("text") or element["url"]))
        case _:
            return _escaped(str(element.get("text", "")))


def as_text(site: Installation) -> str:
    """Every channel and thread."""
    names = site.workspace.names()
    parts: list[str] = []
    for channel in site.workspace.channels.values():
        messages = visible(site, channel.id)
        if messages:
            title = f"#{channel.name}" if channel.name else f"Direct messages: {names[channel.with_user]}, Deputy"
            parts += [_RULE, title, _RULE, *(_paragraph(message, names) for message in messages), ""]
    return "\n".join(parts)


def _paragraph(message: Json, names: dict[str, str]) -> str:
    reply = message.get("thread_ts", message["ts"]) != message["ts"]
    margin = "    " if reply else ""
    at = datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%H:%M:%S")
    note = f"  (only visible to {names[message['only_for']]})" if message.get("only_for") else ""
    body = readable(visible_text(message), names)
    lines = [f"{names[message['user']]}  {at}{note}", *(f"  {line}" for line in body.splitlines())]
    return "\n".join(margin + line for line in lines) + "\n"


def as_html(site: Installation) -> str:
    """One page with everything in it: the page's own style and renderer, and the state as data."""
    state = snapshot(site, "U0ALICE")
    everything = site.workspace.channels.values()
    state["channels"] = [
        {
            "id": c.id,
            "name": c.name,
            "topic": c.topic,
            "direct": c.is_direct,
            "shared": c.shared,
            "members": list(c.members),
        }
        for c in everything
    ]
    state["messages"] = {channel.id: visible(site, channel.id) for channel in everything}
    state["files"] = {
        file["id"]: site.uploads.content(file["id"]).decode("utf-8", "replace")
        for messages in state["messages"].values()
        for message in messages
        for file in message.get("files", [])
    }
    # "</" would end the script element early, whatever the JSON says.
    data = json.dumps(state).replace("</", "<\\/")
    style, render, paper = ((STATIC / name).read_text("utf-8") for name in ("style.css", "render.js", "paper.js"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Deputy: the threads</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f'<body class="paper"><main id="paper"></main><script id="state" type="application/json">{data}</script>'
        f"<script>{render}\n{paper}</script><noscript><pre>{_escaped(as_text(site))}</pre></noscript></body></html>"
    )
