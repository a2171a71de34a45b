"""The host's end of the command channel: it sends requests to process 1 and treats every reply as hostile.

A frame is two big-endian 32-bit lengths, a JSON header and raw bytes. A reply is bounded in size, must carry the id of
its request (which can't be guessed inside the sandbox), and must come before the host's own deadline.
"""

import json
import secrets
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from deputy.domain.errors import Cancelled, SandboxFailed

LENGTHS = struct.Struct(">II")
HEADER_LIMIT = 1 << 16
POLL_SECONDS = 0.1
CANCEL_SECONDS = 0.2
_LARGEST_NUMBER = 1 << 62

_OPEN_A_NEW_ONE = "the task can be tried again in a new sandbox"


class SandboxEnded(SandboxFailed):
    """The sandbox's process 1 is gone, so no request will be answered any more."""


class Wire(Protocol):
    """Bytes to and from process 1."""

    def send(self, data: bytes) -> None:
        """Send everything; ``OSError`` when the other end is gone."""

    def receive(self, seconds: float) -> bytes | None:
        """The next bytes; None when none came for ``seconds``; ``b""`` at the end; ``OSError`` when it broke."""

    def last_words(self) -> str:
        """What process 1 wrote to its stderr."""

    def close(self) -> None:
        """Close this end."""


@dataclass(frozen=True)
class Answer:
    """One frame of a reply, its header checked to be a JSON object."""

    header: Mapping[str, JsonValue]
    body: bytes

    def text(self, name: str) -> str:
        """A string of the header."""
        value = self.header.get(name)
        if not isinstance(value, str):
            raise broken(f"a reply has no text {name!r}")
        return value

    def reason(self) -> str:
        """Why the sandbox refused, in a form that can be shown: short, without control characters."""
        return printable(self.text("why"))[-300:]

    def number(self, name: str) -> float:
        """A number of the header, never a bool, never infinite."""
        value = self.header.get(name)
        # The comparison is false for NaN, too.
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST_NUMBER:
            raise broken(f"a reply has no number {name!r}")
        return value


def seldom(question: Callable[[], bool], seconds: float) -> Callable[[], bool]:
    """The same question, asked at most once in ``seconds``; False in between. The question may read a database."""
    last = -seconds

    def ask() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < seconds:
            return False
        last = now
        return question()

    return ask


def refuse_cancelled(is_cancelled: Callable[[], bool] | None) -> None:
    """Raise ``Cancelled`` when ``is_cancelled`` answers yes."""
    if is_cancelled and is_cancelled():
        raise Cancelled("the task was cancelled", "what ran in its sandbox was killed")


def printable(text: str) -> str:
    """The text with control characters, which could rewrite a terminal, as spaces."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def broken(why: str) -> SandboxFailed:
    """The error for a sandbox that breaks the protocol."""
    return SandboxFailed("the sandbox failed", why, _OPEN_A_NEW_ONE)


class Channel:
    """One request at a time, each answered by frames up to one of kind ``done`` or ``error``."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._buffer = bytearray()

    def ask(
        self,
        header: Mapping[str, JsonValue],
        body: bytes = b"",
        *,
        seconds: float,
        most_bytes: int,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Answer]:
        """Send a request and yield its answers. ``most_bytes`` bounds all of them together.

        Raises ``SandboxFailed`` when a reply is malformed or late, and ``Cancelled`` as soon as ``is_cancelled``
        answers yes. The channel is in sync again only after the last answer was taken.
        """
        ticket = self.begin(header, body)
        yield from self.answers(ticket, seconds=seconds, most_bytes=most_bytes, is_cancelled=is_cancelled)

    def begin(self, header: Mapping[str, JsonValue], body: bytes = b"") -> str:
        """Send a request; returns its ticket, for ``answers``."""
        ticket = secrets.token_hex(8)
        self.send({**header, "id": ticket}, body)
        return ticket

    def answers(
        self, ticket: str, *, seconds: float, most_bytes: int, is_cancelled: Callable[[], bool] | None = None
    ) -> Iterator[Answer]:
        """The answers to the request with this ticket."""
        end = time.monotonic() + seconds
        is_cancelled = is_cancelled and seldom(is_cancelled, CANCEL_SECONDS)
        left = most_bytes
        while True:
            answer = self._frame(end, left, is_cancelled)
            left -= len(answer.body) + LENGTHS.size
            if answer.header.get("id") != ticket:
                raise broken("a reply answers another request")
            yield answer
            if answer.header.get("t") in ("done", "error"):
                return

    def send(self, header: Mapping[str, JsonValue], body: bytes = b"") -> None:
        """Send one frame."""
        head = json.dumps(header).encode()
        try:
            self._wire.send(LENGTHS.pack(len(head), len(body)) + head)
            if body:
                self._wire.send(body)
        except OSError as error:
            raise self._ended() from error

    def _frame(self, end: float, left: int, is_cancelled: Callable[[], bool] | None) -> Answer:
        head, body = LENGTHS.unpack(self._take(LENGTHS.size, end, is_cancelled))
        if head > HEADER_LIMIT or body > left:
            raise broken(f"a reply of {head} + {body} bytes is too big")
        try:
            header = json.loads(self._take(head, end, is_cancelled))
        except (ValueError, RecursionError) as error:
            raise broken("a reply is not JSON") from error
        if not isinstance(header, dict):
            raise broken("a reply is not a JSON object")
        return Answer(header, self._take(body, end, is_cancelled))

    def _take(self, size: int, end: float, is_cancelled: Callable[[], bool] | None) -> bytes:
        while len(self._buffer) < size:
            self._fill(end, is_cancelled)
        data = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return data

    def _fill(self, end: float, is_cancelled: Callable[[], bool] | None) -> None:
        refuse_cancelled(is_cancelled)
        left = end - time.monotonic()
        if left <= 0:
            raise broken("no reply in time")
        try:
            data = self._wire.receive(min(left, POLL_SECONDS))
        except OSError as error:
            raise self._ended() from error
        if data == b"":
            raise self._ended()
        self._buffer += data or b""

    def _ended(self) -> SandboxEnded:
        words = printable(self._wire.last_words())
        why = f"its process ended ({words[-300:]})" if words else "its process ended"
        return SandboxEnded("the sandbox failed", why, _OPEN_A_NEW_ONE)
