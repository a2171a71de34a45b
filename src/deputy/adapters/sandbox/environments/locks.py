"""One build of an environment at a time. A caller that waited for a build that failed gets the same failure."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deputy.domain.errors import BadInput

_WAIT_SECONDS = 0.5


@dataclass
class _BuildLock:
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: int = 0
    last: BadInput | None = None


class BuildLocks:
    """Locks within this process. Another process may build the same environment at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, _BuildLock] = {}

    @contextmanager
    def take(self, name: str, wait: Callable[[], None]) -> Iterator[BadInput | None]:
        """Hold the lock of this name. Yields the failure of a build that failed while this caller waited, if any.

        ``wait`` is called again and again; an error that it raises ends the waiting. Only ``BadInput`` is shared: a
        build that was cancelled, or whose builder or engine failed, says nothing about the next one.
        """
        with self._lock:
            build = self._locks.setdefault(name, _BuildLock())
            before = build.failures
        while not build.lock.acquire(timeout=_WAIT_SECONDS):
            wait()
        try:
            yield None if build.last is None or build.failures == before else _copy(build.last)
        except BadInput as error:
            build.failures, build.last = build.failures + 1, _copy(error)
            raise
        finally:
            build.lock.release()


def _copy(error: BadInput) -> BadInput:
    """The same error without its traceback, which would keep the build's variables alive."""
    return type(error)(error.what, error.why, error.todo)
