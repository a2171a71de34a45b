"""A wire whose other end answers what a test wants: lies, cut frames, silence."""

import json
import struct
import time
from collections.abc import Callable, Mapping

from pydantic import JsonValue

Frame = tuple[Mapping[str, JsonValue], bytes]


def encode(header: object, body: bytes = b"") -> bytes:
    head = json.dumps(header).encode()
    return struct.pack(">II", len(head), len(body)) + head + body


class LyingWire:
    """Answers each request with what ``answer`` makes of its header."""

    def __init__(self, answer: Callable[[dict[str, JsonValue]], bytes], piece: int = 7) -> None:
        self._answer, self._piece = answer, piece
        self._sent, self._waiting = bytearray(), bytearray()
        self.is_broken = self.is_closed = False

    def send(self, data: bytes) -> None:
        if self.is_broken:
            raise BrokenPipeError
        self._sent += data
        while len(self._sent) >= 8:
            head, body = struct.unpack(">II", self._sent[:8])
            if len(self._sent) < 8 + head + body:
                return
            header = json.loads(self._sent[8 : 8 + head])
            del self._sent[: 8 + head + body]
            if "id" in header:
                self._waiting += self._answer(header)

    def receive(self, seconds: float) -> bytes | None:
        if self.is_broken:
            return b""
        data = bytes(self._waiting[: self._piece])
        del self._waiting[: self._piece]
        if not data:
            time.sleep(min(seconds, 0.01))
        return data or None

    def last_words(self) -> str:
        return "Killed\x1b]0;title\x07\n"

    def close(self) -> None:
        self.is_closed = True


def replies(*frames: Frame) -> Callable[[dict[str, JsonValue]], bytes]:
    return lambda request: b"".join(encode({"id": request["id"], **header}, body) for header, body in frames)
