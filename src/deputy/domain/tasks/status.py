"""The one table of task statuses. No other code decides where a task may go."""

from enum import StrEnum
from types import MappingProxyType

from deputy.domain.errors import Stale


class TaskStatus(StrEnum):
    """Where a task stands."""

    RECEIVED = "received"
    NEEDS_ANSWER = "needs_answer"
    REFUSED = "refused"
    HELD_FOR_CLEARANCE = "held_for_clearance"
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    BLOCKED = "blocked"
    HELD_FOR_SIGNOFF = "held_for_signoff"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


_S = TaskStatus
# A task in one of these has ended.
FINAL = frozenset({_S.REFUSED, _S.BLOCKED, _S.DELIVERED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED, _S.FAILED})
_ENDS = frozenset({_S.CANCELLED, _S.FAILED})

TRANSITIONS: MappingProxyType[TaskStatus, frozenset[TaskStatus]] = MappingProxyType(
    {
        _S.RECEIVED: frozenset({_S.NEEDS_ANSWER, _S.REFUSED, _S.HELD_FOR_CLEARANCE, _S.QUEUED}) | _ENDS,
        _S.NEEDS_ANSWER: frozenset({_S.RECEIVED, _S.REFUSED, _S.HELD_FOR_CLEARANCE, _S.QUEUED, _S.EXPIRED}) | _ENDS,
        _S.HELD_FOR_CLEARANCE: frozenset({_S.QUEUED, _S.REJECTED, _S.EXPIRED}) | _ENDS,
        _S.QUEUED: frozenset({_S.RUNNING, _S.REFUSED}) | _ENDS,
        _S.RUNNING: frozenset({_S.VERIFYING, _S.BLOCKED}) | _ENDS,
        # A blocked patch may get one more try, on the reasons it was blocked for.
        _S.VERIFYING: frozenset({_S.QUEUED, _S.BLOCKED, _S.HELD_FOR_SIGNOFF, _S.DELIVERING}) | _ENDS,
        # The base moved after sign-off: the patch is rebuilt, or needs a new sign-off.
        _S.HELD_FOR_SIGNOFF: frozenset({_S.DELIVERING, _S.REJECTED, _S.EXPIRED, _S.QUEUED}) | _ENDS,
        _S.DELIVERING: frozenset({_S.DELIVERED, _S.HELD_FOR_SIGNOFF, _S.BLOCKED, _S.QUEUED}) | _ENDS,
        **dict.fromkeys(FINAL, frozenset[TaskStatus]()),
    }
)


def is_final(status: TaskStatus) -> bool:
    """Whether a task in this status has ended."""
    return status in FINAL


def check_transition(current: TaskStatus, following: TaskStatus) -> None:
    """Raise ``Stale`` unless the table lets a task go from ``current`` to ``following``."""
    if following not in TRANSITIONS[current]:
        raise Stale(
            f"a task that is {current} cannot become {following}",
            "somebody or something was faster",
            "look at the card: it shows where the task stands now",
        )
