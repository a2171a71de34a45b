"""The rules of ``refusals.toml``, made ready for matching once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from deputy.domain.policy.refusals import Refusals
from deputy.intake.refusals.phrases import Lexicon

_OF_A_RULE = ("asks", "about", "where", "unless", "unless_followed_by", "hints")
_SHARED = ("unless", "unless_followed_by", "undone_by", "not_meant")


@dataclass(frozen=True)
class Book:
    """``lexicon`` has a rule's lists under ``rule.list`` and the shared ones under ``.list``."""

    lexicon: Lexicon


@lru_cache(maxsize=8)
def book_of(rules: Refusals) -> Book:
    """The book of a bundle's rules."""
    lists: dict[str, Sequence[str]] = {f".{part}": getattr(rules.defence, part) for part in _SHARED}
    for rule in rules.rules:
        lists |= {f"{rule.name}.{part}": getattr(rule, part) for part in _OF_A_RULE}
    return Book(Lexicon(lists))
