"""One build of an environment at a time; who waited for one that failed shares its failure."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deputy.domain.errors import BadInput

_WAIT_SECONDS = 0.5


@dataclass
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: int = 0
    last: BadInput | None = None


class BuildLocks:
    """Of one process: another may build the same at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}

    @contextmanager
    def take(self, name: str, wait: Callable[[], None]) -> Iterator[BadInput | None]:
        """Wait until nobody builds what has this name. Gives the failure of a build that ended so meanwhile, if any.

        ``wait`` is called again and again; what it raises ends the waiting. A build that somebody cancelled, whose
        builder was ended from outside, or whose engine was out of reach, says nothing about the next one.
        """
        with self._lock:
            turn = self._turns.setdefault(name, _Turn())
            before = turn.failures
        while not turn.lock.acquire(timeout=_WAIT_SECONDS):
            wait()
        try:
            yield None if turn.last is None or turn.failures == before else _anew(turn.last)
        except BadInput as error:
            turn.failures, turn.last = turn.failures + 1, _anew(error)
            raise
        finally:
            turn.lock.release()


def _anew(error: BadInput) -> BadInput:
    """The same words without the traceback, which would keep the build's variables alive."""
    return type(error)(error.what, error.why, error.todo)
