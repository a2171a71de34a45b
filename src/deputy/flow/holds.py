"""Waits for people, as rows: opened with a deadline, decided by votes, void when what they speak of is gone."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from pydantic import JsonValue

from deputy.approvals import Standing, standing
from deputy.domain.events import EventName
from deputy.domain.status import TaskStatus, is_final
from deputy.domain.values import Event, Hold, HoldKind, HoldStatus, Need, Task
from deputy.flow.cards import approval_card, needs_text
from deputy.flow.judging import binding
from deputy.flow.show import approvers, keep_sent, keep_shown, view_of
from deputy.flow.steps import Act, Steps
from deputy.flow.tasks import end, event
from deputy.flow.world import World
from deputy.policy import Bundle
from deputy.ports import Ledger


def open_hold(
    world: World,
    ledger: Ledger,
    task: Task,
    kind: HoldKind,
    needs: Sequence[Need],
    why: str,
    hosts: Sequence[str] = (),
) -> Hold:
    """Open a hold with its deadline. Votes bind to what is there now; requester and steerers are excluded."""
    bundle, now = world.policies.current(), world.clock.now()
    earlier = ledger.holds(task=task.id)
    hold = Hold(
        id=f"{task.id}.{len(earlier) + 1}",
        task=task.id,
        kind=kind,
        repo=task.spec.repo if task.spec else "",
        digest=binding(world, task, kind),
        needs=tuple(needs),
        excluded=(task.actor.subject, *task.steerers),
        why=why + _too_few(bundle, task, needs),
        nonce=secrets.token_urlsafe(12),
        opened_at=now,
        expires_at=now + timedelta(seconds=bundle.limits.hold_seconds),
        hosts=tuple(hosts),
    )
    data: dict[str, JsonValue] = {
        "hold": hold.id,
        "kind": kind.value,
        "digest": hold.digest,
        "needs": needs_text(needs),
        "excluded": list(hold.excluded),
        "expires_at": hold.expires_at.isoformat(),
        "why": hold.why,
        **({"hosts": list(hold.hosts)} if hold.hosts else {}),
    }
    ledger.add_hold(hold, event(world, EventName.HOLD_OPENED, task=task.id, data=data))
    world.queue.enqueue(
        ledger, "expire_hold", f"expire:{hold.id}", hold.id, delay_seconds=bundle.limits.hold_seconds + 1
    )
    world.queue.enqueue(ledger, "tell_approvers", f"tell:{hold.id}:0", hold.id, 0)
    return hold


def _too_few(bundle: Bundle, task: Task, needs: Sequence[Need]) -> str:
    """A warning when a need can't be met by the people there are."""
    repo, excluded = task.spec.repo if task.spec else "", {task.actor.subject, *task.steerers}
    for need in needs:
        able = set(bundle.holders(need.role, repo)) - excluded
        if len(able) < need.count:
            return f" Only {len(able)} of the {need.count} {need.title} needed can decide: tell who keeps the policy."
    return ""


def void_holds(world: World, ledger: Ledger, task: Task, why: str) -> None:
    """Void every open hold of a task."""
    for hold in ledger.holds(task=task.id, status=HoldStatus.OPEN):
        settle(
            world,
            ledger,
            hold,
            HoldStatus.VOID,
            event(world, EventName.HOLD_VOIDED, task=task.id, data={"hold": hold.id, "why": why}),
        )


def settle(world: World, ledger: Ledger, hold: Hold, status: HoldStatus, happened: Event) -> None:
    """Decide a hold, and take the buttons from the messages that asked for the decision."""
    ledger.settle_hold(hold, status, happened)
    world.queue.enqueue(ledger, "tell_outcome", f"told:{hold.id}", hold.id)


def standing_now(world: World, ledger: Ledger, hold: Hold) -> Standing:
    """Where a hold stands, with everybody's roles as policy has them at this moment."""
    bundle = world.policies.current()
    return standing(hold, ledger.votes(hold.id), lambda subject: bundle.roles(subject, hold.repo), world.clock.now())


def is_cleared(world: World, ledger: Ledger, task: Task, needs: Sequence[Need], hosts: Collection[str] = ()) -> bool:
    """Whether people whose roles still hold have agreed that the task may run, by as much as is needed.

    With ``hosts``: and that it may reach these.
    """
    granted = ledger.holds(task=task.id, kind=HoldKind.CLEARANCE, status=HoldStatus.GRANTED)
    cleared = [hold for hold in granted if set(hosts) <= set(hold.hosts)]
    wanted = {"needs": tuple(needs)}
    return any(standing_now(world, ledger, hold.model_copy(update=wanted)).is_granted for hold in cleared)


# ---------------------------------------------------------------------------------------------------- workflows


def expire_hold(world: World, steps: Steps, hold_id: str) -> None:
    """The deadline of a hold has come."""

    def expire() -> JsonValue:
        with world.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            if hold.status is not HoldStatus.OPEN:
                return ""
            happened = event(world, EventName.HOLD_EXPIRED, task=hold.task, data={"hold": hold.id})
            settle(world, ledger, hold, HoldStatus.EXPIRED, happened)
            task = ledger.task(hold.task)
            if is_final(task.status):
                return ""
            needed = needs_text(hold.needs)
            outcome = f"Nobody decided within the time allowed (needed: {needed}). Ask again if it still matters."
            end(world, ledger, task, TaskStatus.EXPIRED, outcome)
            return task.id

    if task_id := steps("expire", expire):
        keep_shown(world, steps, "show", str(task_id))


def expire_question(world: World, steps: Steps, task_id: str, version: int) -> None:
    """A question was not answered in time."""

    def expire() -> JsonValue:
        with world.store.transaction() as ledger:
            task = ledger.task(task_id)
            if task.status is not TaskStatus.NEEDS_ANSWER or task.version != version:
                return False
            end(world, ledger, task, TaskStatus.EXPIRED, "The question was not answered in time. Just ask again.")
            return True

    if steps("expire", expire):
        keep_shown(world, steps, "show", task_id)


def tell_approvers(world: World, steps: Steps, hold_id: str, reminder: int) -> None:
    """Send the approval card to those who may decide; ``reminder`` 0 is the first time."""

    def people() -> JsonValue:
        with world.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            if hold.status is not HoldStatus.OPEN:
                return []
            if reminder:
                happened = event(
                    world, EventName.HOLD_REMINDED, task=hold.task, data={"hold": hold.id, "number": reminder}
                )
                ledger.append(happened)
        return list(approvers(world, hold))

    def tell(user: str) -> JsonValue:
        with world.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            task = ledger.task(hold.task)
        if hold.status is not HoldStatus.OPEN:
            return None  # decided while the others were told
        link = world.chat.permalink(task.place, task.place.thread)
        text = f"{'Still waiting' if reminder else 'Your decision is needed'}: {hold.why}"
        card = approval_card(view_of(world, task.id))
        world.chat.notify(user, _told_key(hold_id, reminder, user), f"{text}\n{link}".strip(), card)
        return None

    tell_each(world, steps, steps("people", people), tell)


def tell_each(world: World, steps: Steps, named: JsonValue, tell: Act) -> None:
    """Tell one after the other. One who can't be messaged must not keep the others from being told."""
    for user in named if isinstance(named, list) else []:
        keep_sent(world, steps, f"tell-{user}", tell, user, user=str(user))


def tell_outcome(world: World, steps: Steps, hold_id: str) -> None:
    """A hold was decided: those who were asked see how, and nothing to click any more."""

    def people() -> JsonValue:
        with world.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            asked = approvers(world, hold)
            return [user for user in asked if ledger.post(_told_key(hold_id, 0, user))]

    def tell(user: str) -> JsonValue:
        with world.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
        card = approval_card(view_of(world, hold.task))
        quiet = replace(card, buttons=())
        world.chat.notify(user, _told_key(hold_id, 0, user), f"Decided ({hold.status}): {hold.why}", quiet)
        return None

    tell_each(world, steps, steps("people", people), tell)


def _told_key(hold_id: str, reminder: int, user: str) -> str:
    return f"tell:{hold_id}:{reminder}:{user}"
