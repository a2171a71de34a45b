"""Characters that hide, reorder or command, written so that a reader sees them."""

import re
import unicodedata

# Cc control, Cf format (bidi, zero-width, tags), Cs surrogate, Co private use, Cn unassigned, Zl and Zp separators.
_HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that draw nothing: Hangul fillers, and the variation selectors that can smuggle bytes.
_BLANK = frozenset(map(chr, (0x115F, 0x1160, 0x3164, 0xFFA0, 0x180B, 0x180C, 0x180D, 0x180F, *range(0xE0100, 0xE01F0))))
_UNUSUAL = re.compile(r"[^\x20-\x7e\n\t]")


def is_hidden(char: str) -> bool:
    """Whether a character shows nothing by itself or changes how others are shown (newline and tab included)."""
    return unicodedata.category(char) in _HIDING or char in _BLANK


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return char.encode("unicode_escape").decode("ascii") if is_hidden(char) else char


def visible(text: str) -> str:
    """The text with every hidden character but newline and tab as a Python escape; doing it twice changes nothing."""
    return _UNUSUAL.sub(_escape, text)
