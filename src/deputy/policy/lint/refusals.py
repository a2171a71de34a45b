"""``refusals.toml``: phrases that can match, sentences that can be said, and no rule that contradicts itself."""

import re
from collections.abc import Iterator, Sequence

from deputy.domain.policy.refusals import RefusalRule
from deputy.policy.files.problems import Problem
from deputy.policy.files.refusals_table import RefusalsFile

MAX_PHRASES, MAX_WORDS, MAX_GAPS, LONGEST_SENTENCE = 400, 8, 2, 300
RESERVED = "model"  # how a refusal names the model's objection

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_GAP, _ADDRESS = "...", "<address>"
_WORD = re.compile(r"[./]?[^\W_][\w'’./-]*|-{1,2}[a-z][a-z-]*")
_START = re.compile(r"[^\W_][\w'’-]{3,}\*")
_LISTS = ("asks", "about", "where", "unless", "unless_followed_by", "hints")
_SHARED = ("unless", "unless_followed_by", "undone_by", "not_meant")
Wrong = tuple[str, str, str]


def lint_refusals(file: RefusalsFile) -> Iterator[Problem]:
    """Problems of ``refusals.toml`` beyond its form."""
    for part in _SHARED:
        for message, fix in _phrases(getattr(file.rules.defence, part)):
            yield file.problem(f"{part}: {message}", fix, "defence", part)
    for rule in file.rules.rules:
        for message, fix, key in (*_naming(rule), *_sentences(rule), *_lists(rule), *_against_itself(rule)):
            yield file.problem(f"refusal {rule.name}: {message}", fix, "refusal", rule.name, key)


def _naming(rule: RefusalRule) -> Iterator[Wrong]:
    if not _NAME.fullmatch(rule.name) or rule.name == RESERVED:
        yield f"{rule.name!r} can't be its name", "write lower-case letters, digits and hyphens; not model", "refusal"


def _sentences(rule: RefusalRule) -> Iterator[Wrong]:
    for key in ("title", "why", "instead"):
        text = getattr(rule, key)
        if not text.strip() or not text.isprintable() or len(text) > LONGEST_SENTENCE:
            yield f"{key} is empty, too long or has invisible characters", "write one plain sentence", key
        elif key != "title" and not text.endswith("."):
            yield f"{key} is no sentence", "end it with a full stop: the requester reads it", key


def _lists(rule: RefusalRule) -> Iterator[Wrong]:
    if not rule.about:
        yield "nothing that it is about, so it would never match", "add about = [ … ]", "about"
    for key in _LISTS:
        for message, fix in _phrases(getattr(rule, key)):
            yield f"{key}: {message}", fix, key


def _against_itself(rule: RefusalRule) -> Iterator[Wrong]:
    for key in ("asks", "about"):
        for phrase in sorted({*getattr(rule, key)} & {*rule.unless}):
            yield f"{phrase!r} stands in {key} and in unless", "keep it in one of them", "unless"


def _phrases(phrases: Sequence[str]) -> Iterator[tuple[str, str]]:
    if len(phrases) > MAX_PHRASES:
        yield f"{len(phrases)} phrases", f"keep it to {MAX_PHRASES}: many of one sort are a rule of their own"
    seen: set[str] = set()
    for phrase in phrases:
        if phrase.casefold() in seen:
            yield f"{phrase!r} stands there twice", "remove one"
        seen.add(phrase.casefold())
        if wrong := _flaw(phrase):
            yield f"{phrase!r} {wrong[0]}", wrong[1]


def _flaw(phrase: str) -> tuple[str, str] | None:
    items = phrase.replace("…", _GAP).split()
    words = [item for item in items if item not in {_GAP, _ADDRESS}]
    if not items or phrase != " ".join(phrase.split()):
        return "is empty or has spaces to spare", "write words with one space between them"
    if len(items) > MAX_WORDS:
        return f"has more than {MAX_WORDS} words", "write the few words that matter"
    if _GAP in (items[0], items[-1]) or items.count(_GAP) > MAX_GAPS:
        return f"begins or ends with {_GAP}, or has more than {MAX_GAPS} of them", "write words around each"
    for word in words:
        if "*" in word and not _START.fullmatch(word):
            return "has a * elsewhere than after four letters or more", "write detect* for all words that begin so"
        if not word.endswith("*") and not _WORD.fullmatch(word):
            return f"has {word!r}, which is no word", f"write words, {_GAP} for up to four others, or {_ADDRESS}"
    return None
