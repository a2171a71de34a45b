"""Hand runs to the engine in fair order, as far as there is room, in the transaction that queued them or made room.

A task in line is a row: queued, and its run not dispatched yet. Dispatching is written in that row, too: then
everybody who counts what is under way counts the same, and a run dispatched twice starts one workflow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import JsonValue

from deputy.domain.errors import BadPolicy, NotFound, Stale
from deputy.domain.events import EventName, happened
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.state.services import Services
from deputy.policy import Bundle
from deputy.ports import Ledger
from deputy.scheduling import Line, QueuePosition, ResourceRequest, Run, fair_order, line, people, unschedulable_words

log = structlog.get_logger(__name__)

_S = TaskStatus
# A run has the task in its hands, or is in line to take it.
OF_A_RUN = frozenset({_S.QUEUED, _S.RUNNING, _S.VERIFYING})
# What a task may be whose run was called once.
_SERVED = tuple(set(_S) - {_S.RECEIVED, _S.NEEDS_ANSWER, _S.REFUSED, _S.HELD_FOR_CLEARANCE, _S.QUEUED})
MAX_TASKS = 10_000
REMEMBERED = 50
CARDS_SHOWN = 10


@dataclass(frozen=True)
class Lineup:
    """Who waits and who is at work, and when each person was served last."""

    waiting: tuple[Run, ...]
    running: tuple[Run, ...]
    served: Mapping[str, datetime]

    def line(self, bundle: Bundle, now: datetime) -> Line:
        """The line under the limits of this policy."""
        return line(self.waiting, self.running, bundle.limits, self.served, now)

    def order(self) -> dict[str, int]:
        """The place of each who waits before anybody else starts."""
        order = fair_order(self.waiting, people(self.running), self.served)
        return {run.task: number for number, run in enumerate(order, 1)}


def is_in_line(task: Task) -> bool:
    """Whether a task waits for its turn."""
    return task.status is _S.QUEUED and not _is_dispatched(task) and not task.cancel_by


def _is_under_way(task: Task) -> bool:
    return task.status in OF_A_RUN and (task.status is not _S.QUEUED or _is_dispatched(task))


def _is_dispatched(task: Task) -> bool:
    return task.run is not None and task.run.dispatched_at is not None


def bundle_now(services: Services) -> Bundle | None:
    """The policy in force; None when there is none, which must keep nothing from ending."""
    try:
        return services.policies.current()
    except BadPolicy as error:
        log.warning("line.no-policy", error=str(error))
        return None


def claim_of(bundle: Bundle, repo: str) -> ResourceRequest:
    """What a run in this repository takes of the whole: the size of its sandbox."""
    limits = bundle.limits
    try:
        size = bundle.repo(repo).sandbox
    except NotFound:  # taken out of the policy meanwhile: the run itself will say so
        return ResourceRequest(limits.sandbox_cpus, limits.sandbox_memory)
    return ResourceRequest(size.cpus or limits.sandbox_cpus, size.memory or limits.sandbox_memory)


def line_now(ledger: Ledger, bundle: Bundle, now: datetime) -> Line:
    """The line as it is."""
    tasks = _tasks(ledger)
    return _lineup(bundle, tasks, _history(ledger, tasks)).line(bundle, now)


def spot_of(services: Services, ledger: Ledger, task: Task) -> QueuePosition | None:
    """The place of a task in line; None when it does not wait, or its turn has just come."""
    bundle = bundle_now(services) if is_in_line(task) else None
    return line_now(ledger, bundle, services.clock.now()).spot(task.id) if bundle else None


def keep_line_moving(services: Services) -> None:
    """Do what a changed limit or a missed hand-over calls for."""
    if bundle := bundle_now(services):
        with services.store.transaction() as ledger:
            ledger.lock()
            dispatch(services, ledger, bundle)


def dispatch(services: Services, ledger: Ledger, bundle: Bundle | None, was: Task | None = None) -> None:
    """Call those whose turn has come; the cards of those who have moved are brought up to date later.

    The ledger is locked. ``was`` is the task before the change that this transaction made.
    """
    if bundle is None:
        return
    tasks, now = _tasks(ledger), services.clock.now()
    former = _former(tasks, was) if was else tasks
    history = _history(ledger, (*tasks, *former))
    lineup = _lineup(bundle, tasks, history)
    found = lineup.line(bundle, now)
    known: dict[str, Task] = {task.id: task for task in tasks}
    for task_id in found.hopeless:
        _refuse(services, ledger, bundle, known[task_id], now)
    for number, task_id in enumerate(found.starts):
        # A moment apart each: the order in which people were served is part of the next order.
        _call(services, ledger, known[task_id], now + timedelta(microseconds=number))
    before = _lineup(bundle, former, history)
    moved = (*found.starts, *_moved(before.order(), before.line(bundle, now), found))
    ids: list[JsonValue] = [task_id for task_id in moved if was is None or task_id != was.id]
    if ids:
        services.queue.enqueue(ledger, "show_line", f"line:{now.isoformat()}", ids)


def first_in_line(services: Services, ledger: Ledger) -> tuple[str, ...]:
    """Those at the head of the line, whose cards are kept up to date."""
    bundle = bundle_now(services)
    spots = line_now(ledger, bundle, services.clock.now()).spots if bundle else ()
    return tuple(spot.task for spot in spots[:CARDS_SHOWN])


def _tasks(ledger: Ledger) -> tuple[Task, ...]:
    return ledger.tasks(statuses=tuple(OF_A_RUN), limit=MAX_TASKS)


def _former(tasks: Sequence[Task], was: Task) -> tuple[Task, ...]:
    """The tasks before the change. A wish to stop one that waits is part of the change: it is marked, then ended."""
    unmarked = was.updated(cancel_by=None)
    return (*(task for task in tasks if task.id != was.id), unmarked)


def _history(ledger: Ledger, tasks: Iterable[Task]) -> dict[str, datetime]:
    """When each person who waits was last served, by tasks that are no longer in a run's hands."""
    waiting = {task.requester.subject for task in tasks if is_in_line(task)}
    if len(waiting) == 1:
        return {}  # nobody to compare with
    earlier = [ledger.tasks(statuses=_SERVED, subject=subject, limit=REMEMBERED) for subject in waiting]
    return _latest(task for tasks in earlier for task in tasks)


def _latest(tasks: Iterable[Task]) -> dict[str, datetime]:
    """The last call of each person."""
    latest: dict[str, datetime] = {}
    for task in tasks:
        for at in (run.dispatched_at for run in task.runs if run.dispatched_at):
            latest[task.requester.subject] = max(at, latest.get(task.requester.subject, at))
    return latest


def _lineup(bundle: Bundle, tasks: Sequence[Task], history: Mapping[str, datetime]) -> Lineup:
    newer = _latest(tasks)
    served = {who: max(newer.get(who, at), at) for who, at in {**newer, **history}.items()}
    waiting = tuple(_run(bundle, task) for task in tasks if is_in_line(task))
    return Lineup(waiting, tuple(_run(bundle, task) for task in tasks if _is_under_way(task)), served)


def _run(bundle: Bundle, task: Task) -> Run:
    repo = task.spec.repo if task.spec else ""
    return Run(task.id, task.requester.subject, repo, claim_of(bundle, repo), task.created_at, task.updated_at)


def _call(services: Services, ledger: Ledger, task: Task, now: datetime) -> None:
    data: dict[str, JsonValue] = {"run": task.run_number, "waited": round((now - task.updated_at).total_seconds())}
    called = happened(EventName.RUN_CALLED, now, task=task.id, data=data)
    after = task.moved(task.status, now, runs=task.runs_with(dispatched_at=now))
    try:
        ledger.save_task(task, after, called)
    except Stale:  # somebody stops it at this moment
        return
    repo = task.spec.repo if task.spec else ""
    services.queue.enqueue(
        ledger, "run_task", f"run:{task.id}:{task.run_number}", task.id, task.run_number, partition=repo
    )


def _refuse(services: Services, ledger: Ledger, bundle: Bundle, task: Task, now: datetime) -> None:
    """Policy has changed so that a task in line can't ever start."""
    repo = task.spec.repo if task.spec else ""
    why = unschedulable_words(repo, claim_of(bundle, repo), bundle.limits)
    refused = happened(EventName.TASK_REFUSED, now, task=task.id, data={"outcome": why})
    after = task.moved(_S.REFUSED, now, outcome=why)
    try:
        ledger.save_task(task, after, refused)
    except Stale:
        return
    services.queue.enqueue(ledger, "show_line", f"line:{task.id}:{task.run_number}", [task.id])


def _moved(order: Mapping[str, int], before: Line, after: Line) -> list[str]:
    """Of the first in line, those whose card says something else than before."""
    return [
        spot.task
        for spot in after.spots[:CARDS_SHOWN]
        if order.get(spot.task) != spot.number or before.spot(spot.task) != spot
    ]
