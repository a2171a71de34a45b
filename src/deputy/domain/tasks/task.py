"""A request on its way: the task, with its runs."""

from datetime import datetime
from functools import reduce
from typing import TypedDict, Unpack

from deputy.domain.identifiers import Digest, Subject, TaskId
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Clarification, Place, TaskSpec
from deputy.domain.tasks.run import Run, RunChanges, RunResult, RunStart
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.usage import Usage
from deputy.domain.value import Value


class TaskChanges(TypedDict, total=False):
    """The fields of a task that change while it is on its way; a test compares them with ``Task``."""

    text: str
    spec: TaskSpec | None
    clarification: Clarification | None
    admitted_under: Digest | None
    runs: tuple[Run, ...]
    cancel_by: Subject | None
    outcome: str | None


class Task(Value):
    """A request on its way. ``version`` counts saves: a save of a stale copy is refused.

    ``request`` is the key of the message that asked for it. ``admitted_under`` is the digest of the policy that decided
    on the request; each run pins its own. ``parent`` is the task that this one continues. ``outcome`` is the sentence
    for the requester when the task has ended.
    """

    id: TaskId
    request: str
    requester: Actor
    place: Place
    text: str
    status: TaskStatus
    created_at: datetime
    updated_at: datetime
    version: int = 0
    spec: TaskSpec | None = None
    clarification: Clarification | None = None
    admitted_under: Digest | None = None
    runs: tuple[Run, ...] = ()
    parent: TaskId | None = None
    cancel_by: Subject | None = None
    outcome: str | None = None

    @property
    def run(self) -> Run | None:
        """The newest run; None before the first is in line."""
        return self.runs[-1] if self.runs else None

    @property
    def run_number(self) -> int:
        """The number of the newest run; 0 before there is one."""
        return self.runs[-1].number if self.runs else 0

    @property
    def result(self) -> RunResult | None:
        """What the newest run that left anything left: what cards and evidence show."""
        return next((run.result for run in reversed(self.runs) if run.result), None)

    @property
    def policy(self) -> Digest | None:
        """The digest of the policy that the task is under: the newest run's, before there is one the request's."""
        return next((run.policy for run in reversed(self.runs) if run.policy), self.admitted_under)

    @property
    def base(self) -> str | None:
        """The newest pinned commit."""
        return next((run.base for run in reversed(self.runs) if run.base), None)

    @property
    def worker(self) -> str | None:
        """Who did the newest work that was begun."""
        return next((run.worker for run in reversed(self.runs) if run.worker), None)

    @property
    def usage(self) -> Usage:
        """What all runs together consumed."""
        return reduce(Usage.plus, (run.usage for run in self.runs), Usage())

    def updated(self, **changes: Unpack[TaskChanges]) -> "Task":
        """The task with these fields changed."""
        return self.model_copy(update=dict(changes))

    def moved(self, status: TaskStatus, at: datetime, **changes: Unpack[TaskChanges]) -> "Task":
        """The task in this status since ``at``, with these fields changed. Its run ends with it."""
        after = self.updated(**changes)
        runs = after.runs_ended(at) if is_final(status) else after.runs
        return after.model_copy(update={"status": status, "updated_at": at, "runs": runs})

    def runs_with(self, **changes: Unpack[RunChanges]) -> tuple[Run, ...]:
        """The runs, with these fields of the newest one changed."""
        return (*self.runs[:-1], self.runs[-1].updated(**changes)) if self.runs else ()

    def runs_ended(self, at: datetime) -> tuple[Run, ...]:
        """The runs, with the newest one at its end."""
        return (*self.runs[:-1], self.runs[-1].ended(at)) if self.runs else ()

    def runs_and_next(self, at: datetime, feedback: str | None = None) -> tuple[Run, ...]:
        """The runs and one more, in line from now; with ``feedback`` it goes on from the tree that was blocked."""
        start = RunStart.PREVIOUS if feedback else RunStart.BASE
        following = Run(number=self.run_number + 1, start=start, feedback=feedback, queued_at=at)
        return (*self.runs_ended(at), following)
