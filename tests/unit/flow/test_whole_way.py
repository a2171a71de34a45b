"""From the mention to the delivered patch, in process; and the same with a crash after every step."""

from pathlib import Path

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from tests.support.deputy_under_test import ALICE, NOTE, RATE, SAM, DeputyUnderTest


def test_a_patch_that_nobody_has_to_sign_is_delivered(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(NOTE)
    deputy.run()
    task = deputy.task(thread)
    assert (task.status, deputy.card(thread).status) == (TaskStatus.DELIVERED, "Delivered")
    (files,) = deputy.chat.files.values()
    assert [file.name.partition(".")[2] for file in files] == ["patch", "evidence.json", "checks.log"]
    assert b"Requested-by: user:T0ACME/U0ALICE" in files[0].content
    assert deputy.store.verify_audit().is_intact


def test_a_sensitive_patch_waits_for_a_senior_and_goes_out_with_their_name(deputy: DeputyUnderTest) -> None:
    thread = deputy.say(RATE)
    deputy.run()
    assert deputy.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF
    assert deputy.chat.files == {}
    assert [user for user, _, _ in deputy.chat.direct.values()] == [SAM]
    assert "somebody else has to decide" in deputy.click(ALICE, "Approve", thread)
    assert deputy.click(SAM, "Approve", thread) == f"You approved {deputy.task(thread).id}."
    assert deputy.task(thread).status is TaskStatus.DELIVERED
    (files,) = deputy.chat.files.values()
    assert b"Approved-by: user:T0ACME/U0SAM" in files[0].content


def journey(folder: Path, lost: set[str], *, is_crashing: bool) -> DeputyUnderTest:
    """The sensitive patch from request to delivery; each step is done and lost once when it crashes."""
    deputy = DeputyUnderTest(folder)

    def crash_after(key: str) -> bool:
        is_first = is_crashing and key not in lost
        lost.add(key)
        return is_first

    deputy.crash_after = crash_after
    thread = deputy.say(RATE)
    deputy.run()
    deputy.click(SAM, "Approve", thread)
    return deputy


def test_a_crash_after_every_step_changes_nothing(tmp_path: Path) -> None:
    """Each effect can happen twice: its key finds the first. Work and checks that ran again are recorded again."""
    steps: set[str] = set()
    (tmp_path / "calm").mkdir()
    (tmp_path / "rough").mkdir()
    calm = journey(tmp_path / "calm", set(), is_crashing=False)
    rough = journey(tmp_path / "rough", steps, is_crashing=True)
    try:
        assert len(steps) > 20
        counted = {EventName.RUN_BEGUN, EventName.RUN_COMMAND, EventName.CHECKS_FINISHED}
        trails = [[e.name for e in deputy.events() if e.name not in counted] for deputy in (calm, rough)]
        assert trails[0] == trails[1]
        assert rough.chat.said == calm.chat.said
        assert list(rough.chat.files) == list(calm.chat.files)
        assert [files[0].content for files in rough.chat.files.values()] == [
            files[0].content for files in calm.chat.files.values()
        ]
        assert {key: card.status for key, card in rough.chat.cards.items()} == {
            key: card.status for key, card in calm.chat.cards.items()
        }
        assert rough.store.verify_audit().is_intact
    finally:
        calm.close()
        rough.close()
