"""Bring a task's card up to date: gather what belongs to the task, compose, hand to Slack."""

from collections.abc import Callable
from functools import partial

from pydantic import JsonValue

from deputy.domain.errors import NotFound
from deputy.domain.events import Event, EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.review.approval import Hold, HoldStatus
from deputy.domain.review.evidence import Evidence
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.domain.text.secrets import redact
from deputy.domain.text.visible import visible
from deputy.flow.state.cards import View, compose
from deputy.flow.state.scheduler import spot_of
from deputy.flow.state.services import Services
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import event


def card_key(task: Task) -> str:
    """The key of the task's one card."""
    return f"card:{task.id}"


def show_task(services: Services, task_id: TaskId, progress: str = "") -> None:
    """Post or update the card of a task."""
    view = view_of(services, task_id, progress)
    services.chat.show(view.task.place, card_key(view.task), compose(view))


def send_step(
    services: Services, steps: Steps, name: str, act: Callable[[], object], *, task: str = "", user: str = ""
) -> None:
    """Send a message as a step. When Slack stays away the work goes on, and the trail keeps that it was not sent."""
    try:
        steps(name, act)
    except StepFailed as failed:
        why = failed.sentence
        steps(f"{name}-failed", lambda: message_failed(services, task, why, user))


def show_card_step(services: Services, steps: Steps, name: str, task_id: TaskId) -> None:
    """Show the card as a step; one that can't be shown now comes later."""
    send_step(services, steps, name, lambda: show_task(services, task_id), task=task_id)


def show_line(services: Services, steps: Steps, tasks: list[TaskId]) -> None:
    """The line has moved: bring the cards of these tasks up to date."""
    for task_id in tasks:
        send_step(services, steps, f"show-{task_id}", partial(_show_waiting, services, task_id), task=task_id)


def _show_waiting(services: Services, task_id: TaskId) -> None:
    """Show a task that has moved, unless it has no card yet or its run has begun: they are somebody else's to show."""
    if _is_ours_to_show(services, task_id):
        show_task(services, task_id)
        if not _is_ours_to_show(services, task_id):
            show_task(services, task_id)  # it began meanwhile, and its own card may have been overwritten


def _is_ours_to_show(services: Services, task_id: TaskId) -> bool:
    with services.store.transaction() as ledger:
        is_at_work = ledger.task(task_id).status in (TaskStatus.RUNNING, TaskStatus.VERIFYING)
        return not is_at_work and ledger.post(f"card:{task_id}") is not None


def message_failed(services: Services, task_id: str, error: str, user: str = "") -> None:
    """Keep in the trail that a message could not be sent."""
    data: dict[str, JsonValue] = {"error": error, "user": user}
    with services.store.transaction() as ledger:
        ledger.append(event(services, EventName.MESSAGE_FAILED, task=task_id, data=data))


def view_of(services: Services, task_id: TaskId, progress: str = "") -> View:
    """The task with everything that its card needs, as it is now."""
    with services.store.transaction() as ledger:
        task = ledger.task(task_id)
        holds = ledger.holds(task=task_id)
        hold = _hold_to_show(holds)
        votes = ledger.votes(hold.id) if hold else ()
        opened = ledger.events(task=task_id, name=EventName.NETWORK_OPENED, limit=1)
        spot = spot_of(services, ledger, task)
    result = task.result
    run = result.run if result else None
    change = services.repos.diff(task.spec.repo, result.base, result.tree) if result and task.spec else None
    return View(
        task=task,
        change=change,
        report=GateReport.model_validate_json(services.store.blob(run.report)) if run and run.report else None,
        proof=Evidence.model_validate_json(services.store.blob(run.evidence)) if run and run.evidence else None,
        hold=hold,
        votes=votes,
        approvers=approvers(services, hold) if hold and hold.status is HoldStatus.OPEN else (),
        diff=readable_diff(services, task) if task.status is TaskStatus.HELD_FOR_SIGNOFF else "",
        progress=progress,
        hosts=_hosts(opened[-1].event) if opened and opened[-1].event.data.get("run") == task.run_number else (),
        spot=spot,
        bot_user=services.bot_user,
    )


def _hosts(opened: Event) -> tuple[str, ...]:
    """The hosts that a run's work may reach."""
    hosts = opened.data.get("hosts")
    return tuple(str(host) for host in hosts) if isinstance(hosts, list) else ()


def approvers(services: Services, hold: Hold) -> tuple[str, ...]:
    """The user ids of those who may decide a hold now."""
    bundle = services.policies.current()
    subjects = {subject for need in hold.needs for subject in bundle.holders(need.role, hold.repo)}
    home = f"user:{services.team}/"
    return tuple(sorted(s.removeprefix(home) for s in subjects - set(hold.excluded) if s.startswith(home)))


def _hold_to_show(holds: tuple[Hold, ...]) -> Hold | None:
    """The open hold, else the last one that was decided."""
    live = [hold for hold in holds if hold.status is HoldStatus.OPEN]
    decided = [hold for hold in holds if hold.status is not HoldStatus.VOID]
    return next(reversed(live or decided), None)


def readable_diff(services: Services, task: Task) -> str:
    """The patch as people read it, without secrets, nothing hidden in it; empty where there is none (any more)."""
    if not task.result or not task.spec:
        return ""
    try:
        return redact(visible(services.repos.show_diff(task.spec.repo, task.result.base, task.result.tree)))
    except NotFound:
        return ""
