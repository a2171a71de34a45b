"""A task with its runs: what is asked of it, and that no field of it can be misspelt."""

from datetime import timedelta
from pathlib import Path
from typing import get_type_hints

import pytest
from mypy import api

from deputy.domain.identifiers import Digest
from deputy.domain.tasks.run import PartStatus, Run, RunChanges, RunStart
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task, TaskChanges
from deputy.domain.tasks.usage import Usage
from tests.support.tasks import NOON, make_task, with_patch

LATER = NOON + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("value", "changes", "fixed"),
    [
        (Run, RunChanges, {"number", "start", "feedback", "queued_at"}),
        (
            Task,
            TaskChanges,
            {"id", "request", "requester", "place", "status", "created_at", "updated_at", "version", "parent"},
        ),
    ],
)
def test_what_may_change_is_what_the_value_has(value: type, changes: type, fixed: set[str]) -> None:
    fields = {name: kind for name, kind in get_type_hints(value).items() if name in value.model_fields}
    assert get_type_hints(changes) == {name: kind for name, kind in fields.items() if name not in fixed}


MISSPELT = {
    "task.updated(outcom='x')": "outcom",
    "task.updated(outcome=5)": "outcome",
    "task.moved(task.status, task.updated_at, cancelled_by=None)": "cancelled_by",
    "task.runs_with(patch_file=None)": "patch_file",
    "task.runs_with(patch='not a digest')": "patch",
    "advance(services, ledger, task, task.status, happened, outcom='x')": "outcom",
}
SOURCE = """
from deputy.domain.events import Event
from deputy.domain.tasks.task import Task
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import advance
from deputy.ports import Ledger

def change(services: Services, ledger: Ledger, task: Task, happened: Event) -> None:
"""


def test_a_misspelt_field_is_seen_by_the_type_checker(tmp_path: Path) -> None:
    file = tmp_path / "misspelt.py"
    file.write_text(SOURCE + "".join(f"    {call}\n" for call in MISSPELT))
    said, trouble, _ = api.run(["--config-file", "pyproject.toml", "--no-error-summary", str(file)])
    errors = [line for line in said.splitlines() if " error: " in line]
    assert len(errors) == len(MISSPELT), said + trouble
    assert all(field in error for field, error in zip(MISSPELT.values(), errors, strict=True)), said


def test_a_task_without_a_run_has_nothing_of_one() -> None:
    task = make_task(status=TaskStatus.RECEIVED).updated(admitted_under=Digest("a" * 64))
    assert (task.run, task.run_number, task.result, task.base, task.worker) == (None, 0, None, None, None)
    assert (task.policy, task.usage) == ("a" * 64, Usage())
    assert task.runs_with(base="b") == ()


def test_the_newest_run_that_left_something_is_what_is_shown() -> None:
    task = make_task(**with_patch("base-1", "tree-1", policy="1" * 64))
    again = task.updated(runs=task.runs_and_next(LATER, "a gate says no"))
    assert again.run
    assert (again.run.number, again.run.start, again.run.feedback) == (2, RunStart.PREVIOUS, "a gate says no")
    assert again.result
    assert (again.result.run.number, again.result.tree, again.policy) == (1, "tree-1", "1" * 64)
    begun = again.updated(runs=again.runs_with(base="base-2", policy=Digest("2" * 64)))
    assert (begun.base, begun.policy) == ("base-2", "2" * 64)
    assert begun.result
    assert begun.result.base == "base-1"


def test_without_a_reason_to_mend_the_next_run_starts_from_the_base() -> None:
    following = make_task(**with_patch("b", "t")).runs_and_next(LATER)[-1]
    assert (following.start, following.feedback, following.queued_at) == (RunStart.BASE, None, LATER)


def test_a_run_ends_with_its_task_and_says_which_part_failed() -> None:
    task = make_task(run=1, work=PartStatus.DONE, checks=PartStatus.ACTIVE)
    run = task.moved(TaskStatus.FAILED, LATER, outcome="It broke.").run
    assert run
    assert (run.work, run.checks, run.gates) == (PartStatus.DONE, PartStatus.FAILED, PartStatus.WAITING)
    assert run.ended_at == LATER
    assert task.moved(TaskStatus.VERIFYING, LATER).run == task.run


def test_what_all_runs_consumed_is_added_up() -> None:
    task = make_task(run=1, usage=Usage(turns=2, cost=0.25))
    task = task.updated(runs=task.runs_and_next(LATER))
    task = task.updated(runs=task.runs_with(usage=Usage(turns=3, cost=0.5)))
    assert (task.usage.turns, task.usage.cost) == (5, 0.75)


def test_a_task_comes_back_from_json_as_it_was() -> None:
    task = make_task(**with_patch("b", "t")).moved(TaskStatus.BLOCKED, LATER, outcome="no")
    assert Task.model_validate_json(task.model_dump_json()) == task
