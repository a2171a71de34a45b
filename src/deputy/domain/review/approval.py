"""Holds and votes: people are asked, and answer."""

from datetime import datetime
from enum import StrEnum

from deputy.domain.identifiers import Digest, Subject, TaskId
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.value import Value


class HoldKind(StrEnum):
    """What people are asked for: leave to run, or leave to deliver."""

    CLEARANCE = "clearance"
    SIGN_OFF = "sign-off"


class HoldStatus(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"


class Hold(Value):
    """A wait for people. Votes bind to ``digest``; ``excluded`` subjects (the requester) cannot vote.

    ``nonce`` is the opaque value that the card's buttons carry; ``hosts`` are those that were shown: a clearance lets
    the work reach no other that needs one.
    """

    id: str
    task: TaskId
    kind: HoldKind
    repo: str
    digest: Digest
    needs: tuple[ApprovalRequirement, ...]
    excluded: tuple[Subject, ...]
    why: str
    nonce: str
    opened_at: datetime
    expires_at: datetime
    status: HoldStatus = HoldStatus.OPEN
    hosts: tuple[str, ...] = ()


class VoteChoice(StrEnum):
    """A human's answer to a hold."""

    APPROVE = "approve"
    DENY = "deny"


class Vote(Value):
    """One human's vote on a hold; at most one per person and hold. ``digest`` is what they saw."""

    hold: str
    subject: Subject
    choice: VoteChoice
    digest: Digest
    roles: tuple[str, ...]
    at: datetime
