"""Waiting for a slow answer and for the wish to stop, whichever comes first."""

import threading
import time

import pytest

from deputy.domain.errors import Cancelled, Unavailable
from deputy.flow.runs.waiting import unless_cancelled


def test_what_comes_in_time_is_given() -> None:
    assert unless_cancelled(lambda: time.sleep(0.3) or "answer", lambda: False) == "answer"


@pytest.mark.parametrize("error", [Unavailable("away"), TimeoutError("its own")])
def test_what_it_raises_is_raised(error: Exception) -> None:
    def act() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        unless_cancelled(act, lambda: False)
    assert caught.value is error


def test_a_wish_to_stop_is_seen_at_once_and_the_answer_dropped() -> None:
    may_answer, answered, asked = threading.Event(), threading.Event(), time.monotonic()

    def act() -> str:
        may_answer.wait(60)
        answered.set()
        return "late"

    with pytest.raises(Cancelled):
        unless_cancelled(act, lambda: time.monotonic() - asked > 0.3)
    assert not answered.is_set()
    may_answer.set()
    assert answered.wait(10)


def test_nothing_is_begun_for_a_task_that_is_to_stop_already() -> None:
    begun: list[str] = []
    with pytest.raises(Cancelled):
        unless_cancelled(lambda: begun.append("begun"), lambda: True)
    time.sleep(0.1)
    assert begun == []
