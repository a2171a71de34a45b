"""Rules and paths to an answer: deny over review over allow over nothing, which refuses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from deputy.domain.changes.folding import fold
from deputy.domain.policy.approval_requirements import merge_requirements
from deputy.domain.policy.conditions import ConditionResult
from deputy.domain.policy.decision import Action, ApprovalRequirement, Decision, Effect, PathDecision, RuleRef
from deputy.domain.policy.effects import strictest_effect
from deputy.domain.policy.facts import UNKNOWN, Facts
from deputy.domain.text.hosts import BELOW
from deputy.policy.conditions.conditions import applies, judge
from deputy.policy.conditions.counting import EvaluationContext
from deputy.policy.core.containment import contained, overlapping
from deputy.policy.core.index import PathIndex
from deputy.policy.core.rules import HERE, Rule, flaw


@dataclass(frozen=True)
class Question:
    """May ``subject`` do ``action`` in ``repo``, to these paths, under these facts? No paths: it is about none."""

    subject: str
    repo: str
    action: Action
    paths: tuple[str, ...] = ()
    facts: Facts = UNKNOWN

    @cached_property
    def circumstances(self) -> EvaluationContext:
        """What the rules' conditions look at."""
        return EvaluationContext(self.subject, self.repo, self.facts)


@dataclass(frozen=True)
class Matched:
    """The rules that speak of one path, applying and idle, in file order. A path with a flaw has none."""

    path: str
    rules: tuple[Rule, ...]

    def decision(self) -> PathDecision:
        """What they amount to, by their conditions as judged."""
        active = [rule for rule in self.rules if not rule.is_idle]
        refs = tuple(rule.ref for rule in active)
        effect = effect_of(rule.effect for rule in active)
        if len(active) == len(self.rules):
            return PathDecision(path=self.path, effect=effect, rules=refs)
        idle = tuple(rule.ref for rule in self.rules if rule.is_idle)
        return PathDecision(path=self.path, effect=effect, rules=refs, idle=idle)


@dataclass(frozen=True)
class Considered:
    """A question with all rules that speak of who, where and what, their conditions judged, and what they match."""

    question: Question
    rules: tuple[Rule, ...]
    matched: tuple[Matched, ...]

    def decision(self, policy: str) -> Decision:
        """The answer, without its sentences. ``policy`` is the digest of the bundle that the rules are from."""
        question = self.question
        paths = tuple(path.decision() for path in self.matched)
        effect = strictest_effect(path.effect for path in paths)
        return Decision(
            effect=effect,
            action=question.action,
            subject=question.subject,
            repo=question.repo,
            policy=policy,
            rules=_deciding(effect, (path for path in paths if path.effect is effect)),
            needs=merge_requirements(_needs(self._active())) if effect is Effect.REVIEW else (),
            paths=paths,
        )

    def _active(self) -> Iterator[Rule]:
        return (rule for path in self.matched for rule in path.rules if not rule.is_idle)

    @cached_property
    def conditional(self) -> tuple[Rule, ...]:
        """The rules with a condition that match one of the paths."""
        if not any(rule.is_conditional for rule in self.rules):
            return ()
        found = {rule.id: rule for path in self.matched for rule in path.rules if rule.is_conditional}
        return tuple(found.values())

    @property
    def is_hopeless(self) -> bool:
        """Whether no other facts could change a refusal: a path is refused whatever its rules' conditions are."""
        return any(
            Effect.DENY in sure or not (Effect.ALLOW in sure or any(each in self._allowing for each in names))
            for sure, names in self._combinations
        )

    @cached_property
    def _allowing(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.conditional if rule.effect is Effect.ALLOW)

    @cached_property
    def _combinations(self) -> frozenset[tuple[frozenset[Effect], tuple[str, ...]]]:
        """What paths come to: the effects that are sure, and the rules with conditions. Few, however many the paths."""
        return frozenset(
            (
                frozenset(rule.effect for rule in path.rules if not rule.is_conditional),
                tuple(rule.id for rule in path.rules if rule.is_conditional),
            )
            for path in self.matched
        )

    def effect_under(self, asked: EvaluationContext) -> tuple[Effect, tuple[ApprovalRequirement, ...]]:
        """The effect that the same question would have in other circumstances, and the needs of a review."""
        verdicts = _Verdicts(asked)
        active = {rule.id: rule for rule in self.conditional if applies(verdicts.held(rule), rule.effect, asked)}
        effect = strictest_effect(
            effect_of({*sure, *(active[name].effect for name in names if name in active)})
            for sure, names in self._combinations
        )
        return effect, merge_requirements(
            [*self._sure_needs, *_needs(active.values())]
        ) if effect is Effect.REVIEW else ()

    @cached_property
    def _sure_needs(self) -> tuple[ApprovalRequirement, ...]:
        return merge_requirements(
            _needs(rule for path in self.matched for rule in path.rules if not rule.is_conditional)
        )


class _Verdicts:
    """How conditions stand in some circumstances, each judged once, however many rules name it."""

    def __init__(self, asked: EvaluationContext) -> None:
        self._asked, self._seen = asked, dict[tuple[str, int], ConditionResult]()

    def held(self, rule: Rule) -> ConditionResult:
        key = (rule.when, id(rule.condition))
        if key not in self._seen:
            self._seen[key] = judge(rule.when, rule.condition, self._asked)
        return self._seen[key]


def judged(rules: Iterable[Rule], asked: EvaluationContext) -> tuple[Rule, ...]:
    """The rules with their conditions judged."""
    verdicts = _Verdicts(asked)
    return tuple(rule.under(asked, verdicts.held(rule)) if rule.is_conditional else rule for rule in rules)


def consider(question: Question, rules: Iterable[Rule]) -> Considered:
    """Each condition is judged once, each path looked up once."""
    weighed = judged(rules, question.circumstances)
    index = PathIndex(weighed)
    paths = question.paths or (HERE,)
    if question.action is Action.USE_NETWORK:
        return Considered(question, weighed, tuple(_match_host(path, index, weighed) for path in paths))
    return Considered(question, weighed, tuple(_match(path, index) for path in paths))


def answer(question: Question, rules: Iterable[Rule], policy: str) -> Decision:
    """The decision that the rules give, without its sentences. ``policy`` is the digest of the bundle they are from."""
    return consider(question, rules).decision(policy)


def plain(path: str) -> str:
    """The path as rules see it: ``./docs/`` and ``docs`` are the same question."""
    return path.removeprefix("./").rstrip("/") or (HERE if path else path)


def _match(path: str, index: PathIndex) -> Matched:
    asked = plain(path) if not path.startswith("/") else path
    return Matched(path, () if flaw(asked) else index.matching(asked))


def _match_host(host: str, index: PathIndex, rules: tuple[Rule, ...]) -> Matched:
    """``*.example.org`` stands for every host below: what speaks against one of them does against all of it."""
    if not host.startswith(BELOW):
        return _match(host, index)
    return Matched(host, tuple(rule for rule in rules if _speaks_of_hosts(rule, host)))


def _speaks_of_hosts(rule: Rule, below: str) -> bool:
    if rule.effect is Effect.ALLOW:
        return contained(below, rule.path)
    return overlapping(rule.path, below) or overlapping(fold(rule.path), below)


def _needs(rules: Iterable[Rule]) -> Iterator[ApprovalRequirement]:
    return (need for rule in rules for need in rule.needs)


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
