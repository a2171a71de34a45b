"""Votes and roles to a standing, the laws that hold for any of them, and whose click is a vote at all."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.approvals import refusal, standing
from deputy.domain.people import Actor, Person
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.review.approval import Hold, HoldStatus, Vote, VoteChoice
from tests.support.holds_and_votes import (
    ALICE,
    BOTH,
    LATE,
    OMAR,
    ONE,
    OPENED,
    OWNER,
    ROLES,
    SAM,
    SENIOR,
    SOON,
    TESS,
    UMA,
    hold_of,
    stand,
    vote_of,
)


def test_a_hold_waits_for_those_it_names() -> None:
    found = stand(BOTH, vote_of(SAM))
    assert found.status is HoldStatus.OPEN
    assert found.counted == {OWNER: (), SENIOR: (SAM,)}
    assert found.missing == (ApprovalRequirement(role=OWNER, count=1), ApprovalRequirement(role=SENIOR, count=1))
    assert found.sentence == "waiting for 1 billing-owner and 1 more senior"


def test_enough_approvals_grant() -> None:
    found = stand(ONE, vote_of(SAM))
    assert found.is_granted
    assert found.missing == ()
    assert found.sentence == "approved: 1 senior"


def test_a_vote_counts_for_every_role_its_person_has() -> None:
    assert stand(BOTH, vote_of(TESS), vote_of(SAM)).is_granted


def test_one_person_counts_once_for_a_role() -> None:
    assert not stand(BOTH, vote_of(TESS), vote_of(TESS, hours=1.5)).is_granted


def test_one_deny_denies_however_many_approve() -> None:
    found = stand(BOTH, vote_of(TESS), vote_of(SAM), vote_of(OMAR, VoteChoice.DENY))
    assert found.status is HoldStatus.DENIED
    assert found.denied_by == (OMAR,)


def test_requester_strangers_and_the_unconcerned_never_count() -> None:
    for who in (ALICE, UMA, "user:T0OTHER/U0SAM"):
        for choice in VoteChoice:
            assert stand(ONE, vote_of(who, choice)).status is HoldStatus.OPEN


def test_votes_on_another_digest_or_hold_never_count() -> None:
    for choice in VoteChoice:
        assert stand(ONE, vote_of(SAM, choice, digest="d2"), vote_of(SAM, choice, hold="H2")).status is HoldStatus.OPEN


def test_a_role_lost_since_takes_the_grant_along() -> None:
    granted = hold_of(ApprovalRequirement(role=SENIOR), status=HoldStatus.GRANTED)
    assert standing(granted, [vote_of(SAM)], ROLES, SOON).is_granted
    assert standing(granted, [vote_of(SAM)], lambda _: frozenset(), SOON).status is HoldStatus.OPEN


def test_time_ends_a_hold_but_not_a_grant() -> None:
    assert stand(ONE, now=ONE.expires_at).status is HoldStatus.EXPIRED
    assert stand(ONE, now=LATE).sentence == "expired without 1 senior"
    assert stand(ONE, vote_of(SAM), now=LATE).is_granted
    assert stand(ONE, vote_of(SAM, hours=72), now=LATE).status is HoldStatus.EXPIRED


def test_what_is_closed_stays_closed() -> None:
    for status in (HoldStatus.DENIED, HoldStatus.EXPIRED, HoldStatus.VOID):
        assert stand(hold_of(ApprovalRequirement(role=SENIOR), status=status), vote_of(SAM)).status is status


def test_a_hold_that_asks_for_nobody_never_opens() -> None:
    assert stand(hold_of(), vote_of(SAM)).status is HoldStatus.OPEN
    assert stand(hold_of(), now=LATE).status is HoldStatus.EXPIRED


def test_needs_for_one_role_are_the_maximum() -> None:
    assert not stand(
        hold_of(ApprovalRequirement(role=SENIOR, count=2), ApprovalRequirement(role=SENIOR, count=1)), vote_of(SAM)
    ).is_granted


VOTES = st.lists(
    st.builds(
        vote_of,
        st.sampled_from([ALICE, SAM, TESS, OMAR, UMA, "user:T9/U9"]),
        st.sampled_from(VoteChoice),
        digest=st.sampled_from(["d1", "d1", "d2"]),
        hours=st.sampled_from([1.0, 71.0, 72.0, 90.0]),
    ),
    max_size=7,
)
HOLDS = st.sampled_from([ONE, BOTH, hold_of(), hold_of(ApprovalRequirement(role=OWNER, count=2))])
NOWS = st.sampled_from([SOON, LATE])


@given(HOLDS, VOTES, NOWS, st.randoms(use_true_random=False))
def test_order_never_matters(hold: Hold, votes: list[Vote], now: datetime, random: object) -> None:
    shuffled = list(votes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert stand(hold, *votes, now=now) == stand(hold, *shuffled, now=now)


@given(HOLDS, VOTES, NOWS, st.sampled_from([*ROLES, "user:T9/U9"]))
def test_another_approval_never_ungrants(hold: Hold, votes: list[Vote], now: datetime, who: str) -> None:
    if stand(hold, *votes, now=now).is_granted:
        assert stand(hold, *votes, vote_of(who), now=now).is_granted


@given(HOLDS, VOTES, NOWS, st.sampled_from([*ROLES]))
def test_another_deny_never_grants(hold: Hold, votes: list[Vote], now: datetime, who: str) -> None:
    if not stand(hold, *votes, now=now).is_granted:
        assert not stand(hold, *votes, vote_of(who, VoteChoice.DENY), now=now).is_granted


@given(HOLDS, VOTES, NOWS)
def test_a_vote_on_another_digest_changes_nothing(hold: Hold, votes: list[Vote], now: datetime) -> None:
    counted = [vote for vote in votes if vote.digest == hold.digest]
    assert stand(hold, *votes, now=now) == stand(hold, *counted, now=now)


@given(HOLDS, VOTES, NOWS)
def test_no_grant_without_enough_different_people(hold: Hold, votes: list[Vote], now: datetime) -> None:
    if stand(hold, *votes, now=now).is_granted:
        for need in hold.needs:
            approving = {v.subject for v in votes if v.choice is VoteChoice.APPROVE and v.digest == hold.digest}
            assert len({who for who in approving - {ALICE} if need.role in ROLES.get(who, ())}) >= need.count


# ---- clicks ------------------------------------------------------------------------------------------------------

NOW = OPENED + timedelta(hours=2)
SAM_OKAFOR = Person(actor=Actor(team="T0ACME", user="U0SAM"), name="Sam Okafor")


def click(
    hold: Hold = ONE,
    person: Person = SAM_OKAFOR,
    roles: tuple[str, ...] = (SENIOR,),
    *,
    voted: bool = False,
    age: float = 1,
    digest: str | None = None,
    later: timedelta = timedelta(),
) -> str | None:
    now = NOW + later
    votes = [vote_of(person.actor.subject, VoteChoice.APPROVE)] if voted else []
    return refusal(
        hold,
        person,
        frozenset(roles),
        votes,
        now=now,
        clicked_at=now - timedelta(seconds=age),
        window_seconds=300,
        digest=digest,
    )


def test_a_click_of_somebody_who_may_is_a_vote() -> None:
    assert click() is None
    assert click(digest="d1", age=300) is None
    assert click(hold_of(ApprovalRequirement(role="role:x"), ApprovalRequirement(role=SENIOR))) is None


def test_the_excluded_are_turned_away() -> None:
    alice = Person(actor=Actor(team="T0ACME", user="U0ALICE"), name="Alice Marsh")
    assert "You asked for this work" in (click(person=alice) or "")


def test_the_same_user_id_elsewhere_is_somebody_else() -> None:
    other = Person(actor=Actor(team="T0OTHER", user="U0ALICE"), name="Alice Marsh")
    assert click(person=other) is None  # not excluded; only their (missing) roles would keep them out
    assert click(person=other, roles=()) is not None


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("is_bot", "a bot"),
        ("is_guest", "a guest"),
        ("is_stranger", "from another workspace"),
        ("is_deactivated", "deactivated"),
    ],
)
def test_accounts_that_may_not_decide(flag: str, word: str) -> None:
    assert word in (click(person=SAM_OKAFOR.model_copy(update={flag: True})) or "")


@pytest.mark.parametrize("roles", [(), ("role:engineer",), ("role:senior-ish",)])
def test_without_a_needed_role(roles: tuple[str, ...]) -> None:
    assert click(roles=roles) == "Deciding this takes role:senior, which you don't have in acme/shop."


def test_a_hold_that_names_nobody_takes_no_vote() -> None:
    assert click(hold_of()) is not None


def test_once_per_person() -> None:
    assert "already voted" in (click(voted=True) or "")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (HoldStatus.GRANTED, "already decided: granted"),
        (HoldStatus.DENIED, "already decided: denied"),
        (HoldStatus.EXPIRED, "time for this decision is over"),
        (HoldStatus.VOID, "out of date"),
    ],
)
def test_a_closed_hold(status: HoldStatus, word: str) -> None:
    assert word in (click(hold_of(ApprovalRequirement(role=SENIOR), status=status)) or "")


def test_an_expired_hold_that_nobody_closed_yet() -> None:
    assert "is over" in (click(later=timedelta(days=3)) or "")


def test_another_patch_than_was_seen() -> None:
    assert "no longer what would be approved" in (click(digest="d2") or "")


@pytest.mark.parametrize("age", [301, 86400, -120])
def test_a_click_from_another_time(age: float) -> None:
    assert "too late" in (click(age=age) or "")
