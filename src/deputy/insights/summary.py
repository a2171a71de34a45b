"""How the work went: from tasks and the holds on them to a few numbers."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deputy.domain.review.approval import Hold, HoldStatus, Vote
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task


@dataclass(frozen=True)
class Spread:
    """Seconds, over ``count`` cases; None when there is none."""

    count: int = 0
    median: float | None = None
    p90: float | None = None


@dataclass(frozen=True)
class Summary:
    """Figures over some tasks. ``cycle`` is request to delivery, ``review`` a hold's opening to its deciding vote.

    ``by_status`` has every status that occurs; ``cost`` is in US dollars over all tasks, ``cost_per_delivery`` spreads
    it over the delivered ones. ``oldest_wait`` is how long the longest open hold has been waiting, in seconds.
    """

    total: int
    active: int
    by_status: dict[str, int]
    cycle: Spread
    review: Spread
    cost: float
    tokens: int
    cost_per_delivery: float | None
    oldest_wait: float | None

    @property
    def delivered(self) -> int:
        """Tasks that ended with a patch in the thread."""
        return self.by_status.get(TaskStatus.DELIVERED, 0)

    @property
    def refused(self) -> int:
        """Tasks that policy refused before any work."""
        return self.by_status.get(TaskStatus.REFUSED, 0)


def summary(tasks: Sequence[Task], holds: Sequence[Hold], votes: Sequence[Vote], now: datetime) -> Summary:
    """What the tasks, with their holds and votes, come to. A hold without a vote (expired, void) is no review time."""
    delivered = [task for task in tasks if task.status is TaskStatus.DELIVERED]
    cost = math.fsum(task.usage.cost for task in tasks)
    waits = [_seconds(hold.opened_at, now) for hold in holds if hold.status is HoldStatus.OPEN]
    return Summary(
        total=len(tasks),
        active=sum(not is_final(task.status) for task in tasks),
        by_status=dict(Counter(task.status.value for task in tasks)),
        cycle=spread([_seconds(task.created_at, task.updated_at) for task in delivered]),
        review=spread(_review_times(holds, votes)),
        cost=cost,
        tokens=sum(task.usage.input_tokens + task.usage.output_tokens for task in tasks),
        cost_per_delivery=cost / len(delivered) if delivered else None,
        oldest_wait=max(waits, default=None),
    )


def spread(seconds: Sequence[float]) -> Spread:
    """Median and 90th percentile by nearest rank, so that each is a case that happened (the lower median of two)."""
    ordered = sorted(seconds)
    if not ordered:
        return Spread()
    return Spread(len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.9))


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _review_times(holds: Sequence[Hold], votes: Sequence[Vote]) -> list[float]:
    decided = {hold.id: hold for hold in holds if hold.status in {HoldStatus.GRANTED, HoldStatus.DENIED}}
    last: dict[str, datetime] = {}
    for vote in votes:
        if vote.hold in decided:
            last[vote.hold] = max(vote.at, last.get(vote.hold, vote.at))
    return [_seconds(decided[hold].opened_at, at) for hold, at in last.items()]


def _seconds(start: datetime, end: datetime) -> float:
    """Never negative: clocks of two machines may disagree a little."""
    return max((end - start).total_seconds(), 0.0)
