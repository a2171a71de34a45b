"""What policy's conditions look at, gathered for one task: when, what kind, how large, and what went before."""

from deputy.domain.config import RECIPE
from deputy.domain.facts import Facts, Footprint, sizes_of
from deputy.domain.status import TaskStatus
from deputy.domain.values import Task, TaskSpec, TreeChange
from deputy.flow.world import World
from deputy.policy import Bundle
from deputy.ports import Ledger

_S = TaskStatus
MOST_TASKS = 10_000
# What was never let in counts for nothing.
NOT_ACCEPTED = frozenset({_S.RECEIVED, _S.NEEDS_ANSWER, _S.REFUSED})
ON_ITS_WAY = frozenset({_S.HELD_FOR_SIGNOFF, _S.DELIVERING})


def facts_of(
    world: World, ledger: Ledger, task: Task, spec: TaskSpec, bundle: Bundle, change: TreeChange | None = None
) -> Facts:
    """The facts of a task as they are now; without a ``change`` there is no patch yet, which is then not known."""
    return Facts(
        at=world.clock.now(),
        kind=spec.kind,
        channel=task.place.channel,
        budget=RECIPE if spec.recipe else spec.budget,
        patch=sizes_of(change.files) if change else None,
        earlier=_footprints(world, ledger, task, bundle),
    )


def facts_before(world: World, ledger: Ledger, channel: str, bundle: Bundle) -> Facts:
    """What is known when somebody only asks what they might do: the rest is taken to be harmless, and said so."""
    earlier = _footprints(world, ledger, None, bundle)
    return Facts(at=world.clock.now(), channel=channel, earlier=earlier, is_early=True)


def _footprints(world: World, ledger: Ledger, task: Task | None, bundle: Bundle) -> tuple[Footprint, ...] | None:
    """What other tasks asked for and changed, as far back as the policy's counters look; None when it is too much."""
    if bundle.longest_counter is None:
        return ()
    others = ledger.tasks(since=world.clock.now() - bundle.longest_counter, limit=MOST_TASKS)
    if len(others) == MOST_TASKS:
        return None  # what can't be added up is not known, and so held against who asks
    return tuple(_footprint(world, other, task, bundle) for other in others if _is_accepted(other, task))


def _is_accepted(other: Task, task: Task | None) -> bool:
    is_other = task is None or other.id != task.id
    return is_other and other.spec is not None and other.status not in NOT_ACCEPTED


def _footprint(world: World, other: Task, task: Task | None, bundle: Bundle) -> Footprint:
    change = change_of(world, other) if bundle.counts_files and _counts(other, task) else None
    return Footprint(
        task=other.id,
        subject=other.actor.subject,
        repo=other.spec.repo if other.spec else "",
        at=other.created_at,
        files=sizes_of(change.files) if change else (),
    )


def _counts(other: Task, task: Task | None) -> bool:
    """Whether another task's patch is added up: it is out, or on its way and was asked for earlier.

    Of two that are on their way at once exactly one sees the other, whichever is judged first.
    """
    is_earlier = task is None or (other.created_at, other.id) < (task.created_at, task.id)
    return other.status is _S.DELIVERED or (other.status in ON_ITS_WAY and is_earlier)


def change_of(world: World, task: Task) -> TreeChange | None:
    """The tree change that a task's last run came to; None before there is one."""
    return TreeChange.model_validate_json(world.store.blob(task.change_file)) if task.change_file else None
