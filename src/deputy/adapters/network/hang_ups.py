"""Notices that a client has closed its socket, as opposed to having sent its last byte.

A reader sees the same end of data in both cases. The kernel tells them apart: it reports a hang-up only when the other
end is closed. asyncio does not pass hang-ups on, so they are polled for here.
"""

import asyncio
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class HangUps:
    """Watches connections for hang-ups in the running loop, until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._loop.add_reader(self._epoll.fileno(), self._report)

    @contextmanager
    def cancelling(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Cancel the task that runs the block, ``seconds`` after the other end has hung up."""
        fd, task = connection.fileno(), asyncio.current_task()
        timers: list[asyncio.TimerHandle] = []

        def gone() -> None:
            if task:
                timers.append(self._loop.call_later(seconds, task.cancel))

        self._epoll.register(fd, 0)  # a hang-up is always reported
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
        """Stop watching."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _report(self) -> None:
        for fd, _ in self._epoll.poll(0):
            self._forget(fd)()

    def _forget(self, fd: int) -> Callable[[], None]:
        with suppress(OSError):  # a closed connection is no longer registered
            self._epoll.unregister(fd)
        return self._watched.pop(fd)
