"""Who runs next: a fair order between people, within limits and budgets, in which nobody waits for ever."""

from deputy.scheduling.line import PATIENCE, Line, QueuePosition, Wait, line
from deputy.scheduling.order import fair_order
from deputy.scheduling.room import Lack, ResourceRequest, Room, Run, never_fits, people
from deputy.scheduling.words import place_words, unschedulable_words, wait_words

__all__ = [
    "PATIENCE",
    "Lack",
    "Line",
    "QueuePosition",
    "ResourceRequest",
    "Room",
    "Run",
    "Wait",
    "fair_order",
    "line",
    "never_fits",
    "people",
    "place_words",
    "unschedulable_words",
    "wait_words",
]
