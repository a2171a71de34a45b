"""Who has gone: a client that has closed its socket, and not only said its last word.

To who reads from a socket both are the same end. The kernel tells them apart: only when the other end is closed it
reports a hang-up. asyncio does not pass that on, so it is asked for here.
"""

import asyncio
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Leaving:
    """Watches connections for the loop that runs, until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._loop.add_reader(self._epoll.fileno(), self._tell)

    @contextmanager
    def ending(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Cancel what is done in the block, by the task that entered it, so long after the other end was closed."""
        fd, task = connection.fileno(), asyncio.current_task()
        timers: list[asyncio.TimerHandle] = []

        def gone() -> None:
            if task:
                timers.append(self._loop.call_later(seconds, task.cancel))

        self._epoll.register(fd, 0)  # a hang-up is told whether it was asked for or not
        self._watched[fd] = gone
        try:
            yield
        finally:
            # A connection that was closed meanwhile may have left its number to another one.
            if self._watched.get(fd) is gone:
                self._forget(fd)
            for timer in timers:
                timer.cancel()

    def close(self) -> None:
        """Watch nobody any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _tell(self) -> None:
        for fd, _ in self._epoll.poll(0):
            self._forget(fd)()

    def _forget(self, fd: int) -> Callable[[], None]:
        with suppress(OSError):  # who is closed is watched no more
            self._epoll.unregister(fd)
        return self._watched.pop(fd)
