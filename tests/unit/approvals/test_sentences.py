"""What people read of a decision, to the letter, and the last moments at which one still counts."""

from datetime import timedelta

import pytest

from deputy.approvals import refusal, standing
from deputy.domain.people import Actor, Person
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.review.approval import HoldStatus, VoteChoice
from tests.support.holds_and_votes import (
    ALICE,
    BOTH,
    OMAR,
    ONE,
    OPENED,
    OWNER,
    ROLES,
    SAM,
    SENIOR,
    TESS,
    hold_of,
    stand,
    vote_of,
)

LATE = OPENED + timedelta(days=4)
END = OPENED + timedelta(days=3)
NOBODY = hold_of()


@pytest.mark.parametrize(
    ("hold", "votes", "late", "sentence"),
    [
        (BOTH, [SAM, TESS], False, "approved: 1 billing-owner, 2 senior"),
        (ONE, [], True, "expired without 1 senior"),
        (NOBODY, [], True, "expired"),
        (NOBODY, [], False, "waiting, but it names nobody who could approve"),
        (hold_of(ApprovalRequirement(role=SENIOR, count=3)), [SAM], False, "waiting for 2 more senior"),
        (hold_of(ApprovalRequirement(role=SENIOR), status=HoldStatus.DENIED), [], False, "denied"),
        (
            hold_of(ApprovalRequirement(role=SENIOR), status=HoldStatus.VOID),
            [SAM],
            False,
            "void: what was to be approved is no longer what is there",
        ),
    ],
)
def test_where_a_hold_stands_in_words(hold, votes, late, sentence) -> None:
    assert stand(hold, *(vote_of(who) for who in votes), now=LATE if late else OPENED).sentence == sentence


def test_those_who_denied_are_counted() -> None:
    found = stand(BOTH, vote_of(SAM, VoteChoice.DENY), vote_of(OMAR, VoteChoice.DENY))
    assert found.sentence == "denied by 2 of those who may decide"


def test_roles_may_be_looked_up_by_subject() -> None:
    asked: list[str] = []

    def look_up(subject: str) -> set[str]:
        asked.append(subject)
        return ROLES.get(subject, set())

    assert standing(ONE, [vote_of(SAM)], look_up, OPENED).is_granted
    assert set(asked) == {SAM}


@pytest.mark.parametrize(("before", "status"), [(1, HoldStatus.OPEN), (0, HoldStatus.EXPIRED)])
def test_a_hold_is_open_until_its_deadline_and_not_at_it(before: int, status: HoldStatus) -> None:
    assert stand(ONE, now=END - timedelta(microseconds=before)).status is status


def refused(hold=ONE, who: str = SAM, *, now=OPENED, clicked=OPENED, votes=(), digest="d1", roles=(SENIOR,)):
    person = Person(actor=Actor(team="T0ACME", user=who.rpartition("/")[2]), name="")
    return refusal(hold, person, roles, votes, now=now, clicked_at=clicked, window_seconds=300, digest=digest)


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (
            {"hold": hold_of(ApprovalRequirement(role=SENIOR), status=HoldStatus.VOID)},
            "This card is out of date: what it was about has changed since. Please use the newest card of the task.",
        ),
        ({"now": END, "clicked": END}, "The time for this decision is over. The work can be asked for again."),
        (
            {"hold": hold_of(ApprovalRequirement(role=SENIOR), status=HoldStatus.EXPIRED)},
            "The time for this decision is over. The work can be asked for again.",
        ),
        (
            {"hold": hold_of(ApprovalRequirement(role=SENIOR), status=HoldStatus.GRANTED)},
            "This is already decided: granted.",
        ),
        (
            {"digest": "d2"},
            "What you saw is no longer what would be approved. Please use the newest card of the task.",
        ),
        ({"who": ALICE}, "You asked for this work, so somebody else has to decide. You can cancel it."),
        (
            {"hold": BOTH, "roles": ()},
            "Deciding this takes role:billing-owner or role:senior, which you don't have in acme/shop.",
        ),
        (
            {"hold": NOBODY},
            "Deciding this takes a role that nobody named, which you don't have in acme/shop.",
        ),
        ({"votes": [vote_of(SAM)]}, "You have already voted on this, and a vote stands."),
        (
            {"now": OPENED + timedelta(seconds=301)},
            "Your click reached us too late to count. Please look at the card and click again.",
        ),
        (
            {"clicked": OPENED + timedelta(seconds=61)},
            "Your click reached us too late to count. Please look at the card and click again.",
        ),
    ],
)
def test_why_a_click_is_no_vote_in_words(why: dict[str, object], sentence: str) -> None:
    assert refused(**why) == sentence


@pytest.mark.parametrize(
    "fine",
    [
        {"now": END - timedelta(microseconds=1), "clicked": END - timedelta(microseconds=1)},
        {"now": OPENED + timedelta(seconds=300)},
        {"clicked": OPENED + timedelta(seconds=60)},
        {"votes": [vote_of(TESS), vote_of(SAM, hold="H2")]},
        {"hold": BOTH, "who": OMAR, "roles": (OWNER,)},
        {"digest": None},
    ],
)
def test_what_only_just_is_a_vote(fine: dict[str, object]) -> None:
    assert refused(**fine) is None
