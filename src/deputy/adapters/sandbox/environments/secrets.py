"""Finds a setup's secrets in its output and in the files that it leaves.

This finds accidents: a token in a configuration file, in a log, in a URL. Code that wants to hide a secret can write it
backwards; the list of allowed hosts bounds where such code can send it.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from deputy.domain.errors import BadInput

SHORTEST = 8
_LINE = 16
_MASK = b"[secret %s]"


def check_secrets(secrets: Mapping[str, str]) -> None:
    """Refuse secrets that are too short to be searched for; ``BadInput`` names the variable."""
    for name, value in secrets.items():
        if len(value.strip()) < SHORTEST:
            raise BadInput(
                f"the secret {name} is too short",
                f"fewer than {SHORTEST} characters can't be told apart from other text, so nobody could look for them",
                "use a longer one, or put the value into env if it is no secret",
            )


def forms(secret: str) -> tuple[bytes, ...]:
    """The forms of a secret: as it is, in base64 (at any offset), quoted for URLs, escaped for JSON.

    In a secret of several lines (a key), each longer line is a form of its own.
    """
    value = secret.strip()
    whole = {value, *(line.strip() for line in value.splitlines() if len(line.strip()) >= _LINE)}
    found: set[bytes] = set()
    for text in whole:
        found |= {text.encode(), quote(text, safe="").encode(), quote(text).encode(), quote_plus(text).encode()}
        found.add(json.dumps(text)[1:-1].encode())
        found.update(_base64(text.encode()))
    return tuple(sorted(found, key=len, reverse=True))


def _base64(data: bytes) -> Iterator[bytes]:
    """For each offset, the part of the base64 text that does not depend on the bytes around the data."""
    for offset in range(3):
        # The first group may hold bytes from before the data, the last one bytes after it: both are left out.
        encoded = base64.b64encode(bytes(offset) + data)[4 if offset else 0 :]
        stable = encoded[: (len(data) + offset) // 3 * 4 - (4 if offset else 0)]
        if len(stable) >= SHORTEST:
            yield stable
            yield stable.replace(b"+", b"-").replace(b"/", b"_")


class Redactor:
    """Masks secrets in a stream. Bytes that may be the start of a secret are held back until more bytes come."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._masks = [(form, _MASK % name.encode()) for name, value in secrets.items() for form in forms(value)]
        self._masks.sort(key=lambda mask: len(mask[0]), reverse=True)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The next bytes that may be shown."""
        text = self.redact(self._held + data)
        cut = len(text) - self._unfinished(text)
        self._held = text[cut:]
        return text[:cut]

    def rest(self) -> bytes:
        """The bytes that were held back, at the end of the stream."""
        held, self._held = self._held, b""
        return held

    def redact(self, data: bytes) -> bytes:
        """The bytes with every secret masked."""
        for form, mask in self._masks:
            data = data.replace(form, mask)
        return data

    def _unfinished(self, text: bytes) -> int:
        """How many bytes at the end may be the start of a secret."""
        return max((_overlap(text, form) for form, _ in self._masks), default=0)


def _overlap(text: bytes, form: bytes) -> int:
    """The length of the longest end of the text that is a proper start of the form."""
    start = max(len(text) - len(form) + 1, 0)
    while (start := text.find(form[:1], start)) >= 0:
        if form.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0


class Finder:
    """Looks for secrets in streams."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = [(form, name) for name, value in secrets.items() for form in forms(value)]
        self._longest = max((len(form) for form, _ in self._forms), default=0)

    def find(self, pieces: Iterable[bytes]) -> str:
        """The name of the first secret found in the bytes; empty for none."""
        tail = b""
        for piece in pieces:
            data = tail + piece
            for form, name in self._forms:
                if form in data:
                    return name
            tail = data[-(self._longest - 1) :] if self._longest > 1 else b""
        return ""


def pieces_of(read: Callable[[int], bytes], size: int = 1 << 20) -> Iterator[bytes]:
    """A file's bytes, piece by piece."""
    while piece := read(size):
        yield piece
