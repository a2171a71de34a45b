"""Untrusted text made harmless for Slack: invisible characters shown, markup escaped, lengths kept."""

import re
import unicodedata
from typing import Final

USER_ID: Final = re.compile(r"[UW][A-Z0-9]{2,20}")

# Neither control nor format characters by category, yet they draw nothing.
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ENTITY_TAIL: Final = re.compile(r"&[a-z]{0,3}$")


def visible(text: str) -> str:
    """The text with every control, bidi, zero-width and otherwise invisible character spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text.replace("\r\n", "\n"))


def _shown(char: str) -> str:
    if char in "\n\t":
        return char
    if char not in _BLANK_LETTERS and unicodedata.category(char) not in _HIDDEN_CATEGORIES:
        return char
    if char < " ":
        return chr(0x2400 + ord(char))  # the Unicode picture of the control character
    return f"⟨U+{ord(char):04X}⟩"


def one_line(text: str) -> str:
    """Visible text on a single line, so that a value cannot pretend to be the next line of a card."""
    return " ".join(visible(text).split())


def escape(text: str) -> str:
    """Slack's three escapes, which make mentions, links and ``<!channel>`` inert."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def width(text: str) -> int:
    """Length in UTF-16 units: the strictest way in which Slack may count characters."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int, ending: str = "…") -> str:
    """The text cut to at most ``limit`` UTF-16 units, ``ending`` included, never inside an escape such as ``&amp;``."""
    if width(text) <= limit:
        return text
    room = max(limit - width(ending), 0)
    kept = text[:room]
    if width(kept) > room:
        kept = kept.encode("utf-16-le", "surrogatepass")[: room * 2].decode("utf-16-le", "ignore")
    return _ENTITY_TAIL.sub("", kept) + ending


def markup(text: str, limit: int) -> str:
    """Plain text of many lines as mrkdwn source of at most ``limit`` units in which nothing is a link or a mention."""
    return clip(escape(visible(text)), limit)


def markup_line(text: str, limit: int) -> str:
    """Like ``markup``, on one line."""
    return clip(escape(one_line(text)), limit)


def mentions(people: tuple[str, ...]) -> str:
    """Slack mentions of well-formed user ids; anything else is left out."""
    return " ".join(f"<@{person}>" for person in people if USER_ID.fullmatch(person))
