"""Put runs in line."""

from deputy.domain.status import TaskStatus
from deputy.domain.values import Event, Task
from deputy.flow.tasks import advance
from deputy.flow.world import World
from deputy.ports import Ledger


def queue_run(world: World, ledger: Ledger, task: Task, happened: Event, *, feedback: str = "") -> Task:
    """Put the next run of a task in line; ``feedback`` is what the last one is to be mended for.

    It waits as a row until its turn comes, which may be at once (see ``dispatching``).
    """
    run = task.run + 1
    return advance(world, ledger, task, TaskStatus.QUEUED, happened, clarification=None, run=run, feedback=feedback)
