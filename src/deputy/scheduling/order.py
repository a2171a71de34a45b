"""The fair order of those who wait: a weighted round-robin over people, first come first served within a person.

It is max-min fairness over the number of runs: the next place goes to the person with the fewest runs under way, each
place already given counting as one. Of equals, who was served longest ago comes first (never is longest), then who
asked first. So nobody's first run has more than one run of any other person before it, however many they asked for.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from itertools import count

from deputy.scheduling.room import Run

_NEVER = datetime.min.replace(tzinfo=UTC)

# Runs under way or placed; a place given now is newer than any time in the past; when asked; a name to be sure.
_Key = tuple[int, int, datetime, datetime, str]


def fair_order(waiting: Iterable[Run], active: Mapping[str, int], served: Mapping[str, datetime]) -> tuple[Run, ...]:
    """Those who wait, the next one first, whatever order they are given in.

    ``active`` is how many runs a person has under way, ``served`` when one of theirs last started.
    """
    own: dict[str, list[Run]] = {}
    for run in sorted(waiting, key=lambda run: (run.asked, run.task), reverse=True):
        own.setdefault(run.person, []).append(run)

    def key(person: str, level: int, turn: int) -> _Key:
        last = _NEVER if turn else served.get(person, _NEVER)
        return (level, turn, last, own[person][-1].asked, own[person][-1].task)

    heap = [(key(person, active.get(person, 0), 0), person) for person in own]
    heapify(heap)
    order = []
    for turn in count(1):
        if not heap:
            break
        (level, *_), person = heappop(heap)
        order.append(own[person].pop())
        if own[person]:
            heappush(heap, (key(person, level + 1, turn), person))
    return tuple(order)
