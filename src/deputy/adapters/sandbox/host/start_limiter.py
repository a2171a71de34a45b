"""Who may start a container now: a few at once, and what nobody waits for comes last."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deputy.adapters.sandbox.channel.channel import refuse_cancelled

_POLL_SECONDS = 0.2


class StartLimiter:
    """Lets ``at_once`` starts through: they are bound by the engine's processor time."""

    def __init__(self, at_once: int) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._in_line = 0

    @contextmanager
    def for_task(self, is_cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """A place for a start that somebody waits for. Raises ``Cancelled``."""
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
    def for_stock(self, is_over: threading.Event) -> Iterator[bool]:
        """A place for a start that nobody waits for yet, once nobody is in line; False when it ``is_over`` before."""
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
