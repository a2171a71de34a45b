"""Holds and votes, for tests of where a hold stands."""

from datetime import UTC, datetime, timedelta

from deputy.approvals import Standing, standing
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote, VoteChoice

OPENED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


SENIOR, OWNER = "role:senior", "role:billing-owner"


ALICE, SAM, TESS, OMAR, UMA = (f"user:T0ACME/U0{name}" for name in ("ALICE", "SAM", "TESS", "OMAR", "UMA"))


ROLES = {ALICE: {SENIOR}, SAM: {SENIOR}, TESS: {SENIOR, OWNER}, OMAR: {OWNER}, UMA: {"role:engineer"}}


def hold_of(*needs: ApprovalRequirement, status: HoldStatus = HoldStatus.OPEN) -> Hold:
    return Hold(
        id="H1",
        task="D-7K2M9QXA",
        kind=HoldKind.SIGN_OFF,
        repo="acme/shop",
        digest="d1",
        needs=needs,
        excluded=(ALICE,),
        why="billing",
        nonce="n",
        opened_at=OPENED,
        expires_at=OPENED + timedelta(days=3),
        status=status,
    )


def vote_of(
    who: str, choice: VoteChoice = VoteChoice.APPROVE, *, digest: str = "d1", hold: str = "H1", hours: float = 1
) -> Vote:
    return Vote(hold=hold, subject=who, choice=choice, digest=digest, roles=(), at=OPENED + timedelta(hours=hours))


ONE = hold_of(ApprovalRequirement(role=SENIOR))


BOTH = hold_of(ApprovalRequirement(role=SENIOR, count=2), ApprovalRequirement(role=OWNER))


SOON, LATE = OPENED + timedelta(hours=2), OPENED + timedelta(days=4)


def stand(hold: Hold, *votes: Vote, now: datetime = SOON) -> Standing:
    return standing(hold, votes, ROLES, now)
