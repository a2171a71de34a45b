"""While a command runs, connects a loopback port inside the sandbox to the gateway's socket.

Part of process 1 and of its one loop, so nothing here blocks. Each end is read only when the other end has taken the
piece before, so a connection holds at most one piece in each direction. Sent over stdin like ``inside``: standard
library only, for Python 3.10 or newer.
"""

import contextlib
import select
import socket
from pathlib import Path

SOCKET = "/run/deputy/gateway.sock"
PORT = 3128
MAX_CONNECTIONS = 64
PIECE = 1 << 16


class End:
    """One of a connection's two sockets. ``waiting`` holds bytes to send to it before more is read for it."""

    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        self.other = self
        self.waiting = b""
        self.has_ended = False  # no more bytes come from it
        self.is_shut = False  # no more bytes are sent to it

    def fill(self) -> None:
        """Read a piece for the other end, if the other end has taken the last one."""
        if self.has_ended or self.other.waiting:
            return
        with contextlib.suppress(BlockingIOError):
            self.other.waiting = self.socket.recv(PIECE)
            self.has_ended = not self.other.waiting

    def drain(self) -> None:
        """Send the waiting bytes; then shut it down if the other end has ended."""
        with contextlib.suppress(BlockingIOError):
            while self.waiting:
                self.waiting = self.waiting[self.socket.send(self.waiting) :]
            if self.other.has_ended and not self.is_shut:
                self.is_shut = True
                self.socket.shutdown(socket.SHUT_WR)

    def interest(self) -> int:
        """The events to poll for; none while the other end is slow."""
        reads = 0 if self.has_ended or self.other.waiting else select.POLLIN
        return reads | (select.POLLOUT if self.waiting else 0)


class Relay:
    """Listens on the port. The loop polls ``poll`` and calls ``handle`` for each socket that is ready."""

    def __init__(self, path: str = SOCKET, port: int = PORT, most: int = MAX_CONNECTIONS) -> None:
        self.path, self.most = path, most
        self.ends: dict[int, End] = {}
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.setblocking(False)
        self.poll = select.poll()
        self.watch_listener()

    @staticmethod
    def is_wanted() -> bool:
        """Whether this sandbox has a gateway's socket."""
        return Path(SOCKET).exists()

    @staticmethod
    def is_answered() -> bool:
        """Whether the gateway answers at its socket. The file may be there without it, on another machine's engine."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as far:
            try:
                far.connect(SOCKET)
            except OSError:
                return False
        return True

    def handle(self, fd: int) -> None:
        """Move bytes for a ready socket. A socket that was closed since the poll is skipped."""
        if fd == self.listener.fileno():
            self.accept()
        elif end := self.ends.get(fd):
            try:
                end.fill()
                end.other.drain()
                end.drain()
            except OSError:
                self.drop(end)
                return
            if end.is_shut and end.other.is_shut:
                self.drop(end)
                return
            self.watch(end)
            self.watch(end.other)

    def accept(self) -> None:
        """Take one connection, and one to the gateway for it."""
        with contextlib.suppress(OSError):
            near, _ = self.listener.accept()
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                near.setblocking(False)
                far.setblocking(False)
                far.connect(self.path)  # at once, or not at all when too many wait there
            except OSError:
                near.close()
                far.close()
                return
            one, other = End(near), End(far)
            one.other, other.other = other, one
            for end in (one, other):
                self.ends[end.socket.fileno()] = end
                self.watch(end)
            self.watch_listener()

    def watch(self, end: End) -> None:
        """Poll for its events. With none, stop polling it: a poll would report a hang-up again and again."""
        if interest := end.interest():
            self.poll.register(end.socket.fileno(), interest)
        else:
            self.forget(end.socket.fileno())

    def watch_listener(self) -> None:
        """Accept connections only below the limit; the kernel queues a few."""
        if len(self.ends) < 2 * self.most:
            self.poll.register(self.listener.fileno(), select.POLLIN)
        else:
            self.forget(self.listener.fileno())

    def forget(self, fd: int) -> None:
        """Stop polling this one."""
        with contextlib.suppress(KeyError):
            self.poll.unregister(fd)

    def drop(self, end: End) -> None:
        """Close both ends of a connection."""
        for each in (end, end.other):
            self.forget(each.socket.fileno())
            del self.ends[each.socket.fileno()]
            each.socket.close()
        self.watch_listener()

    def close(self) -> None:
        """Close everything."""
        for end in list(self.ends.values()):
            end.socket.close()
        self.ends.clear()
        self.listener.close()
