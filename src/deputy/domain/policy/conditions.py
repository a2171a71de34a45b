"""How a rule's condition stood when a question was asked."""

from enum import StrEnum

from deputy.domain.value import Value


class Truth(StrEnum):
    """Whether a condition held: three values, because a fact may not be known."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"

    @property
    def opposite(self) -> "Truth":
        """What ``not:`` makes of it."""
        return {Truth.HOLDS: Truth.FAILS, Truth.FAILS: Truth.HOLDS}.get(self, self)


class ConditionResult(Value):
    """How a condition stood. ``when`` is its name as the rule writes it, perhaps with ``not:``.

    ``phrase`` says it within a sentence (``during Release freeze``); ``facts`` are the clauses that made it so (``the
    channel is C0SHOP``). ``is_time`` when nothing but the time was looked at.
    """

    when: str
    phrase: str
    holding: Truth
    facts: tuple[str, ...] = ()
    is_time: bool = False
