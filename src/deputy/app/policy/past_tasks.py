"""Past tasks as questions to a policy: what was asked about them, under the facts of then."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from deputy.adapters.store.store import SqlStore
from deputy.domain.changes.change import TreeChange
from deputy.domain.errors import BadPolicy, NotFound
from deputy.domain.policy.config import RECIPE
from deputy.domain.policy.decision import Action
from deputy.domain.policy.facts import Facts, Footprint, sizes_of
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.delivery.gate_evaluation import actions_of
from deputy.flow.policy.facts import NOT_ACCEPTED, footprint_of
from deputy.policy import MAX_PAST_TASKS, Bundle, Past, Question, load
from deputy.ports import Ledger

_ITS_PATCH_COUNTS = frozenset({TaskStatus.DELIVERED, TaskStatus.HELD_FOR_SIGNOFF, TaskStatus.DELIVERING})


@dataclass
class Archive:
    """The newest tasks of a store, with their questions as they were asked."""

    store: SqlStore
    new: Bundle
    last: int
    bundles: dict[str, Bundle | None] = field(default_factory=dict)
    changes: dict[str, TreeChange | None] = field(default_factory=dict)

    def past(self) -> Iterator[Past]:
        """Every task that was understood, the newest first."""
        with self.store.transaction() as ledger:
            tasks = ledger.tasks(limit=MAX_PAST_TASKS)
            for task in [task for task in tasks if task.spec][: self.last]:
                old = self._old(ledger, task.policy or "")
                yield Past(task.id, task.created_at, task.policy or "", old, self._questions(task, old, tasks))

    def _old(self, ledger: Ledger, digest: str) -> Bundle | None:
        if digest not in self.bundles:
            try:
                self.bundles[digest] = load(ledger.bundle(digest))
            except (NotFound, BadPolicy):
                self.bundles[digest] = None
        return self.bundles[digest]

    def _questions(self, task: Task, old: Bundle | None, tasks: tuple[Task, ...]) -> tuple[Question, ...]:
        spec = task.spec
        if old is None or spec is None:
            return ()
        change = self._change(task)
        facts = self._facts(task, spec, old, tasks)
        ask = partial(Question, task.requester.subject, spec.repo)
        asked = [ask(action, (), facts) for action in (Action.REQUEST, Action.RUN)]
        if change is None:
            # What a request itself names is asked about early, and again when there is a patch.
            early = facts.model_copy(update={"is_early": True})
            return (*asked, ask(Action.EDIT, spec.paths, early)) if spec.paths else tuple(asked)
        judged = facts.model_copy(update={"patch": sizes_of(change.files)})
        actions = [ask(action, (), judged) for action in sorted(self._actions(task))]
        return (*asked, ask(Action.EDIT, change.paths, judged), *actions)

    def _actions(self, task: Task) -> set[Action]:
        report = task.result.run.report if task.result else None
        if not report:
            return {Action.DELIVER}
        return actions_of(GateReport.model_validate_json(self.store.blob(report)).findings)

    def _change(self, task: Task) -> TreeChange | None:
        if not task.result:
            return None
        digest = task.result.change
        if digest not in self.changes:
            try:
                self.changes[digest] = TreeChange.model_validate_json(self.store.blob(digest))
            except NotFound:
                self.changes[digest] = None
        return self.changes[digest]

    def _facts(self, task: Task, spec: TaskSpec, old: Bundle, tasks: tuple[Task, ...]) -> Facts:
        return Facts(
            at=task.created_at,
            kind=spec.kind,
            channel=task.place.channel,
            budget=RECIPE if spec.recipe else spec.budget,
            earlier=self._earlier(task, old, tasks),
        )

    def _earlier(self, task: Task, old: Bundle, tasks: tuple[Task, ...]) -> tuple[Footprint, ...]:
        """The footprints of the tasks before this one, as far back as either bundle's counters look."""
        longest = max((each for each in (old.longest_counter, self.new.longest_counter) if each), default=timedelta())
        window = [each for each in tasks if task.created_at - longest <= each.created_at < task.created_at]
        return tuple(self._footprint(each, old) for each in window if _was_accepted(each))

    def _footprint(self, task: Task, old: Bundle) -> Footprint:
        counts = task.status in _ITS_PATCH_COUNTS and (old.counts_files or self.new.counts_files)
        return footprint_of(task, self._change(task) if counts else None)


def _was_accepted(task: Task) -> bool:
    return task.spec is not None and task.status not in NOT_ACCEPTED
