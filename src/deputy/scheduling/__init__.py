"""Who runs next: a fair order between people, within limits and budgets, in which nobody waits for ever."""

from deputy.scheduling.line import PATIENCE, Line, Spot, Wait, line
from deputy.scheduling.order import fair_order
from deputy.scheduling.room import Claim, Lack, Room, Run, never_fits, people
from deputy.scheduling.words import hopeless_words, place_words, wait_words

__all__ = [
    "PATIENCE",
    "Claim",
    "Lack",
    "Line",
    "Room",
    "Run",
    "Spot",
    "Wait",
    "fair_order",
    "hopeless_words",
    "line",
    "never_fits",
    "people",
    "place_words",
    "wait_words",
]
