"""Put runs in line."""

from deputy.domain.status import TaskStatus
from deputy.domain.values import Event, Task
from deputy.flow.tasks import advance
from deputy.flow.world import World
from deputy.ports import Ledger


def queue_run(world: World, ledger: Ledger, task: Task, happened: Event, *, feedback: str = "") -> Task:
    """Put the next run of a task in line; ``feedback`` is what the last one is to be mended for."""
    run = task.run + 1
    saved = advance(world, ledger, task, TaskStatus.QUEUED, happened, clarification=None, run=run, feedback=feedback)
    repo = saved.spec.repo if saved.spec else ""
    world.queue.enqueue(ledger, "run_task", f"run:{saved.id}:{saved.run}", saved.id, saved.run, partition=repo)
    return saved
