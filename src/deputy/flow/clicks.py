"""A click on one of our buttons: an answer, a vote, a cancellation. Only the database decides what it means."""

import secrets

from pydantic import JsonValue

from deputy.approvals import refusal
from deputy.domain.errors import NotFound
from deputy.domain.events import EventName
from deputy.domain.status import TaskStatus
from deputy.domain.values import Hold, HoldKind, HoldStatus, Incoming, Person, Task, Vote, VoteChoice
from deputy.flow.cards import sentence
from deputy.flow.control import ask_to_cancel
from deputy.flow.delivery import queue_delivery
from deputy.flow.holds import settle, standing_now
from deputy.flow.judging import binding
from deputy.flow.queueing import queue_run
from deputy.flow.requests import answer_by_click, look_up
from deputy.flow.show import keep_sent, keep_shown
from deputy.flow.steps import StepFailed, Steps
from deputy.flow.tasks import end, event, once
from deputy.flow.world import World
from deputy.ports import Ledger

_CHOICES = {"deputy.approve": VoteChoice.APPROVE, "deputy.deny": VoteChoice.DENY}
_REJECTED = "Nothing was delivered; ask them what has to change before you ask again."
_GONE = "This button belongs to something that no longer exists. The card in the thread shows where the task stands."


def handle_click(world: World, steps: Steps, key: str) -> None:
    """A human pressed a button. ``key`` names the snapshot."""
    try:
        person = steps("look-up", lambda: look_up(world, key))
        result = steps("apply", lambda: apply_click(world, key, person))
    except StepFailed as failed:
        result = {"sentence": failed.sentence, "task": ""}
    sentence, task_id = (str(result[name]) for name in ("sentence", "task")) if isinstance(result, dict) else ("", "")
    if task_id:
        keep_shown(world, steps, "show", task_id)
    if sentence:
        keep_sent(world, steps, "whisper", lambda: whisper(world, key, sentence))


def whisper(world: World, key: str, sentence: str) -> JsonValue:
    """Tell the person who acted, and nobody else."""
    with world.store.transaction() as ledger:
        incoming = ledger.incoming(key)
    world.chat.whisper(incoming.place, incoming.actor.user, sentence, incoming.reply_url)
    return None


def apply_click(world: World, key: str, person: JsonValue) -> JsonValue:
    """Carry the click out in one transaction; returns the sentence for who clicked and the task to show."""
    who = Person.model_validate(person)
    with world.store.transaction() as ledger:
        return once(ledger, f"click:{key}", lambda: _carry_out(world, ledger, ledger.incoming(key), who))


def _carry_out(world: World, ledger: Ledger, incoming: Incoming, who: Person) -> JsonValue:
    try:
        sentence, task_id = _apply(world, ledger, incoming, who)
    except NotFound:
        sentence, task_id = _GONE, ""
        _ignored(world, ledger, incoming, "", "unknown button")
    return {"sentence": sentence, "task": task_id}


def _apply(world: World, ledger: Ledger, incoming: Incoming, who: Person) -> tuple[str, str]:
    if incoming.action in _CHOICES:
        return _vote(world, ledger, incoming, who)
    if who.ineligibility:
        _ignored(world, ledger, incoming, "", who.ineligibility)
        return f"Your account is {who.ineligibility}, so this button does nothing for you.", ""
    if incoming.action == "deputy.cancel":
        task = ledger.task(incoming.value)
        return ask_to_cancel(world, ledger, task, incoming.actor.subject), task.id
    if incoming.action.startswith("deputy.answer"):
        return _answer(world, ledger, incoming)
    _ignored(world, ledger, incoming, "", "unknown action")
    return _GONE, ""


def _ignored(world: World, ledger: Ledger, incoming: Incoming, task: str, reason: str) -> None:
    data: dict[str, JsonValue] = {"action": incoming.action, "reason": reason}
    ledger.append(event(world, EventName.CLICK_IGNORED, task=task, actor=incoming.actor.subject, data=data))


def _answer(world: World, ledger: Ledger, incoming: Incoming) -> tuple[str, str]:
    task_id, _, value = incoming.value.partition("|")
    task = ledger.task(task_id)
    if task.actor != incoming.actor:
        _ignored(world, ledger, incoming, task.id, "not the requester")
        return "Only the person who asked can answer this.", ""
    if task.status is not TaskStatus.NEEDS_ANSWER or not task.clarification:
        return "That question is answered already.", task.id
    if value not in {choice.value for choice in task.clarification.choices}:
        _ignored(world, ledger, incoming, task.id, "not one of the choices")
        return _GONE, task.id
    answer_by_click(world, ledger, task, incoming, value)
    return "", task.id


def _vote(world: World, ledger: Ledger, incoming: Incoming, who: Person) -> tuple[str, str]:
    hold_id, _, nonce = incoming.value.partition("|")
    hold = ledger.hold(hold_id)
    bundle, subject = world.policies.current(), incoming.actor.subject
    refused = refusal(
        hold,
        who,
        bundle.roles(subject, hold.repo),
        ledger.votes(hold.id),
        now=world.clock.now(),
        clicked_at=incoming.received_at,
        window_seconds=bundle.limits.button_seconds,
        digest=binding(world, ledger.task(hold.task), hold.kind),
    )
    if not secrets.compare_digest(nonce.encode(), hold.nonce.encode()):
        refused = _GONE
    choice = _CHOICES[incoming.action]
    data: dict[str, JsonValue] = {"hold": hold.id, "digest": hold.digest, "choice": choice.value}
    if refused:
        happened = event(world, EventName.VOTE_REFUSED, task=hold.task, actor=subject, data={**data, "reason": refused})
        ledger.append(happened)
        return refused, ""
    roles = tuple(sorted(bundle.roles(subject, hold.repo)))
    vote = Vote(hold=hold.id, subject=subject, choice=choice, digest=hold.digest, roles=roles, at=world.clock.now())
    cast = event(world, EventName.VOTE_CAST, task=hold.task, actor=subject, data={**data, "roles": list(roles)})
    if not ledger.add_vote(vote, cast):
        return "You have voted on this already.", hold.task
    return _settle(world, ledger, hold), hold.task


def _settle(world: World, ledger: Ledger, hold: Hold) -> str:
    """What the votes now amount to."""
    stands = standing_now(world, ledger, hold)
    task = ledger.task(hold.task)
    data: dict[str, JsonValue] = {"hold": hold.id, "digest": hold.digest, "standing": stands.sentence}
    if stands.status is HoldStatus.DENIED:
        settle(world, ledger, hold, HoldStatus.DENIED, event(world, EventName.HOLD_DENIED, task=task.id, data=data))
        end(world, ledger, task, TaskStatus.REJECTED, f"{sentence(stands.sentence)} {_REJECTED}")
        return f"You denied {task.id}."
    if stands.status is HoldStatus.GRANTED:
        settle(world, ledger, hold, HoldStatus.GRANTED, event(world, EventName.HOLD_GRANTED, task=task.id, data=data))
        _go_on(world, ledger, task, hold)
        return f"You approved {task.id}."
    return f"Your vote on {task.id} counts. {sentence(stands.sentence)}"


def _go_on(world: World, ledger: Ledger, task: Task, hold: Hold) -> None:
    if hold.kind is HoldKind.CLEARANCE:
        queue_run(world, ledger, task, event(world, EventName.TASK_QUEUED, task=task.id, data={"hold": hold.id}))
    else:
        queue_delivery(world, ledger, task, hold.id)
