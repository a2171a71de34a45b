"""How many tasks were at work at once, by the trail."""

from deputy.domain.events import EventName
from tests.e2e.conftest import RunningDeputy

# What ends the time in which a run claims its place.
ENDS = {EventName.DELIVERY_STARTED, EventName.TASK_CANCELLED, EventName.TASK_FAILED, EventName.SIGN_OFF_NEEDED}


def most_at_once(yard: RunningDeputy) -> int:
    """The most runs that had a place at the same time, by the trail."""
    under_way, most = set(), 0
    for event in yard.events():
        if event.name == EventName.RUN_CALLED:
            under_way.add(event.task)
        if event.name in ENDS:
            under_way.discard(event.task)
        most = max(most, len(under_way))
    return most
