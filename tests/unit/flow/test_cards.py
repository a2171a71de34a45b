"""The card: its words and buttons follow from the task alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.people import Actor
from deputy.domain.policy.decision import ApprovalRequirement, Severity
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote, VoteChoice
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.tasks.request import Choice, Clarification, Place, TaskKind, TaskSpec
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task
from deputy.flow.state.cards import (
    FINDINGS_SHOWN,
    View,
    approval_card,
    checks_text,
    compose,
    feedback_text,
    findings_text,
    size_text,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPEC = TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal="fix the lint in `shop`")


def task(status: TaskStatus = TaskStatus.RUNNING, **changes: object) -> Task:
    known = Task(
        id="D-AAAAAAAA",
        request="slack:T0ACME:C0SHOP:1.1",
        requester=Actor(team="T0ACME", user="U0ALICE"),
        place=Place(team="T0ACME", channel="C0SHOP", thread="1.1"),
        text="<@U0DEPUTY> can you just fix the lint in `shop`",
        status=status,
        created_at=NOW,
        updated_at=NOW,
        spec=SPEC,
    )
    return known.model_copy(update=changes)


def hold(kind: HoldKind = HoldKind.SIGN_OFF) -> Hold:
    return Hold(
        id="D-AAAAAAAA.1",
        task="D-AAAAAAAA",
        kind=kind,
        repo="acme/shop",
        digest="d" * 64,
        needs=(ApprovalRequirement(role="role:senior"),),
        excluded=("user:T0ACME/U0ALICE",),
        why="Rule r-billing asks for review.",
        nonce="opaque",
        opened_at=NOW,
        expires_at=NOW + timedelta(days=3),
    )


@given(st.sampled_from(TaskStatus))
def test_a_task_that_has_ended_has_no_buttons_and_every_other_can_be_cancelled(status: TaskStatus) -> None:
    actions = {button.action for button in compose(View(task(status))).buttons}
    if is_final(status) or status is TaskStatus.DELIVERING:
        assert not actions
    else:
        assert "deputy.cancel" in actions


def test_the_headline_is_plain_words() -> None:
    assert compose(View(task())).headline == "Fix the lint in shop"
    before = task(TaskStatus.NEEDS_ANSWER, spec=None)
    assert "U0DEPUTY" not in compose(View(before, bot_user="U0DEPUTY")).headline


def test_a_question_offers_its_choices() -> None:
    asked = Clarification(
        field="repo", text="Which repository?", choices=(Choice(label="acme/shop", value="acme/shop"),)
    )
    card = compose(View(task(TaskStatus.NEEDS_ANSWER, spec=None, clarification=asked)))
    assert card.notes[0] == "Which repository?"
    assert (card.buttons[0].label, card.buttons[0].value) == ("acme/shop", "D-AAAAAAAA|acme/shop")


@pytest.mark.parametrize("status", [TaskStatus.HELD_FOR_CLEARANCE, TaskStatus.HELD_FOR_SIGNOFF])
def test_an_approver_sees_who_may_decide_why_and_two_buttons(status: TaskStatus) -> None:
    card = compose(View(task(status), hold=hold(), approvers=("U0SAM",), diff="+x = 1"))
    assert {fact.label: fact.people for fact in card.facts}["Can decide"] == ("U0SAM",)
    assert "Rule r-billing asks for review." in card.notes
    approve, deny, _ = card.buttons
    assert (approve.action, deny.action) == ("deputy.approve", "deputy.deny")
    assert approve.value == deny.value == "D-AAAAAAAA.1|opaque"
    assert "deputy.cancel" not in {
        b.action for b in approval_card(View(task(status), hold=hold(), approvers=("U0SAM",))).buttons
    }


def test_a_sign_off_that_was_given_names_who_gave_it() -> None:
    vote = Vote(
        hold="D-AAAAAAAA.1",
        subject="user:T0ACME/U0SAM",
        choice=VoteChoice.APPROVE,
        digest="d" * 64,
        roles=("role:senior",),
        at=NOW,
    )
    granted = hold().model_copy(update={"status": HoldStatus.GRANTED})
    facts = {
        fact.label: fact.people for fact in compose(View(task(TaskStatus.DELIVERED), hold=granted, votes=(vote,))).facts
    }
    assert facts["Approved by"] == ("U0SAM",)
    assert "Needs" not in facts
    open_still = {
        fact.label for fact in compose(View(task(TaskStatus.HELD_FOR_SIGNOFF), hold=hold(), votes=(vote,))).facts
    }
    assert "Needs" in open_still
    assert "Approved by" not in open_still


def test_the_diff_is_shown_only_while_somebody_has_to_decide_on_it() -> None:
    view = View(task(TaskStatus.HELD_FOR_SIGNOFF), hold=hold(), diff="diff --git a/x b/x\nindex 1..2 100644\n+x\n")
    assert compose(view).code == "diff --git a/x b/x\n+x"
    assert compose(View(task(TaskStatus.DELIVERED), diff="+x")).code == ""


def test_a_long_diff_ends_with_where_the_rest_is() -> None:
    card = compose(View(task(TaskStatus.HELD_FOR_SIGNOFF), hold=hold(), diff="+line\n" * 2000))
    assert card.code.endswith("the full patch is in the thread")


def test_findings_are_ranked_and_the_rest_is_counted() -> None:
    found = [Finding(gate="size", severity=Severity.ADVISE, message=f"note {n}") for n in range(FINDINGS_SHOWN + 2)]
    lines = findings_text(
        [*found, Finding(gate="secrets", severity=Severity.DENY, message="a key", path="a.py", line=3)]
    )
    assert lines[0] == "Stops the patch: a key (a.py:3)"
    assert lines[-1] == "… and 3 more in the evidence."


def test_every_topic_is_on_the_card_before_one_of_them_is_there_twice() -> None:
    many = [Finding(gate="dependencies", severity=Severity.REVIEW, message=f"new {n}") for n in range(30)]
    few = [
        Finding(gate="tests-weakened", severity=Severity.REVIEW, message="test_x is gone", path="t.py"),
        Finding(gate="personal-data", severity=Severity.REVIEW, message="an address", path="a.csv", line=2),
    ]
    lines = findings_text([*many, *few])
    assert lines[0] == "Secrets and personal data: an address (a.csv:2)"
    assert sum(line.startswith("Other people's code: new") for line in lines) == FINDINGS_SHOWN - 2
    assert lines[-2:] == (
        "Tests and checks ask for less: test_x is gone (t.py)",
        f"… and {32 - FINDINGS_SHOWN} more in the evidence.",
    )


def test_an_agent_is_told_where_what_and_what_to_do() -> None:
    found = Finding(gate="secrets", severity=Severity.DENY, message="A key", path="a.py", line=3, fix="take it out")
    assert feedback_text([found]) == "- secrets a.py:3: A key. Take it out."
    many = [found.model_copy(update={"line": n}) for n in range(1, 100)]
    assert len(feedback_text(many).splitlines()) == 11


def test_a_check_that_was_broken_before_says_so() -> None:
    def check(name: str, phase: CheckPhase, *, passed: bool) -> CheckResult:
        summary = "passed" if passed else "exit 1"
        return CheckResult(
            name=name, phase=phase, argv=("x",), exit_code=0, passed=passed, seconds=1, log="l", summary=summary
        )

    proof = Evidence(
        checks=(
            check("lint", CheckPhase.PATCH, passed=False),
            check("lint", CheckPhase.BASE, passed=False),
            check("types", CheckPhase.PATCH, passed=False),
        )
    )
    assert checks_text(proof) == "lint: exit 1 (without the patch too), types: exit 1"


def test_sizes_read_as_people_say_them() -> None:
    one = FileChange(
        path="a", kind=ChangeKind.MODIFIED, old_mode="100644", new_mode="100644", old_blob="1", new_blob="2",
        added_lines=2, removed_lines=1,
    )  # fmt: skip
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=(one,))
    assert size_text(change) == "1 file, +2 −1"
    assert size_text(change.model_copy(update={"files": (one, one)})) == "2 files, +4 −2"
