"""What does not fit on a card, as files in the thread: a long diff for who decides, the logs of checks that failed."""

from collections.abc import Iterator

from deputy.domain.identifiers import TaskId
from deputy.domain.review.evidence import CheckPhase
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.delivery.artifacts import evidence_of, logs_of
from deputy.flow.state.cards import is_excerpt
from deputy.flow.state.services import Services
from deputy.flow.state.show import readable_diff, send_step
from deputy.flow.state.steps import Steps
from deputy.ports import Attachment


def keep_review_files(services: Services, steps: Steps, task_id: TaskId) -> None:
    """Attach them as a step. When Slack stays away the task stands as it is, and the failure is kept in the trail."""
    send_step(services, steps, "attach-review", lambda: attach_review_files(services, task_id), task=task_id)


def attach_review_files(services: Services, task_id: TaskId) -> None:
    """Upload what belongs to the task's state, once."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
    for said, file in _files(services, task):
        services.chat.attach(task.place, f"review:{task.id}:{_patch(task)}:{file.name}", [file], said)


def _files(services: Services, task: Task) -> Iterator[tuple[str, Attachment]]:
    name = f"{task.id}-{_patch(task)[:8]}"
    if task.status is TaskStatus.HELD_FOR_SIGNOFF and is_excerpt(diff := readable_diff(services, task)):
        whole = Attachment(f"{name}.diff", f"{task.id}: what would change", diff.encode())
        yield f"{task.id} waits for sign-off: this is all that it would change.", whole
    failed = [
        check for check in evidence_of(services, task).checks if check.phase is CheckPhase.PATCH and not check.passed
    ]
    if task.status is TaskStatus.BLOCKED and failed:
        logs = Attachment(f"{name}.checks.log", f"{task.id}: logs of the checks", logs_of(services, task))
        yield f"{task.id} was blocked: this is what its checks printed.", logs


def _patch(task: Task) -> str:
    """The digest of the patch, empty where there is none."""
    return (task.result.patch if task.result else None) or ""
