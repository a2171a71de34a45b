"""What changes, and for whom, from one bundle to another: answers by example, everything else by field.

Every person whom either bundle names is asked about, in every repository, for every action, on paths drawn from both
bundles' globs (``comparing_answers``). What permits more comes first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from deputy.policy.bundle import Bundle
from deputy.policy.compare.answers import changed_answers
from deputy.policy.compare.differences import Difference, Direction
from deputy.policy.compare.tables import changed_tables

_ORDER = (Direction.WIDER, Direction.TIGHTER, Direction.OTHER)
_TITLES = {
    Direction.WIDER: "Permits more",
    Direction.TIGHTER: "Permits less",
    Direction.OTHER: "Differs",
}


@dataclass(frozen=True)
class Comparison:
    """Everything that differs, what permits more first. ``old`` and ``new`` are the digests."""

    old: str
    new: str
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        """For people: a heading for each direction, and a line for each difference."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.differences:
            yield "Nothing that decides differs."
        for direction in _ORDER:
            found = [difference for difference in self.differences if difference.direction is direction]
            if found:
                yield f"{_TITLES[direction]} ({len(found)})"
                yield from (f"  {difference}" for difference in found)
        yield f"{self.old[:12]} → {self.new[:12]}"


def compare(old: Bundle, new: Bundle) -> Comparison:
    """What ``new`` answers, asks for or bounds otherwise than ``old``."""
    found = dict.fromkeys((*changed_answers(old, new), *changed_tables(old, new)))
    return Comparison(old.digest, new.digest, tuple(sorted(found, key=lambda each: _ORDER.index(each.direction))))
