"""Counters and clocks at their edges: what is counted, when a counter eases, and when a condition may change."""

from datetime import UTC, datetime, timedelta

import pytest

from deputy.domain.policy.conditions import Truth
from deputy.domain.policy.config import Condition, Counter, CounterOf, CounterPer, Weekday
from deputy.domain.policy.facts import Facts, FileSize, Footprint
from deputy.policy.conditions.counting import ANY, EvaluationContext, Range, before, cools_down_at, counted
from deputy.policy.conditions.times import changes, holds_at, hours_of, moment_of, zone_of

ALICE, SAM = "user:T0ACME/U0ALICE", "user:T0ACME/U0SAM"
NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
DAY = timedelta(days=1)
BILLING = Counter(of=CounterOf.LINES, per=CounterPer.PERSON, days=7, over=300, paths=("**/billing/**",))
TASKS = Counter(of=CounterOf.TASKS, per=CounterPer.PERSON, days=1, over=2)


def size(path: str, lines: int) -> FileSize:
    return FileSize(path=path, lines=lines)


def past(days: float, lines: int, *, who: str = ALICE, repo: str = "acme/shop", path: str = "billing/x") -> Footprint:
    return Footprint(
        task="D-1", subject=who, repo=repo, at=NOW - days * DAY, out=NOW - days * DAY, files=(size(path, lines),)
    )


def asked(*earlier: Footprint, lines: int = 100, **others: object) -> EvaluationContext:
    patch = (size("billing/x", lines), size("docs/y", 1000))
    facts = Facts.model_validate({"at": NOW, "patch": patch, "earlier": earlier, **others})
    return EvaluationContext(ALICE, "acme/shop", facts)


# ---- ranges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "bound", "holding"),
    [
        (Range(3, 3), 2, Truth.HOLDS),
        (Range(3, None), 2, Truth.HOLDS),
        (Range(2, 2), 2, Truth.FAILS),
        (Range(0, 2), 2, Truth.FAILS),
        (Range(2, 3), 2, Truth.UNKNOWN),
        (Range(0, None), 2, Truth.UNKNOWN),
    ],
)
def test_more_than_the_bound_is_known_as_far_as_the_amount_is(found: Range, bound: int, holding: Truth) -> None:
    assert found.over(bound) is holding


def test_a_sum_is_known_as_far_as_its_parts_are() -> None:
    assert Range(1, 2).plus(Range(10, 20)) == Range(11, 22)
    assert Range(1, None).plus(Range(10, 20)) == Range(10, 20).plus(Range(1, None)) == Range(11, None)


# ---- sizes ---------------------------------------------------------------------------------------------------------


def test_what_a_patch_amounts_to() -> None:
    here, billing = asked(), ("**/billing/**",)
    assert here.size(CounterOf.LINES) == Range(1100, 1100)
    assert here.size(CounterOf.LINES, billing) == Range(100, 100)
    assert here.size(CounterOf.FILES) == Range(2, 2)
    assert here.size(CounterOf.FILES, billing) == Range(1, 1)
    assert here.size(CounterOf.TASKS, billing) == here.size(CounterOf.TASKS) == Range(1, 1)
    assert here.size(CounterOf.TASKS, ("other/**",)) == Range(0, 0)


def test_what_a_patch_that_is_not_there_may_amount_to() -> None:
    nothing = asked(patch=None)
    assert nothing.size(CounterOf.LINES) == nothing.size(CounterOf.FILES, ("a",)) == ANY
    assert (nothing.size(CounterOf.TASKS), nothing.size(CounterOf.TASKS, ("a",))) == (Range(1, 1), Range(0, 1))


def test_a_bounded_patch_is_open_below_its_bounds_and_no_longer_early() -> None:
    bounded = asked(is_early=True).with_most(files=4, lines=None)
    assert not bounded.facts.is_early
    assert bounded.most == (4, None)
    assert bounded.facts.patch == asked().facts.patch
    assert bounded.size(CounterOf.FILES) == Range(0, 4)
    assert bounded.size(CounterOf.LINES) == ANY
    assert bounded.size(CounterOf.LINES, ("other/**",)) == Range(0, 0)
    assert asked().with_most(files=None, lines=9).size(CounterOf.LINES, ("**/billing/**",)) == Range(0, 9)
    assert asked().with_most(files=None, lines=9).size(CounterOf.TASKS, ("**/billing/**",)) == Range(0, 1)


# ---- counters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "total"),
    [
        (CounterPer.PERSON, 1 + 2),
        (CounterPer.REPO, 1 + 4),
        (CounterPer.PERSON_AND_REPO, 1),
        (CounterPer.EVERYBODY, 1 + 2 + 4 + 8),
    ],
)
def test_a_counter_adds_up_what_is_its_own(per: CounterPer, total: int) -> None:
    footprints = (
        past(1, 1),
        past(2, 2, repo="acme/site"),
        past(3, 4, who=SAM),
        past(4, 8, who=SAM, repo="acme/site"),
        past(5, 16, path="docs/x"),
        past(7, 32),
    )
    counter = BILLING.model_copy(update={"per": per})
    assert before(counter, asked(*footprints)) == Range(total, total)
    assert counted(counter, asked(*footprints)) == Range(total + 100, total + 100)


def test_a_counter_without_a_clock_or_a_past_is_open() -> None:
    assert before(BILLING, asked(earlier=None)) == ANY
    assert before(BILLING, asked(past(1, 5), past(90, 6), at=None)) == Range(0, 11)


# ---- when a counter eases ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("footprints", "lines", "ago"),
    [
        ([past(6, 150), past(2, 100)], 100, 6),
        ([past(6, 50), past(2, 300)], 100, 2),
        ([past(6, 150), past(2, 200)], 100, 6),  # exactly the bound is not over it
        ([past(6, 150), past(2, 201)], 100, 2),
        ([past(2, 201), past(6, 150)], 100, 2),
        ([past(6, 10), past(2, 20)], 300, 2),  # the patch alone is as much as there may be
        ([past(6, 10), past(2, 20)], 301, None),
        ([past(8, 400), past(2, 250)], 100, 2),
    ],
)
def test_a_counter_eases_when_enough_of_it_has_passed(
    footprints: list[Footprint], lines: int, ago: float | None
) -> None:
    moment = None if ago is None else NOW - ago * DAY + 7 * DAY
    assert cools_down_at(BILLING, asked(*footprints, lines=lines)) == moment


def test_a_counter_of_tasks_eases_whatever_the_patch() -> None:
    spent = (past(0.9, 1), past(0.5, 1), past(0.1, 1))
    assert cools_down_at(TASKS, asked(*spent, patch=None)) == NOW - 0.5 * DAY + DAY


def test_nobody_knows_when_a_counter_eases_without_its_facts() -> None:
    spent = (past(1, 400),)
    assert cools_down_at(BILLING, asked(*spent)) == NOW + 6 * DAY
    for missing in ({"earlier": None}, {"at": None}, {"patch": None}):
        assert cools_down_at(BILLING, asked(*spent, **missing)) is None


# ---- clocks --------------------------------------------------------------------------------------------------------


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_hours_may_change_from_the_next_of_them_on() -> None:
    nights = Condition(name="nights", hours="18:00-08:00", timezone="Pacific/Auckland")  # thirteen hours ahead
    found = sorted(changes(nights, utc("2026-11-20 16:00")))  # 05:00 on the 21st
    assert found[:3] == [utc("2026-11-20 19:00"), utc("2026-11-21 05:00"), utc("2026-11-21 19:00")]
    assert found[-1] == utc("2026-11-29 05:00")
    assert len(found) == 18
    assert min(changes(nights, utc("2026-11-20 12:30"))) == utc("2026-11-20 19:00")
    assert min(changes(nights, utc("2026-11-20 19:00"))) == utc("2026-11-21 05:00")


def test_days_may_change_at_midnight_for_a_week_and_a_day() -> None:
    mondays = Condition(name="mondays", days=(Weekday.MON,))
    assert [*changes(mondays, utc("2026-11-24 12:00"))] == [
        *(utc(f"2026-11-{day}") for day in range(25, 31)),
        utc("2026-12-01"),
        utc("2026-12-02"),
    ]


def test_a_period_may_change_at_its_ends() -> None:
    freeze = Condition(name="freeze", starts="2026-12-18 18:00", ends="2027-01-04 06:00", timezone="Europe/Berlin")
    first, last = utc("2026-12-18 17:00"), utc("2027-01-04 05:00")
    assert [*changes(freeze, first - DAY)] == [first, last]
    assert [*changes(freeze, first)] == [last]
    assert [*changes(freeze, last)] == []
    days = freeze.model_copy(update={"days": (Weekday.MON,)})
    assert utc("2027-01-10 23:00") in changes(days, NOW)  # the first Monday after the period, though it is far ahead
    assert all(moment > NOW for moment in changes(days, NOW))


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-11-23 17:59", False),
        ("2026-11-23 18:00", True),
        ("2026-11-24 00:00", True),
        ("2026-11-24 07:59", True),
        ("2026-11-24 08:00", False),
        ("2026-11-24 18:00", False),
        ("2026-11-23 07:59", False),
    ],
)
def test_the_night_after_a_monday_is_mondays(at: str, holds: bool) -> None:
    nights = Condition(name="n", days=(Weekday.MON,), hours="18:00-08:00")
    assert holds_at(nights, utc(at)) is holds


@pytest.mark.parametrize(
    ("at", "holds"), [("07:59", False), ("08:00", True), ("17:59", True), ("18:00", False), ("00:00", False)]
)
def test_hours_of_a_day_end_before_their_last_minute(at: str, holds: bool) -> None:
    assert holds_at(Condition(name="d", hours="08:00-18:00"), utc(f"2026-11-24 {at}")) is holds


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zone_of("Mars/Base"), "no such time zone as 'Mars/Base'"),
        (lambda: zone_of("Factory"), "no such time zone as 'Factory'"),
        (lambda: hours_of("8-9"), "'8-9' are not hours"),
        (lambda: hours_of("08:00-08:00"), "'08:00-08:00' is no time at all, or all of it"),
        (lambda: moment_of("2026-12-18", "UTC"), "'2026-12-18' is not a time of the form 2026-12-18 18:00"),
    ],
)
def test_what_is_no_time_says_so(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        call()
    assert str(refused.value) == message
