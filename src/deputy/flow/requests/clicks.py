"""A click on one of our buttons: an answer, a vote, a cancellation. Only the database decides what it means."""

import secrets

from pydantic import JsonValue

from deputy.approvals import refusal
from deputy.domain.buttons import AnswerClick, CancelClick, VoteClick, read_click
from deputy.domain.errors import NotFound
from deputy.domain.events import EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.people import Person
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote
from deputy.domain.tasks.request import Incoming
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.domain.value import Value
from deputy.flow.approvals.binding import binding
from deputy.flow.approvals.holds import settle, standing_now
from deputy.flow.delivery.delivery import queue_delivery
from deputy.flow.requests.control import ask_to_cancel
from deputy.flow.requests.requests import answer_by_click, look_up
from deputy.flow.state.cards import sentence
from deputy.flow.state.enqueue_run import enqueue_run
from deputy.flow.state.services import Services
from deputy.flow.state.show import send_step, show_card_step
from deputy.flow.state.steps import StepFailed, Steps
from deputy.flow.state.tasks import end, event, once
from deputy.ports import Ledger

_REJECTED = "Nothing was delivered; ask them what has to change before you ask again."
_GONE = "This button belongs to something that no longer exists. The card in the thread shows where the task stands."


class ClickResult(Value):
    """The sentence for the person who clicked, and the task whose card has changed; either may be empty."""

    sentence: str = ""
    task: str = ""


def handle_click(services: Services, steps: Steps, key: str) -> None:
    """A human pressed a button. ``key`` names the snapshot."""
    try:
        person = steps("look-up", lambda: look_up(services, key), returns=Person)
        result = steps("apply", lambda: apply_click(services, key, person), returns=ClickResult)
    except StepFailed as failed:
        result = ClickResult(sentence=failed.sentence)
    if result.task:
        show_card_step(services, steps, "show", TaskId(result.task))
    if result.sentence:
        send_step(services, steps, "whisper", lambda: whisper(services, key, result.sentence))


def whisper(services: Services, key: str, sentence: str) -> None:
    """Tell the person who acted, and nobody else."""
    with services.store.transaction() as ledger:
        incoming = ledger.incoming(key)
    services.chat.whisper(incoming.place, incoming.actor.user, sentence, incoming.reply_url)


def apply_click(services: Services, key: str, person: Person) -> ClickResult:
    """Carry the click out in one transaction."""
    with services.store.transaction() as ledger:
        return once(
            ledger,
            f"click:{key}",
            lambda: _carry_out(services, ledger, ledger.incoming(key), person),
            returns=ClickResult,
        )


def _carry_out(services: Services, ledger: Ledger, incoming: Incoming, who: Person) -> ClickResult:
    try:
        sentence, task_id = _apply(services, ledger, incoming, who)
    except NotFound:
        sentence, task_id = _GONE, ""
        _ignored(services, ledger, incoming, "", "unknown button")
    return ClickResult(sentence=sentence, task=task_id)


def _apply(services: Services, ledger: Ledger, incoming: Incoming, who: Person) -> tuple[str, str]:
    click = read_click(incoming.action, incoming.value)
    if isinstance(click, VoteClick):
        return _vote(services, ledger, incoming, who, click)
    if who.ineligibility:
        _ignored(services, ledger, incoming, "", who.ineligibility)
        return f"Your account is {who.ineligibility}, so this button does nothing for you.", ""
    if isinstance(click, CancelClick):
        task = ledger.task(click.task)
        return ask_to_cancel(services, ledger, task, incoming.actor.subject), task.id
    if isinstance(click, AnswerClick):
        return _answer(services, ledger, incoming, click)
    _ignored(services, ledger, incoming, "", "unknown action")
    return _GONE, ""


def _ignored(services: Services, ledger: Ledger, incoming: Incoming, task: str, reason: str) -> None:
    data: dict[str, JsonValue] = {"action": incoming.action, "reason": reason}
    ledger.append(event(services, EventName.CLICK_IGNORED, task=task, actor=incoming.actor.subject, data=data))


def _answer(services: Services, ledger: Ledger, incoming: Incoming, click: AnswerClick) -> tuple[str, str]:
    task, value = ledger.task(click.task), click.value
    if task.requester != incoming.actor:
        _ignored(services, ledger, incoming, task.id, "not the requester")
        return "Only the person who asked can answer this.", ""
    if task.status is not TaskStatus.NEEDS_ANSWER or not task.clarification:
        return "That question is answered already.", task.id
    if value not in {choice.value for choice in task.clarification.choices}:
        _ignored(services, ledger, incoming, task.id, "not one of the choices")
        return _GONE, task.id
    answer_by_click(services, ledger, task, incoming, value)
    return "", task.id


def _vote(services: Services, ledger: Ledger, incoming: Incoming, who: Person, click: VoteClick) -> tuple[str, str]:
    hold = ledger.hold(click.hold)
    bundle, subject = services.policies.current(), incoming.actor.subject
    refused = refusal(
        hold,
        who,
        bundle.roles(subject, hold.repo),
        ledger.votes(hold.id),
        now=services.clock.now(),
        clicked_at=incoming.received_at,
        window_seconds=bundle.limits.button_seconds,
        digest=binding(services, ledger.task(hold.task), hold.kind),
    )
    if not secrets.compare_digest(click.nonce.encode(), hold.nonce.encode()):
        refused = _GONE
    choice = click.choice
    data: dict[str, JsonValue] = {"hold": hold.id, "digest": hold.digest, "choice": choice.value}
    if refused:
        happened = event(
            services, EventName.VOTE_REFUSED, task=hold.task, actor=subject, data={**data, "reason": refused}
        )
        ledger.append(happened)
        return refused, ""
    roles = tuple(sorted(bundle.roles(subject, hold.repo)))
    vote = Vote(hold=hold.id, subject=subject, choice=choice, digest=hold.digest, roles=roles, at=services.clock.now())
    cast = event(services, EventName.VOTE_CAST, task=hold.task, actor=subject, data={**data, "roles": list(roles)})
    if not ledger.add_vote(vote, cast):
        return "You have voted on this already.", hold.task
    return _settle(services, ledger, hold), hold.task


def _settle(services: Services, ledger: Ledger, hold: Hold) -> str:
    """What the votes now amount to."""
    stands = standing_now(services, ledger, hold)
    task = ledger.task(hold.task)
    data: dict[str, JsonValue] = {"hold": hold.id, "digest": hold.digest, "standing": stands.sentence}
    if stands.status is HoldStatus.DENIED:
        settle(
            services, ledger, hold, HoldStatus.DENIED, event(services, EventName.HOLD_DENIED, task=task.id, data=data)
        )
        end(services, ledger, task, TaskStatus.REJECTED, f"{sentence(stands.sentence)} {_REJECTED}")
        return f"You denied {task.id}."
    if stands.status is HoldStatus.GRANTED:
        settle(
            services, ledger, hold, HoldStatus.GRANTED, event(services, EventName.HOLD_GRANTED, task=task.id, data=data)
        )
        _go_on(services, ledger, task, hold)
        return f"You approved {task.id}."
    return f"Your vote on {task.id} counts. {sentence(stands.sentence)}"


def _go_on(services: Services, ledger: Ledger, task: Task, hold: Hold) -> None:
    if hold.kind is HoldKind.CLEARANCE:
        enqueue_run(
            services, ledger, task, event(services, EventName.TASK_QUEUED, task=task.id, data={"hold": hold.id})
        )
    else:
        queue_delivery(services, ledger, task, hold.id)
