"""Texts that are encoded in a text: base64, hexadecimal, percent signs."""

import base64
import re
from collections.abc import Iterator

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[\s:]?){12,}")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_MAX = 20
_FEWEST_LETTERS = 0.8


def hidden_texts(text: str) -> Iterator[str]:
    """What encoded parts of a text say, where they say something; at most 20."""
    found = (*_decoded_base64(text), *_decoded_hex(text), *_decoded_percent(text))
    yield from [each for each in found if _is_prose(each)][:_MAX]


def _decoded_base64(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text):
        bare = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        bare = bare[: len(bare) - 1] if len(bare) % 4 == 1 else bare
        yield base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8", "replace")


def _decoded_hex(text: str) -> Iterator[str]:
    for match in _HEX.finditer(text):
        yield bytes.fromhex(re.sub(r"[\s:]", "", match[0])).decode("utf-8", "replace")


def _decoded_percent(text: str) -> Iterator[str]:
    if text.count("%") > 1 and _PERCENT.search(text):
        yield _PERCENT.sub(lambda match: bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "replace"), text)


def _is_prose(text: str) -> bool:
    """Whether it reads as words: several, nearly all of letters."""
    letters = sum(char.isalpha() or char == " " for char in text)
    return len(text.split()) > 1 and letters >= _FEWEST_LETTERS * len(text)
