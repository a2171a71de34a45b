"""Trouble on demand, for tests: the next calls of a method fail in the way that was asked for."""

import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """How a call fails. ``DROP_AFTER`` does the work and loses the answer; ``DROP_BEFORE`` never does it."""

    RATE_LIMITED = "ratelimited"
    SERVER_ERROR = "server_error"
    ERROR_CODE = "error_code"
    SLOW = "slow"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    GARBAGE = "garbage"


@dataclass(frozen=True)
class Fault:
    """One planned failure. ``seconds`` is the Retry-After or the delay; ``code`` the error of ``ERROR_CODE``."""

    trouble: Trouble
    seconds: float = 1.0
    code: str = "internal_error"


class Faults:
    """Planned failures by method (``*`` for any), and how often each method was called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: dict[str, list[Fault]] = {}
        self.calls: Counter[str] = Counter()

    def plan(
        self, method: str, trouble: Trouble | str, times: int = 1, *, seconds: float = 1.0, code: str = ""
    ) -> None:
        """The next ``times`` calls of ``method`` fail so."""
        fault = Fault(Trouble(trouble), seconds, code or "internal_error")
        with self._lock:
            self._planned.setdefault(method, []).extend([fault] * times)

    def clear(self) -> None:
        """No more trouble."""
        with self._lock:
            self._planned.clear()

    def next(self, method: str) -> Fault | None:
        """Count a call, and take the failure planned for it."""
        with self._lock:
            self.calls[method] += 1
            for name in (method, "*"):
                if self._planned.get(name):
                    return self._planned[name].pop(0)
        return None
