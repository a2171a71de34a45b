"""Which rules may match a path, without trying them all.

Each rule is filed under its rarest literal segment (``billing`` of ``src/billing/**``), else under the literal end of
its last segment (``.py`` of ``**/*.py``), else it is tried on every path. Keys are folded, so that one look-up serves
exact and folded patterns: equal segments have equal folds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter

from deputy.domain.changes.folding import fold
from deputy.policy.core.rules import Rule

_WILD = frozenset("*?")
_line = attrgetter("line")


class PathIndex:
    """An index over some rules. Building costs one pass over them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._segments: dict[str, list[Rule]] = {}
        self._suffixes: dict[str, list[Rule]] = {}
        self._always: list[Rule] = []
        literals = [_literals(rule.path) for rule in rules]
        frequency = Counter(chain.from_iterable(literals))
        for rule, segments in zip(rules, literals, strict=True):
            self._file(rule, segments, frequency)
        self._lengths = sorted({len(suffix) for suffix in self._suffixes})

    def _file(self, rule: Rule, literals: frozenset[str], frequency: Counter[str]) -> None:
        if literals:
            rarest = min(literals, key=lambda segment: (frequency[segment], segment))
            self._segments.setdefault(rarest, []).append(rule)
        elif suffix := _suffix(rule.path):
            self._suffixes.setdefault(suffix, []).append(rule)
        else:
            self._always.append(rule)

    def matching(self, path: str) -> tuple[Rule, ...]:
        """Every rule that matches the path, in file order."""
        folded = fold(path)
        hits = [rule for rule in self._candidates(path, folded) if rule.matches(path, folded)]
        return tuple(sorted(hits, key=_line) if len(hits) > 1 else hits)

    def _candidates(self, path: str, folded: str) -> Iterator[Rule]:
        yield from self._always
        segments = folded.split("/")
        # A set, so that ``a/a`` does not yield a rule twice.
        for segment in set(segments):
            yield from self._segments.get(segment, ())
        # Folding cuts names short (``a:b.pem`` is ``a``): what matches the path as it is needs its own end.
        ends = {segments[-1], path.rsplit("/", maxsplit=1)[-1].lower()}
        # Of a shorter name, such an end would be all of it: looked up already, and its rules found twice.
        found = {last[-length:] for last in ends for length in self._lengths if length <= len(last)}
        for end in found:
            yield from self._suffixes.get(end, ())


def _literals(pattern: str) -> frozenset[str]:
    """The folded segments of a pattern that stand for themselves."""
    return frozenset(_folded(segment for segment in pattern.split("/") if not _WILD & set(segment)))


def _folded(segments: Iterable[str]) -> Iterator[str]:
    # A segment whose fold holds a slash is several segments in a folded path, hence no key.
    return (folded for folded in map(fold, segments) if "/" not in folded)


def _suffix(pattern: str) -> str:
    """The literal end of the last segment when it is plain ASCII (which folding can't join to what precedes it)."""
    last = pattern.rsplit("/", maxsplit=1)[-1]
    tail = last[max(last.rfind("*"), last.rfind("?")) + 1 :]
    folded = fold(tail)
    return folded if tail.isascii() and folded and tail[-1] not in ". " and "\\" not in tail else ""
