"""Whether a click on an approval card can be a vote: everything that must be true of the person and the moment."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from deputy.domain.people import Person
from deputy.domain.review.approval import Hold, HoldStatus, Vote

# Slack's clock and ours may differ a little; a click from further in the future is not a click.
_SKEW = timedelta(seconds=60)


def refusal(
    hold: Hold,
    person: Person,
    roles: Collection[str],
    votes: Sequence[Vote],
    *,
    now: datetime,
    clicked_at: datetime,
    window_seconds: float,
    digest: str | None = None,
) -> str | None:
    """Why this click can't be a vote, as a sentence for the person; None when it can.

    ``person`` and ``roles`` (in the hold's repository) are as looked up now. ``digest`` is what there is to approve at
    this moment, where the caller knows: it must be what the hold is about. ``window_seconds`` is how long a click is
    good for between being made and being handled.
    """
    reasons = (
        *_hold(hold, now, digest),
        *_person(hold, person, roles, votes),
        *_moment(now - clicked_at, timedelta(seconds=window_seconds)),
    )
    return next(iter(reasons), None)


def _hold(hold: Hold, now: datetime, digest: str | None) -> Iterator[str]:
    if hold.status is HoldStatus.VOID:
        yield "This card is out of date: what it was about has changed since. Please use the newest card of the task."
    elif hold.status is HoldStatus.EXPIRED or now >= hold.expires_at:
        yield "The time for this decision is over. The work can be asked for again."
    elif hold.status is not HoldStatus.OPEN:
        yield f"This is already decided: {hold.status}."
    if digest is not None and digest != hold.digest:
        yield "What you saw is no longer what would be approved. Please use the newest card of the task."


def _person(hold: Hold, person: Person, roles: Collection[str], votes: Sequence[Vote]) -> Iterator[str]:
    subject = person.actor.subject
    if person.ineligibility:
        yield f"You can't decide this: your account is {person.ineligibility}."
    if subject in hold.excluded:
        yield "You asked for this work, so somebody else has to decide. You can cancel it."
    needed = sorted({need.role for need in hold.needs})
    if not set(needed) & set(roles):
        wanted = " or ".join(needed) or "a role that nobody named"
        yield f"Deciding this takes {wanted}, which you don't have in {hold.repo}."
    if any(vote.subject == subject and vote.hold == hold.id for vote in votes):
        yield "You have already voted on this, and a vote stands."


def _moment(age: timedelta, window: timedelta) -> Iterator[str]:
    if age > window or age < -_SKEW:
        yield "Your click reached us too late to count. Please look at the card and click again."
