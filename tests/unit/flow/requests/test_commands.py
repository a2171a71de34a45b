"""``/deputy …``: answers for the person who asked, and for nobody else."""

from deputy.domain.tasks.status import TaskStatus
from tests.support.deputy_under_test import ALICE, CORA, NOTE, RATE, SAM, DeputyUnderTest


def test_help_status_and_what_does_not_exist(deputy: DeputyUnderTest) -> None:
    assert "/deputy status" in deputy.command("help")
    assert "not asked me for anything" in deputy.command("status")
    assert "There is no `/deputy dance`" in deputy.command("dance")
    thread = deputy.say(NOTE)
    deputy.run()
    assert f"{deputy.task(thread).id}: Delivered" in deputy.command("status")


def test_cancel_names_the_task(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(RATE)
    deputy.run()
    assert "Name the task to cancel" in deputy.command("cancel")
    assert deputy.command(f"cancel {deputy.task(thread).id}") == f"{deputy.task(thread).id} is cancelled."
    assert deputy.task(thread).status is TaskStatus.CANCELLED


def test_why_says_by_which_rule(deputy: DeputyUnderTest) -> None:
    assert "senior" in deputy.command("why tiny edit billing/rates.txt")
    assert "There is no action `paint`" in deputy.command("why tiny paint")


def test_the_trail_is_for_those_who_may_query_it(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(RATE)
    deputy.run()
    deputy.click(SAM, "Approve", thread)
    task = deputy.task(thread).id
    assert "You may not query the audit trail" in deputy.command(f"audit {task}", ALICE)
    told = deputy.command(f"audit {task}", CORA)
    assert "U0ALICE" in told
    assert "U0SAM" in told
