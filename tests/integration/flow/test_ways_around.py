"""Ways around policy that were tried and worked: each is carried out here, and fails the day it no longer does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from deputy.adapters.repos.trees.checkouts import hides
from deputy.adapters.store import open_store
from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.events import Event, EventName
from deputy.domain.policy.config import Check, RepoConfig
from deputy.domain.policy.decision import Action, Effect, Severity
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.tasks.request import TaskKind, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.policy.facts import facts_of
from deputy.flow.state.services import Services
from deputy.gates import inspect
from deputy.policy import Bundle, load
from deputy.ports import Store
from tests.support.tasks import make_task, with_patch

POLICIES = Path(__file__).parents[3] / "policies"
ALICE = "user:T0ACME/U0ALICE"
MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)


def bundle(csv: str = "", days: int = 7) -> Bundle:
    files = {path.relative_to(POLICIES).as_posix(): path.read_bytes() for path in POLICIES.rglob("*") if path.is_file()}
    files["policy.csv"] += csv.encode()
    files["conditions.toml"] = files["conditions.toml"].replace(b"days = 7", b"days = %d" % days)
    return load(files)


# ---------------------------------------------------------------------------------------------------- hidden paths


@pytest.mark.parametrize(
    ("glob", "path"), [("vault", "vault/key"), (".env*", ".env.d/prod"), ("Secrets/**", "secrets/key")]
)
def test_what_a_sandbox_never_sees_can_not_be_overwritten_blindly(glob: str, path: str) -> None:
    assert hides([glob])(path)
    assert RepoConfig(name="acme/shop", url="shop", hidden=(glob,)).hides(path)


# ---------------------------------------------------------------------------------------------------- the index


@pytest.mark.parametrize("path", ["a:b.pem", "keys/a:b.pem"])
def test_a_deny_by_suffix_finds_a_name_with_a_colon(path: str) -> None:
    governed = bundle("p, d-pem, role:anyone, acme/*, edit, **/*.pem, deny, -\n")
    assert not governed.engine.enforce(ALICE, "acme/shop", Action.EDIT, path)
    assert governed.decide(ALICE, "acme/shop", Action.EDIT, [path]).effect is Effect.DENY


# ---------------------------------------------------------------------------------------------------- counters


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'deputy.sqlite'}", (tmp_path / "artifacts").as_uri())


def patched(
    store: Store, name: str, at: datetime, status: TaskStatus, out: datetime | None = None
) -> tuple[Task, TreeChange]:
    file = FileChange(
        path=f"billing/{name}.py",
        kind=ChangeKind.ADDED,
        old_mode="000000",
        new_mode="100644",
        old_blob="0" * 40,
        new_blob="1" * 40,
        added_lines=1900,
    )
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=(file,))
    kept = store.put_blob(change.model_dump_json().encode())
    asked = make_task(name, status, at=at, **with_patch("b", "u", change=kept))
    task = asked.moved(status, out or at, spec=TaskSpec(repo="acme/shop", kind=TaskKind.OTHER, goal="x"))
    with store.transaction() as ledger:
        ledger.add_task(task, Event(name=EventName.REQUEST_RECEIVED, actor=ALICE, task=name, at=at, data={}))
    return task, change


def judged(store: Store, patch: tuple[Task, TreeChange], governed: Bundle, now: datetime) -> Effect:
    task, change = patch
    services = cast("Services", SimpleNamespace(clock=SimpleNamespace(now=lambda: now), store=store))
    assert task.spec
    with store.transaction() as ledger:
        facts = facts_of(services, ledger, task, task.spec, governed, change)
    return governed.decide(ALICE, "acme/shop", Action.EDIT, change.paths, facts).effect


def test_patches_held_longer_than_the_counters_days_still_add_up(store: Store) -> None:
    governed = bundle(days=1)
    tuesday = MONDAY + timedelta(hours=25)
    for number in range(4):
        out = tuesday - timedelta(minutes=number)
        patched(store, f"D-{number}", MONDAY + timedelta(minutes=number), TaskStatus.DELIVERED, out)
    last = patched(store, "D-4", MONDAY + timedelta(minutes=4), TaskStatus.DELIVERING)
    # All signed and delivered on Tuesday, within minutes of each other.
    assert judged(store, last, governed, tuesday) is Effect.DENY
    # Two days after they went out, nothing is left to count.
    assert judged(store, last, governed, tuesday + timedelta(hours=49)) is Effect.REVIEW


def test_the_earlier_of_two_tasks_sees_the_later_one_that_is_already_on_its_way_out(store: Store) -> None:
    governed, soon = bundle(), MONDAY + timedelta(minutes=5)
    earlier = patched(store, "D-A", MONDAY, TaskStatus.RUNNING)
    later = patched(store, "D-B", MONDAY + timedelta(seconds=1), TaskStatus.DELIVERING)
    assert judged(store, later, governed, soon) is Effect.REVIEW  # nothing speaks against it yet
    assert judged(store, earlier, governed, soon) is Effect.DENY  # while the later one is being posted


def test_of_two_that_go_out_at_once_the_one_that_began_later_sees_the_other(store: Store) -> None:
    governed, soon = bundle(), MONDAY + timedelta(minutes=5)
    second = patched(store, "D-A", MONDAY, TaskStatus.DELIVERING)
    first = patched(store, "D-B", MONDAY + timedelta(seconds=1), TaskStatus.DELIVERING)
    with store.transaction() as ledger:
        for task, _ in (first, second):
            ledger.append(Event(name=EventName.DELIVERY_STARTED, actor="deputy", task=task.id, at=soon))
    assert judged(store, first, governed, soon) is Effect.REVIEW
    assert judged(store, second, governed, soon) is Effect.DENY


# ---------------------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize(
    ("asked", "is_missing"),
    [
        (Check(name="tests", run=("true",)), True),
        (Check(name="tests", run=("python", "-m", "pytest"), env={"PYTEST_ADDOPTS": "-k nothing"}), True),
        (Check(name="tests", run=("python", "-m", "pytest"), report="report.xml"), True),
        (Check(name="tests", run=("python", "-m", "pytest"), kind="tests"), True),
        (Check(name="tests", run=("python", "-m", "pytest"), timeout=1), True),
        (None, True),  # evidence from before results said what was asked for
        (Check(name="tests", run=("python", "-m", "pytest"), bar=Severity.ADVISE), False),
    ],
)
def test_a_result_of_another_command_is_no_result_of_the_check(asked: Check | None, is_missing: bool) -> None:
    done = CheckResult(
        name="tests",
        phase=CheckPhase.PATCH,
        argv=asked.run if asked else ("python", "-m", "pytest"),
        check=asked.digest if asked else "",
        exit_code=0,
        passed=True,
        seconds=1,
        log="0" * 64,
        summary="passed",
    )
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=())
    check = Check(name="tests", run=("python", "-m", "pytest"))
    found = inspect(change, lambda _side, _path: None, Evidence(checks=(done,)), {}, (check,))
    assert ("checks/missing" in {finding.rule for finding in found}) is is_missing
