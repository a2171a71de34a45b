"""One text against the rules: acts, what they are about, and whether something says that it is protection."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from deputy.domain.policy.refusals import Grade, RefusalRule
from deputy.intake.refusals.book import Book
from deputy.intake.refusals.clauses import can_order, clauses, is_base, is_order, speaks_of_before
from deputy.intake.refusals.phrases import Found
from deputy.intake.refusals.words import Gap, Word

NEAR = 12  # words between an act and its object
UNDOING = 5  # words between "remove" and the protection that it removes
_BETWEEN = 1  # words between an object and a rule's own word that explains it: "the GPL pdf library"
_WORST_FIRST = (Grade.HARM, Grade.UNSURE, Grade.FINE)


def worst(grades: Iterator[Grade]) -> Grade:
    """The gravest of some grades; harm ends the search."""
    gravest = Grade.FINE
    for grade in grades:
        gravest = min(gravest, grade, key=_WORST_FIRST.index)
        if gravest is Grade.HARM:
            break
    return gravest


@dataclass(frozen=True)
class _Clause:
    """A clause from the word ``start``, and the phrases in it by list."""

    start: int
    found: dict[str, list[Found]] = field(default_factory=dict)

    def of(self, rule: RefusalRule | None, part: str) -> list[Found]:
        """What was found of a rule's list, or of the shared one."""
        return self.found.get(f"{rule.name if rule else ''}.{part}", [])


class Matches:
    """A text's words, with every phrase of the book that stands in them."""

    def __init__(self, words: Sequence[Word], book: Book) -> None:
        self._words = words
        self._found = book.lexicon.find(words)
        acts = (found for key, each in self._found.items() if key.endswith(".asks") for found in each)
        starts = frozenset(found.start for found in acts if is_base(words, found))
        # A line's end may end a clause or be in the middle of one: the worse reading counts.
        self._readings = [self._clauses(starts, breaks) for breaks in (Gap.LINE, Gap.SENTENCE)]

    def grade(self, rule: RefusalRule) -> Grade:
        """What one rule says of the text."""
        if self._found.get(f"{rule.name}.about"):
            grade = worst(grade for reading in self._readings for grade in self._grades(rule, reading))
            if grade is not Grade.FINE:
                return grade
        return Grade.UNSURE if self._found.get(f"{rule.name}.hints") else Grade.FINE

    def _clauses(self, starts: frozenset[int], breaks: Gap) -> list[_Clause]:
        spans = clauses(self._words, starts, breaks)
        made = [_Clause(start) for start, _ in spans]
        beginnings = [start for start, _ in spans]
        for key, found in self._found.items():
            for each in found:
                number = bisect_right(beginnings, each.start) - 1
                if each.end <= spans[number][1]:
                    made[number].found.setdefault(key, []).append(each)
        return made

    def _grades(self, rule: RefusalRule, reading: Sequence[_Clause]) -> Iterator[Grade]:
        for clause in reading:
            if rule.where and not clause.of(rule, "where"):
                continue
            guards = _Guards(rule, clause)
            for ask, thing in _pairs(rule, clause):
                yield self._grade(rule, ask, thing, clause, is_guarded=guards.cover(ask, thing))
        for before, clause in pairwise(reading):
            yield from self._grades_across(rule, before, clause)

    def _grades_across(self, rule: RefusalRule, before: _Clause, clause: _Clause) -> Iterator[Grade]:
        """Acts on "it" or "them": what they are about stands in the clause before."""
        asks = [ask for ask in clause.of(rule, "asks") if speaks_of_before(self._words, ask)]
        if not asks or (rule.where and not (clause.of(rule, "where") or before.of(rule, "where"))):
            return
        here, there = _Guards(rule, clause), _Guards(rule, before)
        for thing in before.of(rule, "about")[-1:]:
            for ask in asks:
                is_guarded = here.cover(ask, ask) or there.cover(thing, thing)
                yield self._grade(rule, ask, thing, clause, is_guarded=is_guarded)

    def _grade(self, rule: RefusalRule, ask: Found, thing: Found, clause: _Clause, *, is_guarded: bool) -> Grade:
        if rule.asks and not can_order(self._words, ask):
            return Grade.FINE
        after_object = clause.start <= thing.start and thing.end <= ask.start > clause.start
        if is_guarded or (rule.asks and not is_order(self._words, ask, clause.start, after_object=after_object)):
            return Grade.UNSURE
        return Grade.HARM


def _pairs(rule: RefusalRule, clause: _Clause) -> Iterator[tuple[Found, Found]]:
    about = clause.of(rule, "about")
    if not rule.asks:
        yield from ((thing, thing) for thing in about)
        return
    starts = [thing.start for thing in about]
    for ask in clause.of(rule, "asks"):
        near = about[bisect_left(starts, ask.start - 2 * NEAR) : bisect_right(starts, ask.end + NEAR)]
        yield from ((ask, thing) for thing in near if _is_near(ask, thing))


class _Guards:
    """What says, in one clause, that a rule's harm is to be kept from happening."""

    def __init__(self, rule: RefusalRule, clause: _Clause) -> None:
        lies = clause.of(None, "not_meant")
        own = clause.of(rule, "unless")
        every = [*own, *clause.of(None, "unless")]
        self._guards = [guard for guard in every if not any(_overlap(guard, lie) for lie in lies)]
        self._after = clause.of(rule, "unless_followed_by"), clause.of(None, "unless_followed_by")
        self._own = own
        undoing = clause.of(None, "undone_by")
        self._undone = [
            (undo, guard) for guard in self._guards for undo in undoing if 0 <= guard.start - undo.end < UNDOING
        ]

    def cover(self, ask: Found, thing: Found) -> bool:
        """Whether this pair is explained: by a phrase before the later of the two, or right after the object."""
        last = max(ask.start, thing.start)
        if any(guard.end <= last and not _overlap(undo, ask) for undo, guard in self._undone):
            return False
        return (
            any(guard.end <= last and not _overlap(guard, ask) for guard in self._guards)
            or any(_is_longer(guard, ask) for guard in self._own)
            or any(0 <= found.start - thing.end <= _BETWEEN for found in self._after[0])
            or any(found.start == thing.end for found in self._after[1])
        )


def _is_longer(guard: Found, ask: Found) -> bool:
    """Whether the guard is the act with more words, which says something else: "log in as" is not "log"."""
    return guard.start == ask.start and guard.end > ask.end


def _is_near(ask: Found, thing: Found) -> bool:
    """Near, and not the same words; the object may stand inside the act: "turn the audit log off"."""
    is_apart = thing.start > ask.start or thing.end <= ask.start
    return is_apart and max(thing.start - ask.end, ask.start - thing.end) <= NEAR


def _overlap(one: Found, other: Found) -> bool:
    return one.start < other.end and other.start < one.end
