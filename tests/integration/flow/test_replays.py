"""A step that is done again after a crash finds what it did, and leaves alone what is no longer its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.store.store import SqlStore, open_store
from deputy.domain.events import Event, EventName
from deputy.domain.people import Actor
from deputy.domain.policy.config import Limits, RepoConfig
from deputy.domain.policy.decision import Action, ApprovalRequirement, Decision, Effect, Severity
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote, VoteChoice
from deputy.domain.review.finding import Finding, GateReport
from deputy.domain.tasks.status import TaskStatus
from deputy.flow.approvals.holds import open_hold
from deputy.flow.delivery import delivery
from deputy.flow.runs.runs import run_task, start
from deputy.flow.state.services import Services
from deputy.flow.upkeep.housekeeping import remind, sweep_failures
from deputy.ports import Fitness
from tests.support.plain_sandbox import PlainSandboxes
from tests.support.steps import DirectSteps
from tests.support.tasks import make_task, with_patch

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ALICE = Actor(team="T0ACME", user="U0ALICE")


@dataclass
class Replay:
    """Steps of which all but the named ones have been recorded before the crash."""

    again: frozenset[str]

    def __call__(
        self, name: str, act: Callable[[], object], *, returns: type[object] | None = None, tries: int = 0
    ) -> object:
        return DirectSteps()(name, act, returns=returns, tries=tries) if name in self.again else True


@dataclass
class Line:
    """A queue that only remembers."""

    ids: list[str] = field(default_factory=list)

    def enqueue(self, ledger: object, workflow: str, workflow_id: str, *args: object, **options: object) -> None:
        del ledger, workflow, args, options
        self.ids.append(workflow_id)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_store(f"sqlite:///{tmp_path}/d.sqlite", str(tmp_path / "blobs"))
    yield store
    store.close()


def world_of(store: SqlStore, line: Line | None = None) -> Services:
    limits = Limits(hold_reminder_seconds=3600, hold_seconds=3600, question_seconds=3600)
    repo = RepoConfig(name="acme/shop", url="shop", branch="main")
    asked = judged(Effect.REVIEW, (ApprovalRequirement(role="role:senior"),)).decision
    bundle = SimpleNamespace(limits=limits, repo=lambda _: repo, decide=lambda *_: asked, holders=lambda *_: ())
    bundle.rules_for = lambda *_: ()
    bundle.longest_counter, bundle.unreadable, bundle.with_own = None, lambda *_: (), lambda *_: bundle
    change = SimpleNamespace(digest="p", paths=("a.py",), repo="acme/shop")
    parts = {
        "store": store,
        "queue": line or Line(),
        "clock": SimpleNamespace(now=lambda: NOW),
        "policies": SimpleNamespace(current=lambda: bundle),
        "repos": SimpleNamespace(
            refresh=lambda _: "", diff=lambda *_: change, read=lambda *_: None, paths=lambda *_: ()
        ),
        "delivery": SimpleNamespace(fitness=lambda *_: Fitness("tip"), has_begun=lambda _: False),
        "sandboxes": PlainSandboxes(),
        "locate": lambda url: url,
        "chat": SimpleNamespace(show=lambda *_: None),
        "team": "T0ACME",
        "bot_user": "U0DEPUTY",
        "image": "",
    }
    return Services(**cast("Any", {name: parts.get(name) for name in Services.__dataclass_fields__}))


def keep(
    store: SqlStore,
    status: TaskStatus,
    *,
    run: int,
    cancel_by: str | None = None,
    patch: str | None = None,
    report: bool = False,
    shown: GateReport | None = None,
) -> None:
    signed = shown or (judged(Effect.ALLOW, ()) if report else None)
    left = with_patch("b", "t") | {"patch": patch} if patch else {}
    if signed:
        left["report"] = store.put_blob(signed.model_dump_json().encode())
    task = make_task(status=status, at=NOW, run=run, **left).updated(cancel_by=cancel_by)
    with store.transaction() as ledger:
        ledger.add_task(task, Event(name=EventName.REQUEST_RECEIVED, at=NOW, actor=ALICE.subject, task=task.id))


def status_of(store: SqlStore) -> TaskStatus:
    with store.transaction() as ledger:
        return ledger.task("D-AAAAAAAA").status


def test_a_judgement_done_again_leaves_the_next_run_in_line(store: SqlStore) -> None:
    keep(store, TaskStatus.QUEUED, run=2)
    run_task(world_of(store), Replay(frozenset({"judge", "stop", "fail"})), "D-AAAAAAAA", 1)
    assert status_of(store) is TaskStatus.QUEUED


def test_a_run_that_fails_while_it_is_to_stop_was_cancelled(store: SqlStore) -> None:
    keep(store, TaskStatus.VERIFYING, run=1, cancel_by=ALICE.subject)
    run_task(world_of(store), Replay(frozenset({"judge", "stop"})), "D-AAAAAAAA", 1)
    assert status_of(store) is TaskStatus.CANCELLED


@pytest.mark.parametrize(
    ("workflow", "status", "run", "after"),
    [
        ("run:D-AAAAAAAA:1", TaskStatus.RUNNING, 1, TaskStatus.FAILED),
        ("run:D-AAAAAAAA:1", TaskStatus.RUNNING, 2, TaskStatus.RUNNING),
        ("run:D-AAAAAAAA:1", TaskStatus.HELD_FOR_SIGNOFF, 1, TaskStatus.HELD_FOR_SIGNOFF),
        ("deliver:D-AAAAAAAA:1:free:abc", TaskStatus.DELIVERING, 1, TaskStatus.FAILED),
        ("deliver:D-AAAAAAAA:1:free:abc", TaskStatus.QUEUED, 2, TaskStatus.QUEUED),
        ("run:D-BBBBBBBB:1", TaskStatus.RUNNING, 1, TaskStatus.RUNNING),
    ],
)
def test_a_lost_workflow_takes_down_only_what_it_had(
    store: SqlStore, workflow: str, status: TaskStatus, run: int, after: TaskStatus
) -> None:
    keep(store, status, run=run)
    keeper = SimpleNamespace(unfinished=lambda: {workflow: "ERROR"})
    sweep_failures(world_of(store), cast("Any", keeper))
    assert status_of(store) is after


def test_a_patch_that_needed_nobody_waits_for_those_whom_todays_policy_asks_for(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, TaskStatus.DELIVERING, run=1, patch="p", report=True)
    needs = (ApprovalRequirement(role="role:senior"),)
    monkeypatch.setattr(delivery, "judge_patch", lambda *_: judged(Effect.REVIEW, needs))
    assert delivery.recheck(world_of(store), "D-AAAAAAAA", "p", "") == ""
    assert status_of(store) is TaskStatus.HELD_FOR_SIGNOFF
    with store.transaction() as ledger:
        (hold,) = ledger.holds(task="D-AAAAAAAA")
    assert hold.needs == needs
    assert hold.why.endswith("Only 0 of the 1 senior needed can decide: tell who keeps the policy.")


@pytest.mark.parametrize(
    ("line", "status"), [(3, TaskStatus.DELIVERING), (9, TaskStatus.HELD_FOR_SIGNOFF)], ids=["seen", "new"]
)
def test_a_signature_covers_what_the_gates_had_found_and_nothing_that_they_find_since(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, line: int, status: TaskStatus
) -> None:
    needs = (ApprovalRequirement(role="role:senior"),)
    shown = judged(Effect.REVIEW, needs, found_at(3))
    keep(store, TaskStatus.DELIVERING, run=1, patch="p", shown=shown)
    services = world_of(store)
    sign(services, store, needs)
    monkeypatch.setattr(delivery, "judge_patch", lambda *_: judged(Effect.REVIEW, needs, found_at(line)))
    delivery.recheck(services, "D-AAAAAAAA", "p", "D-AAAAAAAA.1")
    assert status_of(store) is status


def found_at(line: int) -> Finding:
    return Finding(
        gate="suppressions", severity=Severity.REVIEW, message="m", path="a.py", line=line, rule="suppressions/new"
    )


def sign(services: Services, store: SqlStore, needs: tuple[ApprovalRequirement, ...]) -> None:
    """Sam, a senior, has signed what there is."""
    bundle = services.policies.current()
    cast("Any", bundle).roles = lambda subject, _repo: {"role:senior"} if subject == "user:T0ACME/U0SAM" else set()
    with store.transaction() as ledger:
        hold = open_hold(services, ledger, ledger.task("D-AAAAAAAA"), HoldKind.SIGN_OFF, needs, "why")
        vote = Vote(
            hold=hold.id, subject="user:T0ACME/U0SAM", choice=VoteChoice.APPROVE, digest=hold.digest, roles=(), at=NOW
        )
        ledger.add_vote(vote, Event(name=EventName.VOTE_CAST, at=NOW, actor=vote.subject, task=hold.task))
        ledger.settle_hold(
            hold, HoldStatus.GRANTED, Event(name=EventName.HOLD_GRANTED, at=NOW, actor="deputy", task=hold.task)
        )


def test_a_patch_that_nothing_speaks_against_goes_out(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(store, TaskStatus.DELIVERING, run=1, patch="p")
    monkeypatch.setattr(delivery, "judge_patch", lambda *_: judged(Effect.ALLOW, ()))
    assert delivery.recheck(world_of(store), "D-AAAAAAAA", "p", "") == NOW.isoformat()


def test_a_check_from_before_a_weekend_does_not_let_a_patch_out(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, TaskStatus.DELIVERING, run=1, patch="p")
    monkeypatch.setattr(delivery, "judge_patch", lambda *_: judged(Effect.DENY, ()))
    old = (NOW - timedelta(days=2)).isoformat()
    assert delivery.attach(world_of(store), "D-AAAAAAAA", "p", "", old) is False
    assert status_of(store) is TaskStatus.BLOCKED


def test_a_wish_to_stop_that_the_last_vote_overtook_is_heard(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(store, TaskStatus.DELIVERING, run=1, patch="p", cancel_by="operator:cli")
    monkeypatch.setattr(delivery, "judge_patch", lambda *_: judged(Effect.ALLOW, ()))
    assert delivery.recheck(world_of(store), "D-AAAAAAAA", "p", "") == ""
    assert status_of(store) is TaskStatus.CANCELLED


def test_a_run_in_line_does_not_start_without_the_clearance_that_todays_policy_asks_for(store: SqlStore) -> None:
    keep(store, TaskStatus.QUEUED, run=1)
    assert start(world_of(store), "D-AAAAAAAA", 1) is False
    with store.transaction() as ledger:
        task = ledger.task("D-AAAAAAAA")
    assert task.status is TaskStatus.REFUSED
    assert "it now needs 1 senior to run" in task.outcome


def judged(effect: Effect, needs: tuple[ApprovalRequirement, ...], *findings: Finding) -> GateReport:
    decision = Decision(
        effect=effect, action=Action.EDIT, subject=ALICE.subject, repo="acme/shop", policy="new", needs=needs
    )
    return GateReport(effect=effect, needs=needs, decision=decision, digest="g", findings=findings)


def test_a_hold_whose_deadline_was_missed_is_ended_later(store: SqlStore) -> None:
    keep(store, TaskStatus.HELD_FOR_SIGNOFF, run=1)
    hold = Hold(
        id="D-AAAAAAAA.1",
        task="D-AAAAAAAA",
        kind=HoldKind.SIGN_OFF,
        repo="acme/shop",
        digest="d",
        needs=(ApprovalRequirement(role="role:senior"),),
        excluded=(),
        why="",
        nonce="n",
        opened_at=NOW - timedelta(days=3),
        expires_at=NOW - timedelta(minutes=11),
    )
    with store.transaction() as ledger:
        ledger.add_hold(hold, Event(name=EventName.HOLD_OPENED, at=NOW, actor="deputy", task=hold.task))
    line = Line()
    remind(world_of(store, line), cast("Any", None))
    assert line.ids == ["expire:D-AAAAAAAA.1:late:2"]


@pytest.mark.parametrize(("minutes", "names"), [(62, []), (72, ["expire-question:D-AAAAAAAA:0:late:2"])])
def test_a_question_whose_deadline_was_missed_is_ended_by_the_clock(
    store: SqlStore, minutes: int, names: list[str]
) -> None:
    keep(store, TaskStatus.NEEDS_ANSWER, run=0)
    line = Line()
    services = world_of(store, line)
    later = NOW + timedelta(minutes=minutes)
    remind(replace(services, clock=cast("Any", SimpleNamespace(now=lambda: later))), cast("Any", None))
    assert line.ids == names
