"""Wait for an answer that may take minutes, and for a person's wish to stop, whichever comes first."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

from deputy.domain.errors import Cancelled

T = TypeVar("T")
_POLL_SECONDS = 0.2


def unless_cancelled(act: Callable[[], T], is_cancelled: Callable[[], bool]) -> T:
    """What ``act`` gives or raises; ``Cancelled`` as soon as that is wanted.

    ``act`` runs in a thread of its own, which nobody waits for then: what it still comes to is dropped.
    """
    _refuse(is_cancelled)
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(act())
        except BaseException as error:  # noqa: BLE001 - not handled here, but given to who waits
            answer.set_exception(error)

    threading.Thread(target=run, name="wait", daemon=True).start()
    while True:
        try:
            return answer.result(timeout=_POLL_SECONDS)
        except NotYet:
            if answer.done():  # ``act`` itself ran into a timeout
                return answer.result()
        _refuse(is_cancelled)


def _refuse(is_cancelled: Callable[[], bool]) -> None:
    if is_cancelled():
        raise Cancelled("the task was cancelled")
