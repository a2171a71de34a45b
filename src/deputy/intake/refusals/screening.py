"""Whether a request asks for harm, by the rules of ``refusals.toml``. Pure; never raises, whatever the text.

A rule matches when one clause orders an act on an object ("log … the passwords"), and no word before them says that it
is to be kept from happening ("add a test that fails when …"). Told, not ordered, or explained away, it leaves the rules
unsure, which is when a second opinion may be asked for.
"""

from collections.abc import Iterable

from deputy.domain.policy.refusals import AskModel, Grade, Judgement, Refusal, RefusalRule, Refusals
from deputy.intake.markup import plain_text
from deputy.intake.refusals.book import Book, book_of
from deputy.intake.refusals.hidden import hidden_texts
from deputy.intake.refusals.matching import Matches
from deputy.intake.refusals.words import words_of

_BY_MODEL = "model"


def screen(text: str, rules: Refusals, bot_user: str) -> Refusal | None:
    """Why the request is refused, or None. Judge the whole of it: with the answers to questions, one per line."""
    return judge(text, rules, bot_user).refusal


def needs_second_opinion(text: str, rules: Refusals, bot_user: str = "") -> bool:
    """Whether to ask the model about a request: as ``[model] ask`` says, and never when it is refused anyway."""
    if rules.model.ask is AskModel.NEVER:
        return False
    grade = judge(text, rules, bot_user).grade
    return grade is Grade.UNSURE or (grade is Grade.FINE and rules.model.ask is AskModel.ALWAYS)


def refusal_of_model(objection: str) -> Refusal:
    """The refusal that a model's objection (``ports.SecondOpinion``) comes to."""
    return Refusal(
        rule=_BY_MODEL,
        category=None,
        reason=f"A second look at this request found that it may do harm: {objection.strip().rstrip('.')}.",
        instead="If it is meant otherwise, say in the request what it is for, or ask whoever keeps the rules.",
    )


def judge(text: str, rules: Refusals, bot_user: str) -> Judgement:
    """What the rules say of a text, and of texts that are encoded in it."""
    plain, book = plain_text(text, bot_user), book_of(rules)
    judgement = _judge(plain, rules, book)
    for hidden in hidden_texts(plain):
        inner = _judge(hidden, rules, book)
        # Orders in disguise are a sign by themselves.
        judgement = max(judgement, inner if inner.grade is not Grade.FINE else _unsure(()), key=_weight)
    return judgement


def _weight(judgement: Judgement) -> int:
    return (Grade.FINE, Grade.UNSURE, Grade.HARM).index(judgement.grade)


def _unsure(rules: Iterable[str]) -> Judgement:
    return Judgement(grade=Grade.UNSURE, rules=tuple(rules))


def _judge(plain: str, rules: Refusals, book: Book) -> Judgement:
    matches = Matches(words_of(plain), book)
    signs: list[str] = []
    for rule in rules.rules:
        grade = matches.grade(rule)
        if grade is Grade.HARM:
            return Judgement(grade=grade, refusal=_refusal(rule), rules=(*signs, rule.name))
        if grade is Grade.UNSURE:
            signs.append(rule.name)
    return _unsure(signs) if signs else Judgement(grade=Grade.FINE)


def _refusal(rule: RefusalRule) -> Refusal:
    return Refusal(rule=rule.name, category=rule.category, reason=rule.why, instead=rule.instead)
