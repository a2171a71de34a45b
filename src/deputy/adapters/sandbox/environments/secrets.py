"""A setup's secrets, found again in what it prints and in what it leaves behind.

This finds what happens by accident: a token in a configuration file, in a log, in a URL. Code that wants to hide a
secret can write it down backwards; what such code may reach is what the allowed hosts are for.
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
    """Refuse what could not be told apart from other text; ``BadInput`` names the variable."""
    for name, value in secrets.items():
        if len(value.strip()) < SHORTEST:
            raise BadInput(
                f"the secret {name} is too short",
                f"fewer than {SHORTEST} characters can't be told apart from other text, so nobody could look for them",
                "use a longer one, or put the value into env if it is no secret",
            )


def forms(secret: str) -> tuple[bytes, ...]:
    """What a secret may look like: as it is, in base64 (wherever it starts), quoted for URLs, escaped for JSON.

    Of a secret of several lines (a key), each longer line counts by itself.
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
    """The part of the base64 text that is the same whatever stands around the data, for each place it may start at."""
    for offset in range(3):
        # The first group may hold bytes from before, the last one bytes from behind: both are left out.
        encoded = base64.b64encode(bytes(offset) + data)[4 if offset else 0 :]
        stable = encoded[: (len(data) + offset) // 3 * 4 - (4 if offset else 0)]
        if len(stable) >= SHORTEST:
            yield stable
            yield stable.replace(b"+", b"-").replace(b"/", b"_")


class Redactor:
    """Masks secrets in bytes that come in pieces; what may be the start of one is held back until more has come."""

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
        """What was held back, at the end."""
        held, self._held = self._held, b""
        return held

    def redact(self, data: bytes) -> bytes:
        """All of it, masked."""
        for form, mask in self._masks:
            data = data.replace(form, mask)
        return data

    def _unfinished(self, text: bytes) -> int:
        """How many bytes at the end may be the start of a secret."""
        return max((_overlap(text, form) for form, _ in self._masks), default=0)


def _overlap(text: bytes, form: bytes) -> int:
    """The length of the longest end of the text that the form starts with, but not all of it."""
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
        """The name of the first secret that the bytes hold, empty for none."""
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
