"""The one table of statuses: every task can end, nothing leaves an end, errors read as sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.errors import BadInput, DeputyError, Stale
from deputy.domain.tasks.status import TRANSITIONS, TaskStatus, check_transition, is_final

FINAL = {
    TaskStatus.REFUSED,
    TaskStatus.BLOCKED,
    TaskStatus.DELIVERED,
    TaskStatus.CANCELLED,
    TaskStatus.REJECTED,
    TaskStatus.EXPIRED,
    TaskStatus.FAILED,
}
# What has to happen before anything may be delivered, whatever the way.
GATES = (TaskStatus.RUNNING, TaskStatus.VERIFYING, TaskStatus.DELIVERING)


def test_the_table_speaks_of_every_status() -> None:
    assert set(TRANSITIONS) == set(TaskStatus)
    assert {status for status in TaskStatus if is_final(status)} == FINAL


@given(st.lists(st.integers(min_value=0), max_size=40))
def test_any_walk_to_delivery_ran_was_verified_and_was_decided(choices: list[int]) -> None:
    status, seen = TaskStatus.RECEIVED, [TaskStatus.RECEIVED]
    for choice in choices:
        following = sorted(TRANSITIONS[status])
        if not following:
            break
        status = following[choice % len(following)]
        check_transition(seen[-1], status)
        seen.append(status)
    if status is TaskStatus.DELIVERED:
        order = [seen.index(gate) for gate in GATES]
        assert order == sorted(order)


@given(st.sampled_from(TaskStatus))
def test_from_everywhere_an_end_can_be_reached(start: TaskStatus) -> None:
    reached, edge = {start}, {start}
    while edge:
        edge = {after for status in edge for after in TRANSITIONS[status]} - reached
        reached |= edge
    assert reached & FINAL


@given(st.sampled_from(sorted(FINAL)), st.sampled_from(TaskStatus))
def test_nothing_leaves_an_end(end: TaskStatus, following: TaskStatus) -> None:
    with pytest.raises(Stale, match="Look at the card"):
        check_transition(end, following)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BadInput("no such repo", "it is not listed", "name another"), "No such repo: it is not listed. Name another."),
        (BadInput("no such repo"), "No such repo."),
        (DeputyError("x", "", "do y"), "X. Do y."),
    ],
)
def test_an_error_is_a_sentence(error: DeputyError, sentence: str) -> None:
    assert str(error) == sentence
