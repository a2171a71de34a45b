"""What policy's conditions look at, gathered for one task: when, what kind, how large, and what went before."""

import sys
from datetime import timedelta

from deputy.domain.changes.change import TreeChange
from deputy.domain.events import EventName
from deputy.domain.policy.config import RECIPE
from deputy.domain.policy.facts import Facts, Footprint, sizes_of
from deputy.domain.tasks.request import TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.state.services import Services
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus
MAX_TASKS = 10_000
NOT_YET, FIRST = sys.maxsize, 0
SLACK = timedelta(days=1)  # for retries and a Deputy that was not running
# What was never let in counts for nothing.
NOT_ACCEPTED = frozenset({_S.RECEIVED, _S.NEEDS_ANSWER, _S.REFUSED})


def facts_of(
    services: Services, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle, change: TreeChange | None = None
) -> Facts:
    """The facts of a task as they are now; without a ``change`` there is no patch yet, which is then not known."""
    return Facts(
        at=services.clock.now(),
        kind=spec.kind,
        channel=task.place.channel,
        budget=RECIPE if spec.recipe else spec.budget,
        patch=sizes_of(change.files) if change else None,
        earlier=_footprints(services, ledger, task, bundle),
    )


def facts_before(services: Services, ledger: Ledger, channel: str, bundle: Bundle) -> Facts:
    """What is known when somebody only asks what they might do: the rest is taken to be harmless, and said so."""
    earlier = _footprints(services, ledger, None, bundle)
    return Facts(at=services.clock.now(), channel=channel, earlier=earlier, is_early=True)


def _footprints(services: Services, ledger: Ledger, task: Task | None, bundle: Bundle) -> tuple[Footprint, ...] | None:
    """What other tasks asked for and changed, as far back as the policy's counters look; None when it is too much."""
    if bundle.longest_counter is None:
        return ()
    since = services.clock.now() - bundle.longest_counter - _longest_way(bundle)
    others = ledger.tasks(since=since, limit=MAX_TASKS)
    if len(others) == MAX_TASKS:
        return None  # what can't be added up is not known, and so held against who asks
    turn = _turn(ledger, task, unknown=NOT_YET) if task else NOT_YET
    return tuple(_footprint(services, ledger, other, turn, bundle) for other in others if _is_accepted(other, task))


def _longest_way(bundle: Bundle) -> timedelta:
    """How long a task may take from its request to its delivery: a question, two holds, and the runs between."""
    limits = bundle.limits
    runs = limits.run_seconds * (1 + limits.agent_retries_after_block)
    return timedelta(seconds=limits.question_seconds + 2 * limits.hold_seconds + runs) + SLACK


def _is_accepted(other: Task, task: Task | None) -> bool:
    is_other = task is None or other.id != task.id
    return is_other and other.spec is not None and other.status not in NOT_ACCEPTED


def _footprint(services: Services, ledger: Ledger, other: Task, turn: int, bundle: Bundle) -> Footprint:
    counts = bundle.counts_files and _counts(ledger, other, turn)
    return footprint_of(other, change_of(services, other) if counts else None)


def footprint_of(task: Task, change: TreeChange | None) -> Footprint:
    """The footprint of an accepted task; ``change`` is its patch, None while that does not count."""
    return Footprint(
        task=task.id,
        subject=task.requester.subject,
        repo=task.spec.repo if task.spec else "",
        at=task.created_at,
        out=task.updated_at if task.status is _S.DELIVERED else None,
        files=sizes_of(change.files) if change else (),
    )


def _counts(ledger: Ledger, other: Task, turn: int) -> bool:
    """Whether another task's patch is added up: it is out, waits for people, or began to go out before this one.

    Of two that go out at once exactly one sees the other: the one whose delivery began later.
    """
    if other.status is _S.DELIVERING:
        return _turn(ledger, other, unknown=FIRST) < turn
    return other.status is _S.DELIVERED or (other.status is _S.HELD_FOR_SIGNOFF and turn == NOT_YET)


def _turn(ledger: Ledger, task: Task, *, unknown: int) -> int:
    """The place of a task's delivery in the order of all; ``NOT_YET`` while it has not begun."""
    if task.status is not _S.DELIVERING:
        return NOT_YET
    begun = ledger.events(task=task.id, name=EventName.DELIVERY_STARTED)
    return begun[-1].seq if begun else unknown


def change_of(services: Services, task: Task) -> TreeChange | None:
    """The tree change that a task's last run came to; None before there is one."""
    return TreeChange.model_validate_json(services.store.blob(task.result.change)) if task.result else None
