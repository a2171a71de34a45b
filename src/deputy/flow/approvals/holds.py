"""Waits for people, as rows: opened with a deadline, decided by votes, void when what they speak of is gone."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pydantic import JsonValue

from deputy.approvals import Standing, standing
from deputy.domain.events import Event, EventName
from deputy.domain.identifiers import TaskId
from deputy.domain.policy.approval_requirements import requirements_text
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus
from deputy.domain.tasks.status import TaskStatus, is_final
from deputy.domain.tasks.task import Task
from deputy.flow.approvals.binding import binding
from deputy.flow.state.cards import approval_card
from deputy.flow.state.services import Services
from deputy.flow.state.show import approvers, send_step, show_card_step, view_of
from deputy.flow.state.steps import Steps
from deputy.flow.state.tasks import end, event
from deputy.policy import Bundle
from deputy.ports import Ledger


def open_hold(
    services: Services,
    ledger: Ledger,
    task: Task,
    kind: HoldKind,
    needs: Sequence[ApprovalRequirement],
    why: str,
    hosts: Sequence[str] = (),
) -> Hold:
    """Open a hold with its deadline. Votes bind to what is there now; the requester is excluded."""
    bundle, now = services.policies.current(), services.clock.now()
    earlier = ledger.holds(task=task.id)
    hold = Hold(
        id=f"{task.id}.{len(earlier) + 1}",
        task=task.id,
        kind=kind,
        repo=task.spec.repo if task.spec else "",
        digest=binding(services, task, kind),
        needs=tuple(needs),
        excluded=(task.requester.subject,),
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
        "needs": requirements_text(needs),
        "excluded": list(hold.excluded),
        "expires_at": hold.expires_at.isoformat(),
        "why": hold.why,
        **({"hosts": list(hold.hosts)} if hold.hosts else {}),
    }
    ledger.add_hold(hold, event(services, EventName.HOLD_OPENED, task=task.id, data=data))
    services.queue.enqueue(
        ledger, "expire_hold", f"expire:{hold.id}", hold.id, delay_seconds=bundle.limits.hold_seconds + 1
    )
    services.queue.enqueue(ledger, "tell_approvers", f"tell:{hold.id}:0", hold.id, 0)
    return hold


def _too_few(bundle: Bundle, task: Task, needs: Sequence[ApprovalRequirement]) -> str:
    """A warning when a need can't be met by the people there are."""
    repo, excluded = task.spec.repo if task.spec else "", {task.requester.subject}
    for need in needs:
        able = set(bundle.holders(need.role, repo)) - excluded
        if len(able) < need.count:
            return f" Only {len(able)} of the {need.count} {need.title} needed can decide: tell who keeps the policy."
    return ""


def void_holds(services: Services, ledger: Ledger, task: Task, why: str) -> None:
    """Void every open hold of a task."""
    for hold in ledger.holds(task=task.id, status=HoldStatus.OPEN):
        settle(
            services,
            ledger,
            hold,
            HoldStatus.VOID,
            event(services, EventName.HOLD_VOIDED, task=task.id, data={"hold": hold.id, "why": why}),
        )


def settle(services: Services, ledger: Ledger, hold: Hold, status: HoldStatus, happened: Event) -> None:
    """Decide a hold, and take the buttons from the messages that asked for the decision."""
    ledger.settle_hold(hold, status, happened)
    services.queue.enqueue(ledger, "tell_outcome", f"told:{hold.id}", hold.id)


def standing_now(services: Services, ledger: Ledger, hold: Hold) -> Standing:
    """Where a hold stands, with everybody's roles as policy has them at this moment."""
    bundle = services.policies.current()
    return standing(hold, ledger.votes(hold.id), lambda subject: bundle.roles(subject, hold.repo), services.clock.now())


def is_cleared(
    services: Services, ledger: Ledger, task: Task, needs: Sequence[ApprovalRequirement], hosts: Collection[str] = ()
) -> bool:
    """Whether people whose roles still hold have agreed that the task may run, by as much as is needed.

    With ``hosts``: and that it may reach these.
    """
    granted = ledger.holds(task=task.id, kind=HoldKind.CLEARANCE, status=HoldStatus.GRANTED)
    cleared = [hold for hold in granted if set(hosts) <= set(hold.hosts)]
    wanted = {"needs": tuple(needs)}
    return any(standing_now(services, ledger, hold.model_copy(update=wanted)).is_granted for hold in cleared)


# ---------------------------------------------------------------------------------------------------- workflows


def expire_hold(services: Services, steps: Steps, hold_id: str) -> None:
    """The deadline of a hold has come."""

    def expire() -> str:
        with services.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            if hold.status is not HoldStatus.OPEN:
                return ""
            happened = event(services, EventName.HOLD_EXPIRED, task=hold.task, data={"hold": hold.id})
            settle(services, ledger, hold, HoldStatus.EXPIRED, happened)
            task = ledger.task(hold.task)
            if is_final(task.status):
                return ""
            needed = requirements_text(hold.needs)
            outcome = f"Nobody decided within the time allowed (needed: {needed}). Ask again if it still matters."
            end(services, ledger, task, TaskStatus.EXPIRED, outcome)
            return task.id

    if task_id := steps("expire", expire, returns=str):
        show_card_step(services, steps, "show", TaskId(task_id))


def expire_question(services: Services, steps: Steps, task_id: TaskId, version: int) -> None:
    """A question was not answered in time."""

    def expire() -> bool:
        with services.store.transaction() as ledger:
            task = ledger.task(task_id)
            if task.status is not TaskStatus.NEEDS_ANSWER or task.version != version:
                return False
            end(services, ledger, task, TaskStatus.EXPIRED, "The question was not answered in time. Just ask again.")
            return True

    if steps("expire", expire, returns=bool):
        show_card_step(services, steps, "show", task_id)


def tell_approvers(services: Services, steps: Steps, hold_id: str, reminder: int) -> None:
    """Send the approval card to those who may decide; ``reminder`` 0 is the first time."""

    def people() -> list[str]:
        with services.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            if hold.status is not HoldStatus.OPEN:
                return []
            if reminder:
                happened = event(
                    services, EventName.HOLD_REMINDED, task=hold.task, data={"hold": hold.id, "number": reminder}
                )
                ledger.append(happened)
        return list(approvers(services, hold))

    def tell(user: str) -> None:
        with services.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            task = ledger.task(hold.task)
        if hold.status is not HoldStatus.OPEN:
            return  # decided while the others were told
        link = services.chat.permalink(task.place, task.place.thread)
        text = f"{'Still waiting' if reminder else 'Your decision is needed'}: {hold.why}"
        card = approval_card(view_of(services, task.id))
        services.chat.notify(user, _told_key(hold_id, reminder, user), f"{text}\n{link}".strip(), card)

    tell_each(services, steps, steps("people", people, returns=list[str]), tell)


def tell_each(services: Services, steps: Steps, users: Sequence[str], tell: Callable[[str], None]) -> None:
    """Tell one after the other. One who can't be messaged must not keep the others from being told."""
    for user in users:
        send_step(services, steps, f"tell-{user}", partial(tell, user), user=user)


def tell_outcome(services: Services, steps: Steps, hold_id: str) -> None:
    """A hold was decided: those who were asked see how, and nothing to click any more."""

    def people() -> list[str]:
        with services.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
            asked = approvers(services, hold)
            return [user for user in asked if ledger.post(_told_key(hold_id, 0, user))]

    def tell(user: str) -> None:
        with services.store.transaction() as ledger:
            hold = ledger.hold(hold_id)
        card = approval_card(view_of(services, hold.task))
        quiet = replace(card, buttons=())
        services.chat.notify(user, _told_key(hold_id, 0, user), f"Decided ({hold.status}): {hold.why}", quiet)

    tell_each(services, steps, steps("people", people, returns=list[str]), tell)


def _told_key(hold_id: str, reminder: int, user: str) -> str:
    return f"tell:{hold_id}:{reminder}:{user}"
