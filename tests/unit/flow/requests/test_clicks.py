"""A click counts for what the card showed, once, and only by those who may."""

from dataclasses import replace

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from tests.support.deputy_under_test import ALICE, CORA, RATE, SAM, DeputyUnderTest


def held(deputy: DeputyUnderTest) -> str:
    thread = deputy.say(RATE)
    deputy.run()
    assert deputy.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF
    return thread


def test_a_vote_needs_the_role(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    assert "which you don't have" in deputy.click(CORA, "Approve", thread)
    assert EventName.VOTE_REFUSED in deputy.names(thread)
    assert EventName.VOTE_CAST not in deputy.names(thread)


def test_the_requester_may_cancel_but_not_approve(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    assert "somebody else has to decide" in deputy.click(ALICE, "Approve", thread)
    deputy.click(ALICE, "Cancel", thread)
    assert deputy.task(thread).status is TaskStatus.CANCELLED


def test_a_denied_patch_is_rejected_and_nothing_goes_out(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    deputy.click(SAM, "Deny", thread)
    assert deputy.task(thread).status is TaskStatus.REJECTED
    assert deputy.chat.files == {}


def test_an_old_button_and_one_of_ones_own_making_do_nothing(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    button = next(each for each in deputy.card(thread).buttons if each.label == "Approve")
    forged = replace(button, value=button.value.partition("|")[0] + "|another-nonce")
    assert "no longer exists" in deputy.press(SAM, forged, thread)
    assert "no longer exists" in deputy.press(SAM, replace(button, value="D-NOBODY0.1|x"), thread)
    assert deputy.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF
    deputy.press(SAM, button, thread)
    assert deputy.press(SAM, button, thread) != f"You approved {deputy.task(thread).id}."
    assert deputy.names(thread).count(EventName.VOTE_CAST) == 1
    assert len(deputy.chat.files) == 1


def test_nobody_can_decide_after_the_deadline(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    button = next(each for each in deputy.card(thread).buttons if each.label == "Approve")
    deputy.later(days=30)
    assert deputy.task(thread).status is TaskStatus.EXPIRED
    deputy.press(SAM, button, thread)
    assert deputy.task(thread).status is TaskStatus.EXPIRED
    assert EventName.VOTE_CAST not in deputy.names(thread)
