"""How a rule's condition stood when a question was asked."""

from enum import StrEnum

from deputy.domain.value import Value


class Holding(StrEnum):
    """Whether a condition held: three values, because a fact may not be known."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"

    @property
    def opposite(self) -> "Holding":
        """What ``not:`` makes of it."""
        return {Holding.HOLDS: Holding.FAILS, Holding.FAILS: Holding.HOLDS}.get(self, self)


class Held(Value):
    """How a condition stood. ``when`` is its name as the rule writes it, perhaps with ``not:``.

    ``phrase`` says it within a sentence (``during Release freeze``); ``facts`` are the clauses that made it so (``the
    channel is C0SHOP``). ``is_time`` when nothing but the time was looked at.
    """

    when: str
    phrase: str
    holding: Holding
    facts: tuple[str, ...] = ()
    is_time: bool = False
