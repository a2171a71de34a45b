"""One thing that two bundles say differently."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from pydantic import JsonValue

from deputy.policy.core.wording import listed


class Direction(StrEnum):
    """Whether a difference permits more, permits less, or is for people to weigh."""

    WIDER = "wider"
    TIGHTER = "tighter"
    OTHER = "other"


@dataclass(frozen=True)
class Difference:
    """``what`` was ``old`` and is ``new``; either is empty where there is nothing. ``area`` is the sort of thing.

    For answers, ``users``, ``repos`` and ``globs`` say for whom and where, ``rules`` by which rules of the new bundle.
    """

    direction: Direction
    area: str
    what: str
    old: str = ""
    new: str = ""
    users: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line: ``engineer (U0ALICE) in acme/shop: edit of **/billing/**: allowed → denied (rule d-bill)``."""
        rules = f" ({'rules' if len(self.rules) > 1 else 'rule'} {listed(self.rules, 'rules')})" if self.rules else ""
        if self.old and self.new:
            return f"{self.what}: {self.old} → {self.new}{rules}"
        return f"{self.what}: {self.new or self.old}{rules}"

    def facts(self) -> dict[str, JsonValue]:
        """For programs."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
