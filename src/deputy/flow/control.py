"""What a person can do to a task that is on its way: see it, or stop it."""

from pydantic import JsonValue

from deputy.domain.events import EventName
from deputy.domain.facts import Facts
from deputy.domain.status import TaskStatus, is_final
from deputy.domain.values import Action, Effect, Task
from deputy.flow.cards import STATUS_WORDS, headline, status_word
from deputy.flow.dispatching import spot_of
from deputy.flow.holds import void_holds
from deputy.flow.show import keep_shown
from deputy.flow.steps import Steps
from deputy.flow.tasks import advance, cancel_now, event
from deputy.flow.world import World
from deputy.ports import Ledger
from deputy.scheduling import wait_words

# A worker is busy with these: it sees the wish within half a second and ends the task itself.
_BUSY = frozenset({TaskStatus.RUNNING, TaskStatus.VERIFYING})


def status_text(world: World, ledger: Ledger, task: Task) -> str:
    """One line about a task."""
    spot = spot_of(world, ledger, task)
    said = wait_words(spot.wait) if spot else task.outcome
    tail = f". {said}" if said else ""
    return f"{task.id}: {status_word(task, spot)}. {headline(task, world.bot_user)}{tail}"


def may_cancel(world: World, task: Task, subject: str) -> bool:
    """The requester may, and whoever may approve work in the repository."""
    if subject == task.actor.subject:
        return True
    if not task.spec:
        return False
    decision = world.policies.current().decide(subject, task.spec.repo, Action.APPROVE, (), Facts(at=world.clock.now()))
    return decision.effect is Effect.ALLOW


def ask_to_cancel(world: World, ledger: Ledger, task: Task, subject: str) -> str:
    """Cancel a task, or mark it so that its worker stops; returns the sentence for who asked."""
    if is_final(task.status):
        return f"{task.id} has ended already: {STATUS_WORDS[task.status].lower()}."
    if task.status is TaskStatus.DELIVERING:
        return f"{task.id} is being delivered; it is too late to cancel it."
    if not may_cancel(world, task, subject):
        ledger.append(
            event(world, EventName.CLICK_IGNORED, task=task.id, actor=subject, data={"reason": "may not cancel"})
        )
        return f"Only who asked for {task.id}, or somebody who may approve work in its repository, can cancel it."
    if task.cancel_by:
        return f"{task.id} is being stopped."
    if task.status is TaskStatus.QUEUED:
        ledger.lock()  # its turn may be coming at this moment
        task = ledger.task(task.id)
    asked = event(world, EventName.TASK_CANCEL_ASKED, task=task.id, actor=subject)
    task = advance(world, ledger, task, task.status, asked, cancel_by=subject)
    if task.status in _BUSY:
        return f"Stopping {task.id}."
    _cancel_idle(world, ledger, task)
    return f"{task.id} is cancelled."


def stop_task(world: World, steps: Steps, task_id: str) -> None:
    """The operator marked a task to be cancelled: end it unless a worker does, and show what became of it."""

    def stop() -> JsonValue:
        with world.store.transaction() as ledger:
            ledger.lock()
            task = ledger.task(task_id)
            if task.status not in _BUSY | {TaskStatus.DELIVERING} and not is_final(task.status):
                _cancel_idle(world, ledger, task)
        return None

    steps("stop", stop)
    keep_shown(world, steps, "show", task_id)


def _cancel_idle(world: World, ledger: Ledger, task: Task) -> None:
    void_holds(world, ledger, task, "the task was cancelled")
    cancel_now(world, ledger, task)
