"""The line: who starts now, and everybody else's place with what they wait for.

In fair order, each run starts that fits into what is left: one that does not fit (its repository is busy, or too few
cores or too little memory are left) lets those behind it overtake. Not for ever: once it has been in line for
``PATIENCE``, and cores or memory are all it lacks, nobody behind it starts before it has. What is under way then ends,
one after the other, until it fits. (A busy repository holds nobody up: the end of one of its runs is the next one's
chance.)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deputy.domain.policy.config import Limits
from deputy.scheduling.order import fair_order
from deputy.scheduling.room import Lack, Room, Run, never_fits, people

PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Wait:
    """Why a run waits: what is lacking (None: only that ``behind``, a task that waited too long, goes first).

    ``used`` of ``limit`` is taken of what is lacking, and it takes ``needs`` more; ``own`` of the same person go first.
    """

    lack: Lack | None
    repo: str = ""
    used: float = 0
    limit: float = 0
    needs: float = 1
    behind: str = ""
    own: int = 0


@dataclass(frozen=True)
class QueuePosition:
    """A place in line; the next one is number 1."""

    task: str
    number: int
    wait: Wait


@dataclass(frozen=True)
class Line:
    """What becomes of those who wait: tasks that start now, in order; places of the others; tasks that never fit."""

    starts: tuple[str, ...] = ()
    spots: tuple[QueuePosition, ...] = ()
    hopeless: tuple[str, ...] = ()

    def spot(self, task: str) -> QueuePosition | None:
        """The place of a task, if it waits."""
        return next((spot for spot in self.spots if spot.task == task), None)


def line(
    waiting: Iterable[Run],
    running: Sequence[Run],
    limits: Limits,
    served: Mapping[str, datetime],
    now: datetime,
) -> Line:
    """The line as it is now. ``served`` is when a run of a person last started."""
    everybody = tuple(waiting)
    hopeless = sorted(run.task for run in everybody if never_fits(run.claim, limits))
    order = fair_order((run for run in everybody if run.task not in hopeless), people(running), served)
    room, left, holder = Room(limits, tuple(running)), [], ""
    for run in order:
        lack = room.lack(run)
        if lack is None and not holder:
            room = room.plus(run)
            continue
        left.append((run, holder))
        if not holder and lack in (Lack.CPUS, Lack.MEMORY) and now - run.since >= PATIENCE:
            holder = run.task
    starts = tuple(run.task for run in room.runs[len(running) :])
    return Line(starts, _spots(left, room), tuple(hopeless))


def _spots(left: Sequence[tuple[Run, str]], room: Room) -> tuple[QueuePosition, ...]:
    ahead: dict[str, int] = {}
    spots = []
    for number, (run, holder) in enumerate(left, 1):
        own = ahead.get(run.person, 0)
        spots.append(QueuePosition(run.task, number, _wait(run, room, holder, own)))
        ahead[run.person] = own + 1
    return tuple(spots)


def _wait(run: Run, room: Room, holder: str, own: int) -> Wait:
    """What a run waits for when everybody has started who could."""
    limits, lack = room.limits, room.lack(run)
    match lack:
        case Lack.TOTAL:
            return Wait(lack, "", len(room.runs), limits.active_total, own=own)
        case Lack.REPO:
            return Wait(lack, run.repo, room.in_repo(run.repo), limits.active_per_repo, own=own)
        case Lack.CPUS:
            return Wait(lack, "", room.cpus, limits.total_cpus or 0, run.claim.cpus, holder, own)
        case Lack.MEMORY:
            return Wait(lack, "", room.memory, limits.total_memory or 0, run.claim.memory, holder, own)
        case None:
            return Wait(None, behind=holder, own=own)
