"""Where a hold stands, from nothing but the hold, the votes, the roles of this moment and the time.

What counts: a vote on this hold, for the digest that this hold is about, cast before it expired, by somebody who is
not excluded and who *now* has one of the roles that are needed. One such deny denies. The order of votes never
matters; one person's vote counts for every needed role they have, and once for each.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deputy.domain.policy.approval_requirements import merge_requirements
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.review.approval import Hold, HoldStatus, Vote, VoteChoice

Roles = Callable[[str], Collection[str]] | Mapping[str, Collection[str]]

_CLOSED_FOR_GOOD = frozenset({HoldStatus.DENIED, HoldStatus.EXPIRED, HoldStatus.VOID})


@dataclass(frozen=True)
class Standing:
    """``counted`` lists, per needed role, who has approved for it; ``missing`` is how many more each role lacks.

    ``denied_by`` are the people whose deny counts. ``sentence`` says it for a card, without a final full stop.
    """

    status: HoldStatus
    counted: Mapping[str, tuple[str, ...]]
    missing: tuple[ApprovalRequirement, ...]
    denied_by: tuple[str, ...]
    sentence: str

    @property
    def is_granted(self) -> bool:
        """Whether what was held may go on."""
        return self.status is HoldStatus.GRANTED


def standing(hold: Hold, votes: Sequence[Vote], roles: Roles, now: datetime) -> Standing:
    """Where the hold stands at ``now``; ``roles`` gives a subject's roles in the hold's repository at this moment.

    A hold that was denied, expired or made void stays so. One that was granted is judged again, so that a role lost
    since then un-grants it; a grant that still holds does not expire.
    """
    needed = {requirement.role: requirement.count for requirement in merge_requirements(hold.needs)}
    valid = [vote for vote in votes if _counts(vote, hold, needed.keys(), roles)]
    denied_by = _people(vote for vote in valid if vote.choice is VoteChoice.DENY)
    counted = {
        role: _people(v for v in valid if v.choice is VoteChoice.APPROVE and role in roles_of(roles, v.subject))
        for role in needed
    }
    missing = tuple(
        ApprovalRequirement(role=role, count=count - len(counted[role]))
        for role, count in needed.items()
        if len(counted[role]) < count
    )
    status = _status(hold, has_needs=bool(needed), is_denied=bool(denied_by), is_complete=not missing, now=now)
    return Standing(status, counted, missing, denied_by, _sentence(status, counted, missing, denied_by))


def roles_of(roles: Roles, subject: str) -> frozenset[str]:
    """A subject's roles, from a look-up or a table; nobody's roles are none."""
    return frozenset(roles(subject) if callable(roles) else roles.get(subject, ()))


def _counts(vote: Vote, hold: Hold, needed: Collection[str], roles: Roles) -> bool:
    return (
        vote.hold == hold.id
        and vote.digest == hold.digest
        and vote.at < hold.expires_at
        and vote.subject not in hold.excluded
        and not roles_of(roles, vote.subject).isdisjoint(needed)
    )


def _people(votes: Iterable[Vote]) -> tuple[str, ...]:
    return tuple(sorted({vote.subject for vote in votes}))


def _status(hold: Hold, *, has_needs: bool, is_denied: bool, is_complete: bool, now: datetime) -> HoldStatus:
    if hold.status in _CLOSED_FOR_GOOD:
        return hold.status
    if is_denied:
        return HoldStatus.DENIED
    # A hold that asks for nobody is a mistake of ours; it must not open by itself.
    if is_complete and has_needs:
        return HoldStatus.GRANTED
    return HoldStatus.EXPIRED if now >= hold.expires_at else HoldStatus.OPEN


def _sentence(
    status: HoldStatus,
    counted: Mapping[str, tuple[str, ...]],
    missing: Sequence[ApprovalRequirement],
    denied_by: Sequence[str],
) -> str:
    lacking = " and ".join(_lack(need, len(counted[need.role])) for need in missing)
    match status:
        case HoldStatus.GRANTED:
            titles = (f"{len(people)} {ApprovalRequirement(role=role).title}" for role, people in counted.items())
            return f"approved: {', '.join(titles)}"
        case HoldStatus.DENIED:
            return f"denied by {len(denied_by)} of those who may decide" if denied_by else "denied"
        case HoldStatus.EXPIRED:
            return f"expired without {lacking}" if lacking else "expired"
        case HoldStatus.VOID:
            return "void: what was to be approved is no longer what is there"
        case HoldStatus.OPEN:
            return f"waiting for {lacking}" if lacking else "waiting, but it names nobody who could approve"


def _lack(need: ApprovalRequirement, present: int) -> str:
    return f"{need.count}{' more' if present else ''} {need.title}"
