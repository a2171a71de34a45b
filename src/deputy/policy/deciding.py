"""Rules and paths to an answer: deny over review over allow over nothing, which refuses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deputy.domain.values import Action, Decision, Effect, Need, PathDecision, RuleRef
from deputy.policy.index import PathIndex
from deputy.policy.needs import merge_needs
from deputy.policy.rules import HERE, Rule, flaw

_WORST_FIRST = (Effect.DENY, Effect.REVIEW, Effect.ALLOW)


@dataclass(frozen=True)
class Question:
    """May ``subject`` do ``action`` in ``repo``, to these paths? No paths means that it is about none."""

    subject: str
    repo: str
    action: Action
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Answer:
    decision: PathDecision
    needs: tuple[Need, ...]


def answer(question: Question, rules: Sequence[Rule], policy: str) -> Decision:
    """The decision that the rules give, without its sentences. ``policy`` is the digest of the bundle they are from."""
    index = PathIndex(rules)
    answers = [_path(path, index) for path in question.paths or (HERE,)]
    effect = next(each for each in _WORST_FIRST if any(path.decision.effect is each for path in answers))
    worst = [path for path in answers if path.decision.effect is effect]
    return Decision(
        effect=effect,
        action=question.action,
        subject=question.subject,
        repo=question.repo,
        policy=policy,
        rules=_deciding(effect, (path.decision for path in worst)),
        needs=merge_needs(need for path in worst for need in path.needs) if effect is Effect.REVIEW else (),
        paths=tuple(path.decision for path in answers),
    )


def plain(path: str) -> str:
    """The path as rules see it: ``./docs/`` and ``docs`` are the same question."""
    return path.removeprefix("./").rstrip("/") or (HERE if path else path)


def _path(path: str, index: PathIndex) -> _Answer:
    asked = plain(path) if not path.startswith("/") else path
    if flaw(asked):
        return _Answer(PathDecision(path=path, effect=Effect.DENY), ())
    matched = index.matching(asked)
    effect = effect_of(rule.effect for rule in matched)
    needs = merge_needs(need for rule in matched for need in rule.needs) if effect is Effect.REVIEW else ()
    return _Answer(PathDecision(path=path, effect=effect, rules=tuple(rule.ref for rule in matched)), needs)


def effect_of(effects: Iterable[Effect]) -> Effect:
    """What matching rules amount to for one path. A review refines what something else allows; alone it refuses."""
    found = set(effects)
    if Effect.DENY in found or Effect.ALLOW not in found:
        return Effect.DENY
    return Effect.REVIEW if Effect.REVIEW in found else Effect.ALLOW


def _deciding(effect: Effect, paths: Iterable[PathDecision]) -> tuple[RuleRef, ...]:
    """The rules with the deciding effect, each once, in file order."""
    found = {rule.id: rule for path in paths for rule in path.rules if rule.effect is effect}
    return tuple(sorted(found.values(), key=lambda rule: rule.line))
