"""Limits how many containers start at the same time. Starts that a task waits for come first."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deputy.adapters.sandbox.channel.channel import refuse_cancelled

_POLL_SECONDS = 0.2


class StartLimiter:
    """Lets ``at_once`` starts run at the same time. Starting is bound by the engine's processor time."""

    def __init__(self, at_once: int) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._in_line = 0

    @contextmanager
    def for_task(self, is_cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Hold a place for a start that a task waits for. Raises ``Cancelled``."""
        self._count(1)
        try:
            while not self._places.acquire(timeout=_POLL_SECONDS):
                refuse_cancelled(is_cancelled)
        finally:
            self._count(-1)
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def for_warm_pool(self, is_over: threading.Event) -> Iterator[bool]:
        """Hold a place for a warm sandbox, once no task is in line.

        Yields False when ``is_over`` is set before that.
        """
        while self._in_line or not self._places.acquire(blocking=False):
            if is_over.wait(_POLL_SECONDS):
                break
        else:
            try:
                yield True
            finally:
                self._places.release()
            return
        yield False

    def _count(self, change: int) -> None:
        with self._lock:
            self._in_line += change
