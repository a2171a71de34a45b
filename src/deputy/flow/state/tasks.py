"""What every workflow does to tasks: name them, move them on, and say so in the audit trail in the same transaction."""

import base64
import hashlib
from collections.abc import Callable
from typing import TypeVar, Unpack

from pydantic import JsonValue, TypeAdapter

from deputy.domain.errors import NotFound
from deputy.domain.events import SYSTEM, Event, EventName, happened
from deputy.domain.identifiers import TaskId
from deputy.domain.tasks.run import RunResult
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task, TaskChanges
from deputy.flow.state.scheduler import OF_A_RUN as OF_A_RUN  # noqa: PLC0414 - offered here, too
from deputy.flow.state.scheduler import bundle_now, dispatch
from deputy.flow.state.services import Services
from deputy.ports import Ledger

T = TypeVar("T")

ACTIVE = tuple(status for status in TaskStatus if not is_final(status))


def task_id_of(key: str) -> TaskId:
    """The name of the task that the incoming message with this key becomes: short enough to be said aloud."""
    digest = hashlib.sha256(key.encode()).digest()
    return TaskId("D-" + base64.b32encode(digest)[:8].decode())


def once(ledger: Ledger, key: str, act: Callable[[], T], *, returns: type[T]) -> T:
    """Do something that is no row of its own exactly once: its result is kept in the same transaction."""
    adapter = TypeAdapter(returns)
    known = ledger.outcome(key)
    if known is not None:
        return adapter.validate_json(known)
    result = act()
    ledger.keep_outcome(key, adapter.dump_json(result).decode())
    return result


def result_of(task: Task) -> RunResult:
    """What the task's newest work left; ``NotFound`` where there is none."""
    if task.result is None:
        raise NotFound(f"task {task.id} has no patch", "no run of it has come that far", "look at the card")
    return task.result


def event(
    services: Services,
    name: EventName,
    *,
    task: str = "",
    actor: str = SYSTEM,
    data: dict[str, JsonValue] | None = None,
    personal: dict[str, str] | None = None,
) -> Event:
    """An audit event that happens now."""
    return happened(name, services.clock.now(), task=task, actor=actor, data=data, personal=personal)


def advance(
    services: Services,
    ledger: Ledger,
    task: Task,
    status: TaskStatus,
    occurred: Event,
    **changes: Unpack[TaskChanges],
) -> Task:
    """Save the task with a new status and the event that explains it.

    Whatever puts a run in line or frees a place hands over, in the same transaction, the runs whose turn has come.
    """
    after = task.moved(status, services.clock.now(), **changes)
    if not _moves_line(task.status, status):
        return ledger.save_task(task, after, occurred)
    bundle = bundle_now(services)
    ledger.lock()
    saved = ledger.save_task(task, after, occurred)
    dispatch(services, ledger, bundle, was=task)
    return ledger.task(saved.id) if status is TaskStatus.QUEUED else saved


def _moves_line(before: TaskStatus, after: TaskStatus) -> bool:
    is_back = after is TaskStatus.QUEUED and before is not after
    return is_back or (before in OF_A_RUN) is not (after in OF_A_RUN)


ENDINGS = {
    TaskStatus.REFUSED: EventName.TASK_REFUSED,
    TaskStatus.BLOCKED: EventName.TASK_BLOCKED,
    TaskStatus.CANCELLED: EventName.TASK_CANCELLED,
    TaskStatus.FAILED: EventName.TASK_FAILED,
    TaskStatus.EXPIRED: EventName.TASK_EXPIRED,
    TaskStatus.REJECTED: EventName.TASK_REJECTED,
}


def end(
    services: Services,
    ledger: Ledger,
    task: Task,
    status: TaskStatus,
    outcome: str,
    *,
    actor: str = SYSTEM,
    data: dict[str, JsonValue] | None = None,
) -> Task:
    """End the task with the sentence that its requester reads."""
    ended = event(services, ENDINGS[status], task=task.id, actor=actor, data={"outcome": outcome, **(data or {})})
    return advance(services, ledger, task, status, ended, outcome=outcome)


def fail(services: Services, task_id: TaskId, sentence: str) -> bool:
    """Mark a task failed; False when it has ended already."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        if is_final(task.status):
            return False
        end(services, ledger, task, TaskStatus.FAILED, sentence)
        return True


def cancel_now(
    services: Services, ledger: Ledger, task: Task, proof: str = "", data: dict[str, JsonValue] | None = None
) -> Task:
    """End a task that somebody asked to cancel; ``proof`` says what became of its sandbox."""
    outcome = f"Cancelled; nothing was delivered. {proof}".rstrip()
    return end(services, ledger, task, TaskStatus.CANCELLED, outcome, actor=task.cancel_by or SYSTEM, data=data)
