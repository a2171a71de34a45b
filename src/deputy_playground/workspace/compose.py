"""Text as people type it, as Slack stores it, and as people read it."""

import re
from collections.abc import Mapping, Sequence

from deputy_playground.personas import Channel, Persona
from deputy_playground.wire import Json

_TOKEN = re.compile(
    r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<entity>[@#!][^<>]+|(?:https?|mailto):[^<>]+)>"
    r"|(?P<url>https?://[^\s<>|]+[^\s<>|.,;:!?)])|(?<![\w@])@(?P<at>[\w-]+)|(?<![\w#&])#(?P<hash>[a-z][\w-]*)",
    re.DOTALL,
)
_ENTITY = re.compile(r"<(?P<sign>[@#!]?)(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")


def escape(text: str) -> str:
    """Text with Slack's three control characters made harmless."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The opposite of ``escape``."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class Typist:
    """Turns what a person types into what Slack sends: entities in ``text`` and a ``rich_text`` block."""

    def __init__(self, people: Sequence[Persona], channels: Sequence[Channel]) -> None:
        self._people = {person.handle: person.id for person in people}
        self._people |= {person.name.split()[0].lower(): person.id for person in people}
        self._channels = {channel.name: channel.id for channel in channels if channel.name}

    def compose(self, typed: str) -> tuple[str, list[Json]]:
        """``text`` and ``blocks`` of the message that these keystrokes make."""
        text: list[str] = []
        elements: list[Json] = []
        groups: list[Json] = []
        position = 0
        for match in _TOKEN.finditer(typed):
            self._plain(typed[position : match.start()], text, elements)
            position = match.end()
            piece, element = self._token(match)
            text.append(piece)
            if element["type"] == "rich_text_preformatted":
                _close_section(elements, groups)
                groups.append(element)
                elements = []
            else:
                elements.append(element)
        self._plain(typed[position:], text, elements)
        _close_section(elements, groups)
        return "".join(text), [{"type": "rich_text", "block_id": "typed", "elements": groups}] if groups else []

    @staticmethod
    def _plain(piece: str, text: list[str], elements: list[Json]) -> None:
        if piece:
            text.append(escape(piece))
            elements.append({"type": "text", "text": piece})

    def _token(self, match: re.Match[str]) -> tuple[str, Json]:
        raw = match.group()
        if pre := match["pre"]:
            body = pre.strip("\n")
            return f"```{escape(body)}```", {
                "type": "rich_text_preformatted",
                "elements": [{"type": "text", "text": body}],
            }
        if code := match["code"]:
            return f"`{escape(code)}`", {"type": "text", "text": code, "style": {"code": True}}
        if url := match["url"]:
            return f"<{escape(url)}>", {"type": "link", "url": url}
        if entity := match["entity"]:
            return f"<{entity}>", _entity(entity)
        return self._name(raw, match["at"], match["hash"])

    def _name(self, raw: str, at: str | None, hashed: str | None) -> tuple[str, Json]:
        if at in ("channel", "here", "everyone"):
            return f"<!{at}>", {"type": "broadcast", "range": at}
        if at and (user := self._people.get(at.lower())):
            return f"<@{user}>", {"type": "user", "user_id": user}
        if hashed and (channel := self._channels.get(hashed)):
            return f"<#{channel}|{hashed}>", {"type": "channel", "channel_id": channel}
        return escape(raw), {"type": "text", "text": raw}


def _close_section(elements: list[Json], groups: list[Json]) -> None:
    if elements:
        groups.append({"type": "rich_text_section", "elements": list(elements)})


def _entity(entity: str) -> Json:
    target, _, label = entity.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:]}
    return {"type": "link", "url": target} | ({"text": label} if label else {})


def readable(text: str, names: Mapping[str, str]) -> str:
    """Slack's text as a person reads it: names for ids, labels for links, no escapes."""

    def name(match: re.Match[str]) -> str:
        sign, target, label = match["sign"], match["target"], match["label"]
        if sign in ("@", "#"):
            return sign + (names.get(target) or label or target)
        if sign == "!":
            return label or f"@{target.split('^')[0]}"
        return label or target

    return unescape(_ENTITY.sub(name, text))
