"""Put runs in line."""

from deputy.domain.events import Event
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import advance
from deputy.ports import Ledger


def enqueue_run(
    services: Services, ledger: Ledger, task: Task, happened: Event, *, feedback: str | None = None
) -> Task:
    """Put the next run of a task in line; ``feedback`` is what the last one is to be mended for.

    It waits as a row until its turn comes, which may be at once (see ``scheduler``).
    """
    runs = task.runs_and_next(services.clock.now(), feedback)
    return advance(services, ledger, task, TaskStatus.QUEUED, happened, clarification=None, runs=runs)
