"""How a workflow runs its steps: each outcome is recorded once, an error as a value, so that a replay sees the same."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, overload

import structlog
from pydantic import JsonValue, TypeAdapter

from deputy.domain.errors import Cancelled, DeputyError, Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")


class StepFailed(Exception):
    """A step ended in an error. ``sentence`` is for the user; ``kind`` is the error's class name."""

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence, kind)
        self.sentence, self.kind = sentence, kind

    @property
    def was_cancelled(self) -> bool:
        """Whether a person stopped it."""
        return self.kind == Cancelled.__name__


class Steps(Protocol):
    """Runs a named step once: after a crash, a finished step returns its recorded result without running again."""

    @overload
    def __call__(self, name: str, act: Callable[[], object], *, tries: int = 0) -> None: ...

    @overload
    def __call__(self, name: str, act: Callable[[], T], *, returns: type[T], tries: int = 0) -> T: ...

    def __call__(
        self, name: str, act: Callable[[], object], *, returns: type[object] | None = None, tries: int = 0
    ) -> object:
        """The step's result as a value of type ``returns``; raises ``StepFailed`` when it ended in an error.

        Without ``returns`` nothing of the result is kept. ``tries`` bounds how often an unavailable service is tried; 0
        leaves that to the engine's patience.
        """


@dataclass(frozen=True)
class Patience:
    """How often, and after which pauses (seconds, doubling up to a minute), an unavailable service is tried again."""

    attempts: int = 6
    pause: float = 0.5
    sleep: Callable[[float], None] = time.sleep


def outcome_of(
    name: str, act: Callable[[], object], returns: type[object] | None, patience: Patience
) -> dict[str, JsonValue]:
    """Run ``act`` and turn what happens into a value. This is the boundary at which a step's errors are caught."""
    for attempt in range(patience.attempts):
        try:
            result = act()
            return {"value": TypeAdapter(returns).dump_python(result, mode="json") if returns else None}
        except Unavailable as error:
            if attempt == patience.attempts - 1:
                return failure(error)
            log.warning("step.retry", step=name, attempt=attempt + 1, error=str(error))
            patience.sleep(min(patience.pause * 2**attempt, 60))
        except DeputyError as error:
            return failure(error)
        except Exception as error:
            # The step's boundary: a bug must end one task, not the worker.
            log.exception("step.broke", step=name)
            return {"error": _bug(error), "kind": type(error).__name__}
    raise AssertionError("patience.attempts is at least 1")


def failure(error: DeputyError) -> dict[str, JsonValue]:
    """A known error as a value."""
    return {"error": str(error), "kind": type(error).__name__}


def value_of(outcome: dict[str, JsonValue], returns: type[object] | None) -> object:
    """The value inside an outcome, read as ``returns``; or ``StepFailed``."""
    if "error" in outcome:
        raise StepFailed(str(outcome["error"]), str(outcome["kind"]))
    return TypeAdapter(returns).validate_python(outcome["value"]) if returns else None


def _bug(error: Exception) -> str:
    return (
        f"Deputy itself failed ({type(error).__name__}): nothing was delivered. "
        "Ask again; if it repeats, give your Deputy's operator the task's id: the log has the details."
    )
