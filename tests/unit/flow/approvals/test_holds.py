"""Waits for people: who is told, reminded, and how a wait ends."""

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy.flow.upkeep.housekeeping import JOBS
from tests.support.deputy_under_test import RATE, SAM, DeputyUnderTest, NoEngine


def held(deputy: DeputyUnderTest) -> str:
    thread = deputy.say(RATE)
    deputy.run()
    return thread


def test_approvers_are_told_once_and_see_how_it_ended(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    ((user, text, card),) = deputy.chat.direct.values()
    assert (user, text.startswith("Your decision is needed")) == (SAM, True)
    assert card
    assert [button.label for button in card.buttons] == ["Approve", "Deny"]
    deputy.click(SAM, "Deny", thread)
    ((_, text, card),) = deputy.chat.direct.values()
    assert text.startswith("Decided (denied)")
    assert card
    assert card.buttons == ()


def test_approvers_are_reminded(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    deputy.later(hours=25)
    JOBS["remind"][1](deputy.services, NoEngine())
    deputy.run()
    assert any(text.startswith("Still waiting") for _, text, _ in deputy.chat.direct.values())
    assert EventName.HOLD_REMINDED in deputy.names(thread)


def test_a_hold_that_nobody_decides_expires_with_its_task(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    deputy.later(days=30)
    assert deputy.task(thread).status is TaskStatus.EXPIRED
    assert "Nobody decided within the time allowed" in str(deputy.task(thread).outcome)
    assert {EventName.HOLD_EXPIRED, EventName.TASK_EXPIRED} <= set(deputy.names(thread))
