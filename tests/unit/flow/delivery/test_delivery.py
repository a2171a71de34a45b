"""Before a patch goes out, everything that may have changed since the decision is looked at again."""

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy.flow.delivery.delivery import attach
from tests.support.deputy_under_test import ALICE, RATE, SAM, DeputyUnderTest

README = ("100644", b"README.md", b"# Tiny\n")


def held(deputy: DeputyUnderTest) -> str:
    thread = deputy.say(RATE)
    deputy.run()
    assert deputy.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF
    return thread


def test_a_change_elsewhere_does_not_matter(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    rates = ("100644", b"billing/rates.txt", b"3\n5\n")
    deputy.origin.commit(README, rates, ("100644", b"docs/new.md", b"new\n"))
    deputy.click(SAM, "Approve", thread)
    assert deputy.task(thread).status is TaskStatus.DELIVERED
    assert deputy.task(thread).run_number == 1


def test_a_change_of_the_same_file_has_the_work_done_again_and_signed_again(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    tip = deputy.origin.commit(README, ("100644", b"billing/rates.txt", b"4\n6\n"))
    deputy.click(SAM, "Approve", thread)
    task = deputy.task(thread)
    assert task.status is TaskStatus.HELD_FOR_SIGNOFF
    assert deputy.chat.files == {}
    assert [run.base == tip for run in task.runs] == [False, True]
    assert EventName.BASE_MOVED in deputy.names(thread)
    deputy.click(SAM, "Approve", thread)
    assert deputy.task(thread).status is TaskStatus.DELIVERED


def test_policy_that_denies_meanwhile_stops_it(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    files = dict(deputy.policies.files)
    files["policy.csv"] += b"p, d-new, role:anyone, acme/*, edit, billing/**, deny, -\n"
    deputy.policies.files = files
    deputy.click(SAM, "Approve", thread)
    assert deputy.task(thread).status is TaskStatus.BLOCKED
    assert "does not let this be delivered any more" in str(deputy.task(thread).outcome)
    assert deputy.chat.files == {}


def test_a_role_that_was_lost_meanwhile_signs_nothing(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    files = dict(deputy.policies.files)
    rules = files["policy.csv"].decode().splitlines()
    files["policy.csv"] = "\n".join(line for line in rules if "U0SAM" not in line).encode() + b"\n"
    button = next(each for each in deputy.card(thread).buttons if each.label == "Approve")
    deputy.policies.files = files
    assert "which you don't have" in deputy.press(SAM, button, thread)
    assert deputy.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF


def test_a_check_from_long_ago_is_made_again_and_a_hand_over_that_began_is_finished(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    deputy.click(SAM, "Approve", thread)
    task = deputy.task(thread)
    assert task.run
    # It is delivered: what is asked for again finds the files, and posts nothing twice.
    before = len(deputy.chat.said)
    hold = f"{task.id}.1"
    assert attach(deputy.services, task.id, str(task.run.patch), hold, "2020-01-01T00:00:00+00:00") is True
    assert len(deputy.chat.said) == before


def test_what_was_delivered_is_what_the_trail_names(deputy: DeputyUnderTest) -> None:
    thread = held(deputy)
    deputy.click(SAM, "Approve", thread)
    (files,) = deputy.chat.files.values()
    (packed,) = deputy.events(name=EventName.DELIVERY_PACKED)
    assert deputy.store.blob(str(packed.data["file"])) == files[0].content
    assert ALICE in files[0].content.decode()
