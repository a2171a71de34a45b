"""What a person can do to a task that is on its way: see it, or stop it."""

from deputy.domain.events import EventName
from deputy.domain.identifiers import Subject, TaskId
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import Facts
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task
from deputy.flow.approvals.holds import void_holds
from deputy.flow.state.cards import STATUS_WORDS, headline, status_word
from deputy.flow.state.scheduler import spot_of
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_card_step
from deputy.flow.state.steps import Steps
from deputy.flow.state.tasks import advance, cancel_now, event
from deputy.ports import Ledger
from deputy.scheduling import wait_words

# A worker is busy with these: it sees the wish within half a second and ends the task itself.
_BUSY = frozenset({TaskStatus.RUNNING, TaskStatus.VERIFYING})


def status_text(services: Services, ledger: Ledger, task: Task) -> str:
    """One line about a task."""
    spot = spot_of(services, ledger, task)
    said = wait_words(spot.wait) if spot else task.outcome
    tail = f". {said}" if said else ""
    return f"{task.id}: {status_word(task, spot)}. {headline(task, services.bot_user)}{tail}"


def may_cancel(services: Services, task: Task, subject: str) -> bool:
    """The requester may, and whoever may approve work in the repository."""
    if subject == task.requester.subject:
        return True
    if not task.spec:
        return False
    decision = services.policies.current().decide(
        subject, task.spec.repo, Action.APPROVE, (), Facts(at=services.clock.now())
    )
    return decision.effect is Effect.ALLOW


def ask_to_cancel(services: Services, ledger: Ledger, task: Task, subject: Subject) -> str:
    """Cancel a task, or mark it so that its worker stops; returns the sentence for who asked."""
    if is_final(task.status):
        return f"{task.id} has ended already: {STATUS_WORDS[task.status].lower()}."
    if task.status is TaskStatus.DELIVERING:
        return f"{task.id} is being delivered; it is too late to cancel it."
    if not may_cancel(services, task, subject):
        ledger.append(
            event(services, EventName.CLICK_IGNORED, task=task.id, actor=subject, data={"reason": "may not cancel"})
        )
        return f"Only who asked for {task.id}, or somebody who may approve work in its repository, can cancel it."
    if task.cancel_by:
        return f"{task.id} is being stopped."
    if task.status is TaskStatus.QUEUED:
        ledger.lock()  # its turn may be coming at this moment
        task = ledger.task(task.id)
    asked = event(services, EventName.TASK_CANCEL_ASKED, task=task.id, actor=subject)
    task = advance(services, ledger, task, task.status, asked, cancel_by=subject)
    if task.status in _BUSY:
        return f"Stopping {task.id}."
    _cancel_idle(services, ledger, task)
    return f"{task.id} is cancelled."


def stop_task(services: Services, steps: Steps, task_id: TaskId) -> None:
    """The operator marked a task to be cancelled: end it unless a worker does, and show what became of it."""

    def stop() -> None:
        with services.store.transaction() as ledger:
            ledger.lock()
            task = ledger.task(task_id)
            if task.status not in _BUSY | {TaskStatus.DELIVERING} and not is_final(task.status):
                _cancel_idle(services, ledger, task)

    steps("stop", stop)
    show_card_step(services, steps, "show", task_id)


def _cancel_idle(services: Services, ledger: Ledger, task: Task) -> None:
    void_holds(services, ledger, task, "the task was cancelled")
    cancel_now(services, ledger, task)
