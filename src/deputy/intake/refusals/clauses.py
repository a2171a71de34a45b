"""Which words of a text belong together, and whether a word orders something or tells of it."""

from collections.abc import Sequence

from deputy.intake.refusals import grammar
from deputy.intake.refusals.phrases import Found
from deputy.intake.refusals.words import Gap, Word

_LONGEST_LEAD = 4  # words from "and" to the verb: "and then please also …"
_TO_A_PRONOUN = 2  # words from a verb to its "it"


def clauses(words: Sequence[Word], orders: frozenset[int], breaks: Gap) -> list[tuple[int, int]]:
    """Where clauses start and end. ``orders`` are words that may begin one after "and" or a comma.

    ``breaks`` is the least gap that always ends a clause: with ``Gap.SENTENCE`` they go on in the next line.
    """
    starts = [
        at
        for at, word in enumerate(words)
        if at == 0 or word.gap >= breaks or (_opens(words, at) and _first_after(words, at) in orders)
    ]
    return list(zip(starts, [*starts[1:], len(words)], strict=True)) if words else []


def _opens(words: Sequence[Word], at: int) -> bool:
    return words[at].gap is Gap.COMMA or words[at].raw in grammar.AND


def _first_after(words: Sequence[Word], at: int) -> int:
    """The first word from here on that carries meaning."""
    end = min(at + _LONGEST_LEAD, len(words))
    return next((here for here in range(at, end) if words[here].raw not in grammar.AND | grammar.SKIPPED), end)


def is_base(words: Sequence[Word], found: Found) -> bool:
    """Whether the verb stands as the phrase writes it, where a verb can stand."""
    return found.first == found.raw and can_order(words, found)


def can_order(words: Sequence[Word], found: Found) -> bool:
    """Whether the word may be a verb at all: not a name of code, and not "the log"."""
    word = words[found.start]
    if word.is_name:
        return False
    if found.start == 0 or word.gap > Gap.WIDE:
        return True
    before = words[found.start - 1].raw
    return before not in grammar.NOUNS_FOLLOW or (before in grammar.GERUNDS_FOLLOW and found.raw.endswith("ing"))


def is_order(words: Sequence[Word], found: Found, start: int, *, after_object: bool) -> bool:
    """Whether what was found in the clause from ``start`` is asked for, and not told of.

    "Log the passwords" and "a script that logs passwords" ask; "the handler logs passwords" tells.
    ``after_object`` says that it stands behind what it is about, where it may be a noun: "the password dump".
    """
    before = [word.raw for word in words[start : found.start]]
    if _has_gained(found, "ing"):
        return bool(before) and before[-1] in grammar.GERUNDS_FOLLOW
    if _has_gained(found, "ed"):
        return bool(grammar.BEING.intersection(before[-3:]) and grammar.WISHING.intersection(before))
    if _has_gained(found, "s"):
        return bool(grammar.RELATIVE.intersection(before) and grammar.MAKING.intersection(before))
    if not after_object or found.raw.endswith(grammar.INFINITIVE) or speaks_of_before(words, found):
        return True
    return bool(before) and before[-1] in grammar.VERBS_FOLLOW


def _has_gained(found: Found, ending: str) -> bool:
    return found.raw.endswith(ending) and not found.first.endswith(ending)


def speaks_of_before(words: Sequence[Word], found: Found) -> bool:
    """Whether a verb's object is a pronoun, so that what it is about stands in the clause before."""
    return any(word.raw in grammar.PRONOUNS for word in words[found.start + 1 : found.end + _TO_A_PRONOUN])
