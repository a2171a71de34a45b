"""In the box: a loopback port whose connections go to the gateway's socket, while a command runs.

Part of process 1's program and of its one loop: nothing here waits, nothing grows. From each end no more is read than
the other end has taken, so a connection holds one piece each way at most. Sent over stdin like ``inside``: standard
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
    """One of a connection's two sockets. ``waiting`` are bytes that it has to take before more is read for it."""

    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        self.other = self
        self.waiting = b""
        self.has_ended = False  # it sends nothing any more
        self.is_told = False  # that nothing more comes for it

    def fill(self) -> None:
        """Read a piece for the other end, if that has taken the last one."""
        if self.has_ended or self.other.waiting:
            return
        with contextlib.suppress(BlockingIOError):
            self.other.waiting = self.socket.recv(PIECE)
            self.has_ended = not self.other.waiting

    def drain(self) -> None:
        """Let it take what waits for it; then pass on that there is no more."""
        with contextlib.suppress(BlockingIOError):
            while self.waiting:
                self.waiting = self.waiting[self.socket.send(self.waiting) :]
            if self.other.has_ended and not self.is_told:
                self.is_told = True
                self.socket.shutdown(socket.SHUT_WR)

    def interest(self) -> int:
        """What to poll for; nothing while the other end is slow."""
        reads = 0 if self.has_ended or self.other.waiting else select.POLLIN
        return reads | (select.POLLOUT if self.waiting else 0)


class Relay:
    """Listens, and has ``poll`` find what is ready; the loop that polls calls ``handle`` for it."""

    def __init__(self, path: str = SOCKET, port: int = PORT, most: int = MAX_CONNECTIONS) -> None:
        self.path, self.most = path, most
        self.ends: dict[int, End] = {}
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.setblocking(False)
        self.poll = select.poll()
        self.watch_listener()

    @staticmethod
    def is_wanted() -> bool:
        """Whether this box has a gateway."""
        return Path(SOCKET).exists()

    @staticmethod
    def is_answered() -> bool:
        """Whether somebody listens at the gateway's socket: a file that came from another machine is not enough."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as far:
            try:
                far.connect(SOCKET)
            except OSError:
                return False
        return True

    def handle(self, fd: int) -> None:
        """Do what can be done for a ready socket; nothing for one that went with its other end since the poll."""
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
            if end.is_told and end.other.is_told:
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
        """Poll for what is of use. For nothing at all a poll would still report a hang-up, over and over."""
        if interest := end.interest():
            self.poll.register(end.socket.fileno(), interest)
        else:
            self.forget(end.socket.fileno())

    def watch_listener(self) -> None:
        """Take more connections only while there may be more; the kernel keeps a few waiting."""
        if len(self.ends) < 2 * self.most:
            self.poll.register(self.listener.fileno(), select.POLLIN)
        else:
            self.forget(self.listener.fileno())

    def forget(self, fd: int) -> None:
        """Poll no more for this one."""
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
