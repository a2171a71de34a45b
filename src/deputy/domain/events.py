"""The closed vocabulary of audit events: ``noun:verb`` or ``noun:noun:verb``."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from deputy.domain.value import Value


class EventName(StrEnum):
    """What happened. A name, once used, is never reused for something else."""

    REQUEST_RECEIVED = "request:received"
    REQUEST_IGNORED = "request:ignored"
    REQUEST_EDITED = "request:edited"
    REQUEST_UNUSABLE = "request:unusable"
    QUESTION_ASKED = "task:question:asked"
    QUESTION_ANSWERED = "task:question:answered"
    POLICY_LOADED = "policy:bundle:loaded"
    POLICY_BROKEN = "policy:bundle:broken"
    POLICY_MENDED = "policy:bundle:mended"
    REQUEST_HARMFUL = "request:harmful"
    TASK_UNDERSTOOD = "task:understood"
    TASK_REFUSED = "task:refused"
    TASK_QUEUED = "task:queued"
    TASK_BLOCKED = "task:blocked"
    TASK_CANCELLED = "task:cancelled"
    TASK_CANCEL_ASKED = "task:cancel:asked"
    TASK_FAILED = "task:failed"
    TASK_EXPIRED = "task:expired"
    TASK_REJECTED = "task:rejected"
    RUN_CALLED = "run:called"
    RUN_STARTED = "run:started"
    RUN_BEGUN = "run:begun"
    RUN_RETRIED = "run:retried"
    RUN_COMMAND = "run:command:finished"
    RUN_TURN = "run:turn:finished"
    PATCH_COMPUTED = "patch:computed"
    CHECKS_FINISHED = "checks:finished"
    GATES_JUDGED = "gates:judged"
    SIGN_OFF_NEEDED = "task:sign-off:needed"
    HOLD_OPENED = "hold:opened"
    HOLD_GRANTED = "hold:granted"
    HOLD_DENIED = "hold:denied"
    HOLD_EXPIRED = "hold:expired"
    HOLD_VOIDED = "hold:voided"
    HOLD_REMINDED = "hold:reminded"
    VOTE_CAST = "vote:cast"
    VOTE_REFUSED = "vote:refused"
    DELIVERY_STARTED = "delivery:started"
    DELIVERY_PACKED = "delivery:packed"
    BASE_MOVED = "delivery:base:moved"
    DELIVERY_FINISHED = "delivery:finished"
    AUDIT_QUERIED = "audit:queried"
    COMMAND_RECEIVED = "command:received"
    CLICK_IGNORED = "click:ignored"
    MESSAGE_FAILED = "message:failed"
    ENVIRONMENT_BUILT = "environment:built"
    ENVIRONMENT_FAILED = "environment:failed"
    NETWORK_OPENED = "network:opened"
    NETWORK_USED = "network:used"
    ORPHANS_REMOVED = "sandbox:orphans:removed"
    SERVICE_STARTED = "service:started"


class Event(Value):
    """One line of the audit trail, before it is chained. ``data`` holds facts; ``personal`` holds erasable text."""

    name: str
    at: datetime
    actor: str
    task: str = ""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    personal: dict[str, str] = Field(default_factory=dict)


# Who acts where no person does.
SYSTEM = "deputy"


def happened(
    name: EventName,
    at: datetime,
    *,
    task: str = "",
    actor: str = SYSTEM,
    data: dict[str, JsonValue] | None = None,
    personal: dict[str, str] | None = None,
) -> Event:
    """An event; every event is made here."""
    return Event(name=name, at=at, actor=actor, task=task, data=data or {}, personal=personal or {})
