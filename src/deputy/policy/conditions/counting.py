"""How much of something there is: in a patch, or in a rolling counter, as the least and the most that it may be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import compile_glob
from deputy.domain.policy.conditions import Truth
from deputy.domain.policy.config import Counter, CounterOf, CounterPer
from deputy.domain.policy.facts import Facts, FileSize, Footprint

_Amounts = tuple[tuple[datetime, int], ...]


@dataclass(frozen=True)
class Range:
    """Not less than ``low``, and not more than ``high`` when that is known."""

    low: int
    high: int | None

    def plus(self, other: "Range") -> "Range":
        """The range of a sum."""
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(self.low + other.low, high)

    def over(self, bound: int) -> Truth:
        """Whether it is more than the bound."""
        if self.low > bound:
            return Truth.HOLDS
        return Truth.UNKNOWN if self.high is None or self.high > bound else Truth.FAILS


ANY = Range(0, None)


@dataclass(frozen=True)
class EvaluationContext:
    """Who asks about which repository under which facts: all that conditions look at.

    ``most`` leaves the sizes within the patch open, but for at most so many files and lines (None for any number).
    """

    subject: str
    repo: str
    facts: Facts
    most: tuple[int | None, int | None] | None = None
    # What patches add up to does not change with the other facts, and many of those are tried for a counter-offer.
    _seen: dict[Counter, _Amounts] = field(default_factory=dict, repr=False, compare=False)
    _inside: dict[tuple[str, ...], tuple[FileSize, ...]] = field(default_factory=dict, repr=False, compare=False)

    def with_facts(self, **changed: object) -> "EvaluationContext":
        """The same with other facts, which must be neither ``patch`` nor ``earlier``."""
        return replace(self, facts=self.facts.model_copy(update=changed))

    def with_most(self, *, files: int | None, lines: int | None) -> "EvaluationContext":
        """The same with a patch of the same files that is left open but for these bounds."""
        return replace(self, most=(files, lines), facts=self.facts.model_copy(update={"is_early": False}))

    def size(self, of: CounterOf, paths: tuple[str, ...] = ()) -> Range:
        """How many files or lines the patch changes in a path class; of tasks, whether it counts as one there."""
        if of is CounterOf.TASKS and not paths:
            return Range(1, 1)
        patch = self.facts.patch
        if patch is not None and self.most is None:
            touched = _amount(of, paths, self._touched(paths, patch))
            return Range(touched, touched)
        if patch is not None and not self._touched(paths, patch):
            return Range(0, 0)
        if of is CounterOf.TASKS:
            return Range(0, 1)
        return Range(0, self.most[of is CounterOf.LINES]) if self.most else ANY

    def _touched(self, paths: tuple[str, ...], patch: tuple[FileSize, ...]) -> tuple[FileSize, ...]:
        if paths not in self._inside:
            self._inside[paths] = _within(paths, patch)
        return self._inside[paths]

    def amounts(self, counter: Counter) -> _Amounts:
        """What each earlier task of the counter added to it, and when, oldest first."""
        if counter not in self._seen:
            mine = [each for each in self.facts.earlier or () if self._is_of(counter.per, each)]
            inside = ((self._moment(counter, each), _within(counter.paths, each.files)) for each in mine)
            amounts = ((at, _amount(counter.of, counter.paths, files)) for at, files in inside)
            self._seen[counter] = tuple(sorted(amount for amount in amounts if amount[1]))
        return self._seen[counter]

    def _moment(self, counter: Counter, footprint: Footprint) -> datetime:
        """When a footprint happened: a request when it was asked, a patch when it went out, however long it waited."""
        if counter.of is CounterOf.TASKS and not counter.paths:
            return footprint.at
        return footprint.out or self.facts.at or footprint.at

    def _is_of(self, per: CounterPer, footprint: Footprint) -> bool:
        is_person, is_repo = footprint.subject == self.subject, footprint.repo == self.repo
        return {
            CounterPer.PERSON: is_person,
            CounterPer.REPO: is_repo,
            CounterPer.PERSON_AND_REPO: is_person and is_repo,
            CounterPer.EVERYBODY: True,
        }[per]


def before(counter: Counter, asked: EvaluationContext) -> Range:
    """What earlier tasks amount to within the counter's days."""
    if asked.facts.earlier is None:
        return ANY
    amounts = asked.amounts(counter)
    if asked.facts.at is None:
        return Range(0, sum(amount for _, amount in amounts))
    since = asked.facts.at - timedelta(days=counter.days)
    total = sum(amount for at, amount in amounts if at > since)
    return Range(total, total)


def counted(counter: Counter, asked: EvaluationContext) -> Range:
    """What the counter stands at, the asked-about patch or task included."""
    return before(counter, asked).plus(asked.size(counter.of, counter.paths))


def cools_down_at(counter: Counter, asked: EvaluationContext) -> datetime | None:
    """When enough of the counter's days will have passed for it not to be over its bound; None when they never do."""
    now, own = asked.facts.at, asked.size(counter.of, counter.paths).high
    if asked.facts.earlier is None or now is None or own is None or own > counter.over:
        return None
    window = timedelta(days=counter.days)
    inside = [(at, amount) for at, amount in asked.amounts(counter) if at > now - window]
    left = own + sum(amount for _, amount in inside)
    for at, amount in inside:
        left -= amount
        if left <= counter.over:
            return at + window
    return None


def _within(paths: tuple[str, ...], files: tuple[FileSize, ...]) -> tuple[FileSize, ...]:
    """Those of the files that are in the path class."""
    return tuple(file for file in files if _is_in(paths, file.path)) if paths else files


def _amount(of: CounterOf, paths: tuple[str, ...], inside: Sequence[FileSize]) -> int:
    if of is CounterOf.LINES:
        return sum(file.lines for file in inside)
    # A task without a path class counts whether or not it has changed anything.
    if of is CounterOf.TASKS:
        return 1 if inside or not paths else 0
    return len(inside)


def _is_in(patterns: Iterable[str], path: str) -> bool:
    """Whether a path is in the class, by its own name or by one that some file systems take for the same."""
    folded = fold(path)
    return any(compile_glob(pattern).match(path) or compile_glob(fold(pattern)).match(folded) for pattern in patterns)
