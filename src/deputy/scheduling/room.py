"""How much may run at once, and what of it is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deputy.domain.policy.config import Limits

_MILLI = 1000


@dataclass(frozen=True)
class ResourceRequest:
    """What one run takes of the whole: cores, and memory in bytes."""

    cpus: float
    memory: int


@dataclass(frozen=True)
class Run:
    """A run of a task, in line or under way.

    ``asked`` is when the person asked for the task, ``since`` the time since which this run is in line or under way.
    """

    task: str
    person: str
    repo: str
    claim: ResourceRequest
    asked: datetime
    since: datetime


class Lack(StrEnum):
    """What a run waits for."""

    TOTAL = "total"
    REPO = "repo"
    CPUS = "cpus"
    MEMORY = "memory"


@dataclass(frozen=True)
class Room:
    """The limits, and the runs that are under way within them."""

    limits: Limits
    runs: tuple[Run, ...]

    def lack(self, run: Run) -> Lack | None:
        """What keeps a run from starting now; None when it may start."""
        limits = self.limits
        if len(self.runs) >= limits.active_total:
            return Lack.TOTAL
        if self.in_repo(run.repo) >= limits.active_per_repo:
            return Lack.REPO
        if limits.total_cpus is not None and _millis(self.cpus + run.claim.cpus) > _millis(limits.total_cpus):
            return Lack.CPUS
        if limits.total_memory is not None and self.memory + run.claim.memory > limits.total_memory:
            return Lack.MEMORY
        return None

    def plus(self, run: Run) -> "Room":
        """The room with this run under way, too."""
        return Room(self.limits, (*self.runs, run))

    def in_repo(self, repo: str) -> int:
        """How many runs are under way in a repository."""
        return sum(run.repo == repo for run in self.runs)

    @property
    def cpus(self) -> float:
        """The cores that are claimed."""
        return sum(_millis(run.claim.cpus) for run in self.runs) / _MILLI

    @property
    def memory(self) -> int:
        """The bytes that are claimed."""
        return sum(run.claim.memory for run in self.runs)


def never_fits(claim: ResourceRequest, limits: Limits) -> Lack | None:
    """What of the whole a claim is larger than, so that waiting would not help; None when it fits an idle Deputy."""
    if limits.total_cpus is not None and _millis(claim.cpus) > _millis(limits.total_cpus):
        return Lack.CPUS
    if limits.total_memory is not None and claim.memory > limits.total_memory:
        return Lack.MEMORY
    return None


def people(runs: Sequence[Run]) -> dict[str, int]:
    """How many of these runs each person has."""
    count: dict[str, int] = {}
    for run in runs:
        count[run.person] = count.get(run.person, 0) + 1
    return count


def _millis(cpus: float) -> int:
    """Whole thousandths of a core: sums of fractions such as 0.1 must come out even."""
    return round(cpus * _MILLI)
