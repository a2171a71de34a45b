"""Slack's message markup → the plain text that a person meant."""

import re
import unicodedata

_ENTITY = re.compile(r"<([^<>\n]*)>")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "´": "'", "\xa0": " "})
_KEPT_CONTROLS = frozenset("\n\t")


def plain_text(text: str, bot_user: str) -> str:
    """The text without Slack's markup, the bot's own mention and invisible characters; quotes made straight.

    Code spans keep their backticks: they tell names from words.
    """
    unwrapped = _ENTITY.sub(lambda match: _unwrap(match[1], bot_user), text)
    # "&amp;" last: "&amp;lt;" is a person who wrote "&lt;".
    unescaped = unwrapped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    visible = "".join(char for char in unescaped.translate(_QUOTES) if _is_visible(char))
    return unicodedata.normalize("NFC", visible).strip()


def _is_visible(char: str) -> bool:
    return char in _KEPT_CONTROLS or not unicodedata.category(char).startswith("C")


def _unwrap(entity: str, bot_user: str) -> str:
    """What stands for ``<entity>``: a mention, a channel, a broadcast or a link."""
    target, _, label = entity.partition("|")
    kind, name = target[:1], target[1:]
    if kind == "@":
        return " " if name == bot_user else f"@{label or name}"
    if kind == "#":
        return f"#{label or name}"
    if kind == "!":
        return label or f"@{name}"
    return _link(target, label)


def _link(target: str, label: str) -> str:
    """A link as text. Slack links bare file names ("README.md") by itself: those read as they were written."""
    address = target.removeprefix("mailto:")
    if not label:
        return address
    return label if label in address else f"{label} ({address})"
