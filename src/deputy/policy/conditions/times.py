"""The times of a condition: whether it holds at a moment, and the moments at which that may change."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from deputy.domain.policy.config import Condition, Weekday

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)\Z", re.ASCII)
_MOMENT = re.compile(r"2\d{3}-\d{2}-\d{2} \d{2}:\d{2}\Z", re.ASCII)
_AHEAD = 8  # days: every weekday, and the night before


@cache
def zones() -> frozenset[str]:
    """The names of all time zones: nothing that isn't one of them is ever looked up, least of all as a path."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split()) - {"Factory"}


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name; ``ValueError`` when there is none."""
    if name not in zones():
        raise ValueError(f"no such time zone as {name!r}")
    return ZoneInfo(name)


@lru_cache(maxsize=256)
def hours_of(text: str) -> tuple[time, time]:
    """The first minute of ``18:00-08:00`` and the one after the last; ``ValueError`` when they aren't hours."""
    written = _HOURS.match(text)
    if not written:
        raise ValueError(f"{text!r} are not hours")
    begin, begin_minute, end, end_minute = map(int, written.groups())
    first, last = time(begin, begin_minute), time(end, end_minute)
    if first == last:
        raise ValueError(f"{text!r} is no time at all, or all of it")
    return first, last


@lru_cache(maxsize=1024)
def moment_of(text: str, timezone: str) -> datetime:
    """The moment in UTC that ``2026-12-18 18:00`` is in a time zone; ``ValueError`` when it isn't one.

    Of a time that comes twice, when clocks are put back, it is the first.
    """
    if not _MOMENT.match(text):
        raise ValueError(f"{text!r} is not a time of the form 2026-12-18 18:00")
    return datetime.fromisoformat(text).replace(tzinfo=zone_of(timezone)).astimezone(UTC)


def has_time(condition: Condition) -> bool:
    """Whether the condition looks at the time."""
    return bool(condition.days or condition.hours or condition.starts or condition.ends)


def holds_at(condition: Condition, at: datetime) -> bool:
    """Whether the moment is within the condition's times, all of them."""
    if condition.starts and at < moment_of(condition.starts, condition.timezone):
        return False
    if condition.ends and at >= moment_of(condition.ends, condition.timezone):
        return False
    local = at.astimezone(zone_of(condition.timezone))
    return any(_is_day(condition, day) for day in _days(condition, local))


def _is_day(condition: Condition, day: date) -> bool:
    return not condition.days or tuple(Weekday)[day.weekday()] in condition.days


def _days(condition: Condition, local: datetime) -> Iterator[date]:
    """The day whose hours a moment is in: the day before, after midnight of a night; none out of hours."""
    if not condition.hours:
        yield local.date()
        return
    first, last = hours_of(condition.hours)
    now = local.time()
    if first <= now and (now < last or last < first):
        yield local.date()
    if now < last < first:
        yield local.date() - timedelta(days=1)


def changes(condition: Condition, at: datetime) -> Iterator[datetime]:
    """Moments after ``at``, in UTC, at which the condition's times may begin or cease to hold."""
    edges = [moment_of(text, condition.timezone) for text in (condition.starts, condition.ends) if text]
    yield from (edge for edge in edges if edge > at)
    if condition.days or condition.hours:
        for start in (at, *edges):
            yield from (moment for moment in _clock(condition, start) if moment > at)


def _clock(condition: Condition, start: datetime) -> Iterator[datetime]:
    zone = zone_of(condition.timezone)
    day = start.astimezone(zone).date()
    times = (*hours_of(condition.hours),) if condition.hours else (time(),)
    for ahead in range(-1, _AHEAD + 1):
        for each in times:
            yield datetime.combine(day + timedelta(days=ahead), each, zone).astimezone(UTC)


def say_moment(at: datetime, timezone: str) -> str:
    """The moment as a clock in that zone shows it: ``2027-01-04 06:00 Europe/Berlin``."""
    return f"{at.astimezone(zone_of(timezone)):%Y-%m-%d %H:%M} {timezone}"
