"""Phrases of a rule, found in the words of a text in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deputy.intake.refusals.words import ADDRESS, Gap, Word, stem, words_of

GAP = "..."
MAX_IN_A_GAP = 4
PREFIX = 4  # letters in front of a "*" by which such phrases are found


@dataclass(frozen=True)
class Phrase:
    """``items`` are stems, starts of words (``exfiltrat*``) or ``...`` for up to four words; ``first`` as written."""

    items: tuple[str, ...]
    first: str


@dataclass(frozen=True)
class Found:
    """A phrase in a text: the words from ``start`` up to ``end``.

    ``first`` is its first word as the phrase writes it, ``raw`` as the text does.
    """

    start: int
    end: int
    first: str
    raw: str


class Lexicon:
    """Many lists of phrases by key, looked for together. Time: words x phrases that begin alike."""

    def __init__(self, lists: dict[str, Sequence[str]]) -> None:
        self._by_start: dict[str, list[tuple[str, Phrase]]] = {}
        for key, phrases in lists.items():
            for text in phrases:
                phrase = _phrase(text)
                if phrase.items:
                    self._by_start.setdefault(_start(phrase.items[0]), []).append((key, phrase))

    def find(self, words: Sequence[Word]) -> dict[str, list[Found]]:
        """Where each list's phrases stand, in order."""
        found: dict[str, list[Found]] = {}
        for at in range(len(words)):
            for key, phrase in self._candidates(words, at):
                end = _match(phrase.items, words, at)
                if end:
                    found.setdefault(key, []).append(Found(at, end, phrase.first, _raw(phrase, words, at)))
        return found

    def _candidates(self, words: Sequence[Word], at: int) -> Iterator[tuple[str, Phrase]]:
        starts = [*_forms(words[at]), *_joined(words, at)]
        for start in dict.fromkeys([*starts, *(each[:PREFIX] + "*" for each in starts)]):
            yield from self._by_start.get(start, ())


def _phrase(text: str) -> Phrase:
    items: list[str] = []
    first = ""
    for part in text.replace("…", GAP).split():
        if part in {GAP, ADDRESS}:
            items.append(part)
            continue
        # Read as the text is read, so that "co-worker" and "policy.csv" are the words that they are there.
        words = words_of(part.removesuffix("*"))
        items += [word.stems[0] for word in words]
        first = first or (words[0].raw if words else "")
        if part.endswith("*") and words:
            items[-1] = words[-1].raw + "*"
    return Phrase(tuple(items), first)


def _raw(phrase: Phrase, words: Sequence[Word], at: int) -> str:
    is_one = any(_is(phrase.items[0], form) for form in _forms(words[at]))
    return words[at].raw if is_one else words[at].raw + words[at + 1].raw


def _forms(word: Word) -> tuple[str, ...]:
    """What phrases are compared with: the stems, and for their starts the word itself."""
    return (*word.stems, word.raw)


def _start(item: str) -> str:
    return item[:PREFIX] + "*" if item.endswith("*") else item


def _joined(words: Sequence[Word], at: int) -> tuple[str, ...]:
    """What this word and the next are, written as one: "key logger"."""
    if at + 1 >= len(words) or words[at + 1].gap > Gap.WIDE or ADDRESS in {words[at].raw, words[at + 1].raw}:
        return ()
    return (stem(words[at].raw + words[at + 1].raw),)


def _match(items: Sequence[str], words: Sequence[Word], at: int) -> int:
    """Where a match that begins at this word ends; 0 when there is none."""
    if not items:
        return at
    if items[0] == GAP:
        ends = (_match(items[1:], words, at + skipped) for skipped in range(MAX_IN_A_GAP + 1))
        return next((end for end in ends if end), 0)
    if at >= len(words):
        return 0
    if any(_is(items[0], form) for form in _forms(words[at])):
        return _match(items[1:], words, at + 1)
    if any(_is(items[0], form) for form in _joined(words, at)):
        return _match(items[1:], words, at + 2)
    return 0


def _is(item: str, form: str) -> bool:
    return form.startswith(item[:-1]) if item.endswith("*") else form == item
