"""Tasks and votes as the first releases stored them, brought to the form with runs."""

from typing import Any

import pytest

from deputy.adapters.store.migrations.versions import v0003_runs
from deputy.domain.review.approval import Vote
from deputy.domain.tasks.run import PartStatus, RunStart
from deputy.domain.tasks.task import Task

EARLIER, LATER = "2026-03-01T12:00:00Z", "2026-03-01T12:09:00Z"


def old(status: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": "D-AAAAAAAA",
        "request": "slack:1",
        "actor": {"team": "T0ACME", "user": "U0ALICE", "enterprise": None},
        "place": {"team": "T0ACME", "channel": "C0SHOP", "thread": "1.1"},
        "text": "fix the lint",
        "status": status,
        "created_at": EARLIER,
        "updated_at": LATER,
        "version": 7,
        "spec": {
            "repo": "acme/shop",
            "kind": "fix",
            "goal": "fix the lint",
            "done": "",
            "recipe": None,
            "arguments": {},
            "paths": [],
            "budget": "standard",
        },
        "clarification": None,
        "steerers": [],
        **dict.fromkeys(("policy", "base", "worker", "patch", "tree", "change_file", "patch_file"), ""),
        **dict.fromkeys(("report_file", "proof_file", "cancel_by", "outcome", "feedback"), ""),
        "run": 0,
        "usage": {"turns": 0, "input_tokens": 0, "output_tokens": 0, "cost": 0.0, "seconds": 0.0},
        "called": 0,
        "called_at": None,
        **fields,
    }


LEFT = {
    "policy": "a" * 64,
    "base": "base",
    "worker": "agent gpt",
    "tree": "tree",
    "patch": "b" * 64,
    "change_file": "c" * 64,
    "proof_file": "d" * 64,
    "report_file": "e" * 64,
    "usage": {"turns": 3, "input_tokens": 9, "output_tokens": 1, "cost": 0.5, "seconds": 2.0},
    "run": 1,
    "called": 1,
    "called_at": EARLIER,
}


def new(value: dict[str, Any]) -> Task:
    return Task.model_validate(v0003_runs.task(value))


@pytest.mark.parametrize("status", ["received", "needs_answer", "refused", "held_for_clearance"])
def test_a_task_that_never_ran(status: str) -> None:
    task = new(old(status, policy="a" * 64))
    assert (task.status, task.runs, task.policy, task.version) == (status, (), "a" * 64, 7)
    assert task.requester.user == "U0ALICE"


@pytest.mark.parametrize("status", ["verifying", "held_for_signoff", "delivering"])
def test_a_patch_on_its_way_keeps_everything_that_votes_bind_to(status: str) -> None:
    task = new(old(status, outcome="I fixed it.", **LEFT))
    assert task.result
    assert (task.result.base, task.result.tree, task.result.patch, task.result.policy) == (
        "base",
        "tree",
        "b" * 64,
        "a" * 64,
    )
    run = task.result.run
    assert (run.evidence, run.report, run.summary, task.outcome) == ("d" * 64, "e" * 64, "I fixed it.", None)
    assert (run.work, run.checks, run.gates) == (PartStatus.DONE, PartStatus.DONE, PartStatus.DONE)
    assert task.usage.turns == 3


def test_a_task_in_line_for_its_first_run() -> None:
    task = new(old("queued", policy="a" * 64, run=1))
    assert task.run
    assert (task.run.number, task.run.dispatched_at, task.run.start) == (1, None, RunStart.BASE)


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_second_try_goes_on_from_the_tree_of_the_first(status: str) -> None:
    called = 2 if status == "running" else 1
    task = new(old(status, feedback="a gate says no", **{**LEFT, "run": 2, "called": called}))
    first, second = task.runs
    assert (first.number, first.tree, first.report, first.dispatched_at is not None) == (1, "tree", "e" * 64, True)
    assert (second.number, second.start, second.tree, second.feedback) == (
        2,
        RunStart.PREVIOUS,
        None,
        "a gate says no",
    )
    assert (second.base, second.dispatched_at is not None) == (("base", True) if status == "running" else (None, False))
    assert task.result
    assert (task.result.tree, task.usage.turns) == ("tree", 3)


def test_a_delivered_task_keeps_its_sentence_and_its_file() -> None:
    task = new(old("delivered", outcome="I fixed it.", **LEFT, patch_file="f" * 64))
    assert task.run
    assert (task.outcome, task.run.summary, task.run.delivered_file) == ("I fixed it.", "I fixed it.", "f" * 64)


def test_what_a_failed_task_says_is_no_claim_of_its_worker() -> None:
    task = new(old("failed", outcome="It broke.", run=1, called=1, called_at=EARLIER))
    assert task.run
    assert (task.outcome, task.run.summary, task.run.work) == ("It broke.", None, PartStatus.FAILED)


def test_a_vote_loses_the_reason_that_nobody_could_give() -> None:
    stored = {
        "hold": "D-AAAAAAAA.1",
        "subject": "user:T0ACME/U0SAM",
        "choice": "approve",
        "digest": "a" * 64,
        "roles": ["role:senior"],
        "at": EARLIER,
        "reason": "",
    }
    assert Vote.model_validate(v0003_runs.vote(stored)).subject == "user:T0ACME/U0SAM"
