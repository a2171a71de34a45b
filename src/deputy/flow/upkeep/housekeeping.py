"""What has to be looked at by the clock. Each job looks at the whole state, so that a missed fire costs only time."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog
from pydantic import JsonValue

from deputy.domain.errors import DeputyError, NotFound
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.review.approval import Hold, HoldStatus
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.flow.state.scheduler import first_in_line, keep_line_moving
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_task
from deputy.flow.state.steps import Steps
from deputy.flow.state.tasks import OF_A_RUN, end, event
from deputy.flow.upkeep.environment_upkeep import keep_environments
from deputy.ports import Job, Ledger

log = structlog.get_logger(__name__)

RETENTION = timedelta(days=7)
LINE_SECONDS, LINE_CARDS_SECONDS = 3, 30
CARD_WINDOW = timedelta(hours=1)
# Which statuses a workflow has a task in.
_HANDS = {"run": OF_A_RUN, "deliver": frozenset({TaskStatus.DELIVERING})}
OVERDUE = timedelta(minutes=5)
MAX_QUESTIONS = 1000
_LOST = "Its worker failed and could not take it up again: nothing was delivered. Ask again."


class Keeper(Protocol):
    """The durable engine's own books."""

    def unfinished(self) -> dict[str, str]:
        """Ids of workflows that ended badly, with their status."""

    def forget_finished(self, before_iso: str) -> int:
        """Delete finished workflows' rows; returns how many."""


def housekeep(services: Services, keeper: Keeper, steps: Steps, job: str) -> None:
    """One fire of one job, as a workflow whose id is the fire time."""
    steps(job, lambda: JOBS[job][1](services, keeper))


def remove_orphans(services: Services, keeper: Keeper) -> JsonValue:
    """Remove the sandboxes of tasks that have ended."""
    del keeper

    def is_live(task_id: str) -> bool:
        with services.store.transaction() as ledger:
            try:
                return not is_final(ledger.task(TaskId(task_id)).status)
            except NotFound:
                return False

    removed = services.sandboxes.sweep(is_live)
    if removed:
        with services.store.transaction() as ledger:
            ledger.append(event(services, EventName.ORPHANS_REMOVED, data={"names": list(removed)}))
    return list(removed)


def remind(services: Services, keeper: Keeper) -> JsonValue:
    """Remind approvers of holds that have waited for long, and end holds and questions whose deadline was missed.

    A deadline is missed when its workflow failed, because the database was away just then.
    """
    del keeper
    limits = services.policies.current().limits
    with services.store.transaction() as ledger:
        for hold in ledger.holds(status=HoldStatus.OPEN):
            _remind_of(services, ledger, hold, limits.hold_reminder_seconds)
        for task in ledger.tasks(statuses=(TaskStatus.NEEDS_ANSWER,), limit=MAX_QUESTIONS):
            deadline = task.updated_at + timedelta(seconds=limits.question_seconds)
            if late := _late(services, deadline):
                name = f"expire-question:{task.id}:{task.version}:late:{late}"
                services.queue.enqueue(ledger, "expire_question", name, task.id, task.version)
    return None


def _remind_of(services: Services, ledger: Ledger, hold: Hold, every: float) -> None:
    number = int((services.clock.now() - hold.opened_at).total_seconds() // every)
    if late := _late(services, hold.expires_at):
        # Nobody can vote any more, so nobody may wait.
        services.queue.enqueue(ledger, "expire_hold", f"expire:{hold.id}:late:{late}", hold.id)
    elif number:
        services.queue.enqueue(ledger, "tell_approvers", f"tell:{hold.id}:{number}", hold.id, number)


def _late(services: Services, deadline: datetime) -> int:
    """How many times over a deadline is overdue; 0 while its own workflow may still come."""
    return max(0, (services.clock.now() - deadline) // OVERDUE)


def sweep_failures(services: Services, keeper: Keeper) -> JsonValue:
    """Mark the tasks of workflows that the engine has given up: a task never hangs without a word."""
    for workflow_id in keeper.unfinished():
        kind, task_id, run = (*workflow_id.split(":"), "", "")[:3]
        if kind in _HANDS and _give_up(services, _HANDS[kind], TaskId(task_id), run):
            show_task(services, TaskId(task_id))
    return None


def _give_up(services: Services, statuses: frozenset[TaskStatus], task_id: TaskId, run: str) -> bool:
    """Fail a task that is still in the hands of that workflow; another run or a hold may have it since."""
    with services.store.transaction() as ledger:
        try:
            task = ledger.task(task_id)
        except NotFound:
            log.warning("housekeeping.unknown-task", task=task_id)
            return False
        if task.status not in statuses or str(task.run_number) != run:
            return False
        end(services, ledger, task, TaskStatus.FAILED, _LOST)
        return True


def refresh_cards(services: Services, keeper: Keeper) -> JsonValue:
    """Bring up to date the cards that could not be shown while Slack was away."""
    del keeper
    since = services.clock.now() - CARD_WINDOW
    with services.store.transaction() as ledger:
        failed = ledger.events(name=EventName.MESSAGE_FAILED, since=since)
    for task_id in sorted({stored.event.task for stored in failed if stored.event.task}):
        try:
            show_task(services, TaskId(task_id))
        except DeputyError as error:
            log.warning("housekeeping.card", task=task_id, error=str(error))
    return None


def forget(services: Services, keeper: Keeper) -> JsonValue:
    """Drop the engine's rows of workflows that ended long ago; the audit trail stays."""
    return keeper.forget_finished((services.clock.now() - RETENTION).isoformat())


def checkpoint(services: Services, keeper: Keeper) -> JsonValue:
    """Keep the trail's head outside the database."""
    del keeper
    services.store.keep_checkpoint(services.team)
    return None


def watch_policy(services: Services, keeper: Keeper) -> JsonValue:
    """Look for a new version of the policy, so that a broken one is told of before somebody asks for work."""
    del keeper
    return services.policies.current().digest


def environments(services: Services, keeper: Keeper) -> JsonValue:
    """Have environments built that are missing at the branches' tips, and remove old ones."""
    del keeper
    return keep_environments(services)


JOBS: Mapping[str, tuple[float, Callable[[Services, Keeper], JsonValue]]] = {
    "remove-orphans": (30, remove_orphans),
    "remind": (60, remind),
    "sweep-failures": (30, sweep_failures),
    "refresh-cards": (60, refresh_cards),
    "watch-policy": (15, watch_policy),
    "environments": (120, environments),
    "checkpoint": (300, checkpoint),
    "forget": (24 * 3600, forget),
}


def show_first(services: Services, at: datetime) -> None:
    """Have the cards at the head of the line brought up to date, whatever kept them from being."""
    with services.store.transaction() as ledger:
        if first := list[JsonValue](first_in_line(services, ledger)):
            services.queue.enqueue(ledger, "show_line", f"line:{at.isoformat()}", first)


def jobs(services: Services) -> tuple[Job, ...]:
    """The timer jobs: each fire hands a workflow over whose id is the job and the fire time.

    The line is looked at by the fire itself: that is one short transaction, which hands over what is due.
    """

    def hand_over(name: str) -> Callable[[datetime], None]:
        def fire(at: datetime) -> None:
            with services.store.transaction() as ledger:
                services.queue.enqueue(ledger, "housekeep", f"sched:{name}:{at.isoformat()}", name)

        return fire

    return (
        Job("line", LINE_SECONDS, lambda _: keep_line_moving(services)),
        Job("line-cards", LINE_CARDS_SECONDS, partial(show_first, services)),
        *(Job(name, every, hand_over(name)) for name, (every, _) in JOBS.items()),
    )
