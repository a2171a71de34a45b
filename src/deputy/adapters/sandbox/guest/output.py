"""A command's output: read from its pipe, kept within bounds, and shown while it comes.

Part of process 1 (see ``inside``): standard library only.
"""

import os
from collections.abc import Callable

CHUNK = 1 << 16
SHOWN_SECONDS = 0.02
FOR_EVER = float("inf")


class Capped:
    """The first and the last bytes of an output, half of ``limit`` each, and how many were left out between."""

    def __init__(self, limit: int) -> None:
        self.half = max(limit // 2, 1)
        self.head, self.tail, self.total = bytearray(), bytearray(), 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.total += len(data)
        room = self.half - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * self.half + CHUNK:
            del self.tail[: -self.half]

    def result(self) -> tuple[bytes, int]:
        """What was kept, with a mark at the cut, and how many bytes were cut."""
        tail = bytes(self.tail[-self.half :])
        cut = self.total - len(self.head) - len(tail)
        mark = b"\n[... %d bytes left out ...]\n" % cut if cut else b""
        return bytes(self.head) + mark + tail, cut


class Output:
    """Reads ``source``, keeps what ``Capped`` keeps, and shows the first ``limit`` bytes.

    The first bytes are shown at once; those that follow within ``SHOWN_SECONDS`` are shown together. Otherwise a
    program that prints byte by byte would keep both ends busy with frames.
    """

    def __init__(self, source: int, limit: int, show: Callable[[bytes], None]) -> None:
        self.source, self.kept, self.show = source, Capped(limit), show
        self.left, self.waiting, self.due = limit, bytearray(), 0.0
        os.set_blocking(source, False)

    def pump(self) -> bool:
        """Read one piece; False at the end."""
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return True
        self.kept.add(data)
        live = data[: self.left]
        self.left -= len(live)
        self.waiting += live
        return bool(data)

    def show_due(self, now: float) -> float:
        """Show the waiting bytes if they are due; the seconds until the next ones are due."""
        if self.waiting and (now >= self.due or len(self.waiting) >= CHUNK):
            self.show_rest()
            self.due = now + SHOWN_SECONDS
        return self.due - now if self.waiting else FOR_EVER

    def show_rest(self) -> None:
        """Show all waiting bytes."""
        if self.waiting:
            self.show(bytes(self.waiting))
            self.waiting.clear()
