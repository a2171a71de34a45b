"""A step's outcome is a value: replayed, it means the same; an unavailable service is tried again, a bug is not."""

import json

import pytest
from pydantic import ValidationError

from deputy.domain.errors import BadInput, Cancelled, Unavailable
from deputy.domain.value import Value
from deputy.flow.state.steps import Patience, StepFailed, outcome_of, value_of


class Greeting(Value):
    said: str


def patience(naps: list[float], attempts: int = 4) -> Patience:
    return Patience(attempts=attempts, pause=1, sleep=naps.append)


def test_a_value_comes_back_as_it_was() -> None:
    outcome = outcome_of("greet", lambda: Greeting(said="hello"), Greeting, patience([]))
    assert value_of(json.loads(json.dumps(outcome)), Greeting) == Greeting(said="hello")
    names = outcome_of("names", lambda: ["a", "b"], list[str], patience([]))
    assert value_of(json.loads(json.dumps(names)), list[str]) == ["a", "b"]


def test_what_is_not_asked_for_is_not_kept() -> None:
    outcome = outcome_of("greet", lambda: Greeting(said="hello"), None, patience([]))
    assert outcome == {"value": None}
    assert value_of(outcome, None) is None


def test_a_result_of_another_type_is_no_result() -> None:
    with pytest.raises(ValidationError):
        value_of({"value": {"said": 5}}, Greeting)


def test_an_unavailable_service_is_tried_again_after_growing_pauses() -> None:
    naps: list[float] = []
    tries: list[int] = []

    def act() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise Unavailable("Slack does not answer")
        return "done"

    assert value_of(outcome_of("act", act, str, patience(naps)), str) == "done"
    assert naps == [1, 2]


def test_patience_ends_with_the_sentence_for_the_user() -> None:
    naps: list[float] = []

    def act() -> str:
        raise Unavailable("Slack does not answer", "it is down", "try later")

    outcome = outcome_of("act", act, str, patience(naps))
    assert len(naps) == 3
    with pytest.raises(StepFailed) as failed:
        value_of(json.loads(json.dumps(outcome)), str)
    assert failed.value.sentence == "Slack does not answer: it is down. Try later."
    assert not failed.value.was_cancelled


def test_bad_input_is_not_tried_again() -> None:
    naps: list[float] = []

    def act() -> str:
        raise BadInput("too long")

    assert outcome_of("act", act, str, patience(naps)) == {"error": "Too long.", "kind": "BadInput"}
    assert naps == []


def test_a_bug_becomes_a_sentence_without_its_details() -> None:
    def act() -> str:
        raise ValueError("secret detail")

    outcome = outcome_of("act", act, str, patience([]))
    assert "secret detail" not in json.dumps(outcome)
    assert "nothing was delivered" in str(outcome["error"])


def test_a_cancellation_is_known_after_a_replay() -> None:
    def act() -> str:
        raise Cancelled("the task was cancelled")

    with pytest.raises(StepFailed) as failed:
        value_of(json.loads(json.dumps(outcome_of("act", act, str, patience([])))), str)
    assert failed.value.was_cancelled
