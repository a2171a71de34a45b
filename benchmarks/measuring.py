"""Times, taken in turns: what is compared runs alternately, so that a noisy minute hits both sides."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """Where a benchmark may write, how many rounds it takes, and whether it only shows that it still runs."""

    folder: Path
    repeat: int
    is_tiny: bool = False

    def amount(self, full: int, tiny: int = 2) -> int:
        """How much of something to use."""
        return tiny if self.is_tiny else full


@dataclass(frozen=True)
class Series:
    """Seconds, each for the same thing."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Half of all lie between these two."""
        return self.quantile(0.25), self.quantile(0.75)

    def quantile(self, share: float) -> float:
        """The time that this share of all does not exceed, interpolated between neighbours."""
        ordered = sorted(self.seconds)
        position = share * (len(ordered) - 1)
        below = int(position)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


@dataclass(frozen=True)
class Comparison:
    """One thing measured against its baseline. ``notes`` say what the two numbers can't."""

    ours: Series
    baseline: Series
    notes: tuple[str, ...] = ()
    has_tail: bool = False
    is_rate: bool = False

    @property
    def ratio(self) -> float:
        """How many times the baseline's median ours is; below 1 it is faster."""
        return self.ours.median / self.baseline.median

    @property
    def difference(self) -> float:
        """Seconds that ours takes more."""
        return self.ours.median - self.baseline.median


@dataclass(frozen=True)
class Benchmark:
    """What it is called, what it answers, how many rounds it takes unless told, and what to run."""

    name: str
    question: str
    repeat: int
    measure: Callable[[Setting], Sequence[Comparison]]
    needs_engine: bool = True


def timed(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def in_turns(rounds: int, *sides: Callable[[], Iterable[float]]) -> list[tuple[float, ...]]:
    """Each side's seconds after ``rounds`` alternating rounds; every other round goes the other way about."""
    taken: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        order = range(len(sides))
        for side in order if number % 2 == 0 else reversed(order):
            taken[side].extend(sides[side]())
    return [tuple(seconds) for seconds in taken]


def each(count: int, act: Callable[[], object]) -> Callable[[], list[float]]:
    """A round that does something ``count`` times and times each."""
    return lambda: [timed(act) for _ in range(count)]


def one(act: Callable[[], float]) -> Callable[[], list[float]]:
    """A round of one time, which ``act`` takes itself."""
    return lambda: [act()]
