"""Buttons: what is written is read back, cards of the first release still work, and nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.buttons import (
    AnswerClick,
    CancelClick,
    VoteClick,
    answer_button,
    cancel_button,
    read_click,
    vote_button,
)
from deputy.domain.identifiers import TaskId
from deputy.domain.review.approval import VoteChoice

# As cards of the first release carry them.
RELEASED = {
    ("deputy.approve", "D-AAAAAAAA.1|n0nce"): VoteClick(VoteChoice.APPROVE, "D-AAAAAAAA.1", "n0nce"),
    ("deputy.deny", "D-AAAAAAAA.1|n0nce"): VoteClick(VoteChoice.DENY, "D-AAAAAAAA.1", "n0nce"),
    ("deputy.cancel", "D-AAAAAAAA"): CancelClick(TaskId("D-AAAAAAAA")),
    ("deputy.answer.0", "D-AAAAAAAA|acme/shop"): AnswerClick(TaskId("D-AAAAAAAA"), "acme/shop"),
}
ids = st.text("ABCDEFGH0123456789.-", min_size=1)


@pytest.mark.parametrize(("carried", "meant"), RELEASED.items())
def test_what_the_first_release_posted_is_understood(carried: tuple[str, str], meant: object) -> None:
    assert read_click(*carried) == meant


def test_what_is_written_is_what_the_first_release_wrote() -> None:
    task = TaskId("D-AAAAAAAA")
    written = (
        vote_button(VoteChoice.APPROVE, "D-AAAAAAAA.1", "n0nce"),
        vote_button(VoteChoice.DENY, "D-AAAAAAAA.1", "n0nce"),
        cancel_button(task),
        answer_button(0, task, "acme/shop"),
    )
    assert [(each.action, each.value) for each in written] == list(RELEASED)


@given(st.sampled_from(VoteChoice), ids, st.text())
def test_a_vote_comes_back(choice: VoteChoice, hold: str, nonce: str) -> None:
    button = vote_button(choice, hold, nonce)
    assert read_click(button.action, button.value) == VoteClick(choice, hold, nonce)


@given(st.integers(0, 50), ids, st.text())
def test_an_answer_comes_back(number: int, task: str, value: str) -> None:
    button = answer_button(number, TaskId(task), value)
    assert read_click(button.action, button.value) == AnswerClick(TaskId(task), value)


@given(st.text() | st.sampled_from([action for action, _ in RELEASED]), st.text())
def test_nothing_that_a_click_may_carry_raises(action: str, value: str) -> None:
    is_known = action in {known for known, _ in RELEASED} or action.partition(".answer")[0] == "deputy"
    assert is_known or read_click(action, value) is None
