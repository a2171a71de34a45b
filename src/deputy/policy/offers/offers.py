"""The nearest thing that policy does permit: a refusal without a way on sends people around the rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from deputy.domain.policy.approval_requirements import requirements_text
from deputy.domain.policy.conditions import Truth
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.policy.core.deciding import Considered, Question, answer
from deputy.policy.core.engine import RuleEngine
from deputy.policy.core.rules import HERE, Rule
from deputy.policy.core.wording import listed, phrase
from deputy.policy.offers.alternatives import Alternative, alternatives

_ALL = "**"
# Of many who have a role, so many are asked about before it is taken that none of them may.
_MAX_HOLDERS = 3
_PERMITTED = (Effect.ALLOW, Effect.REVIEW)


@dataclass(frozen=True)
class OfferContext:
    """What else there is: rules by subject, repository and action; repositories; budget classes; who has which role."""

    rules: Callable[[str, str, Action], Sequence[Rule]]
    repos: tuple[str, ...]
    budgets: tuple[str, ...]
    engine: RuleEngine


def counter_offer(seen: Considered, decision: Decision, around: OfferContext) -> str:
    """What this person may ask for instead, as a sentence without full stop; empty when the answer was allow."""
    if decision.effect is Effect.ALLOW:
        return ""
    rules = [rule for rule in seen.rules if not rule.is_idle]
    if decision.effect is Effect.REVIEW:
        others = alternatives(seen, (Effect.ALLOW,), around.budgets)
        return _free_of_review(others) or _without_review(decision, rules)
    others = alternatives(seen, _PERMITTED, around.budgets)
    return (
        _otherwise(decision, others)
        or _elsewhere_here(decision, rules)
        or _other_repos(seen.question, around)
        or _other_people(seen, around)
    )


def _otherwise(decision: Decision, others: Sequence[Alternative]) -> str:
    by_need: dict[str, list[str]] = {}
    for other in others:
        by_need.setdefault(requirements_text(other.needs), []).append(other.text)
    what = f"{phrase(decision.action)}{_these(decision)} in {decision.repo}"
    return "; ".join(
        f"{', or '.join(texts)} you may {what}{f', with review by {need}' if need else ''}"
        for need, texts in by_need.items()
    )


def _these(decision: Decision) -> str:
    paths = [path.path for path in decision.paths if path.effect is Effect.DENY]
    return "" if _is_pathless(decision) else f" {listed(paths, 'paths')}"


def _free_of_review(others: Sequence[Alternative]) -> str:
    return f"{', or '.join(other.text for other in others)} it needs no such review" if others else ""


def _is_pathless(decision: Decision) -> bool:
    return all(path.path == HERE for path in decision.paths)


def _paths(rules: Iterable[Rule], effect: Effect) -> list[str]:
    return list(dict.fromkeys(rule.path for rule in rules if rule.effect is effect))


def _without_review(decision: Decision, rules: Sequence[Rule]) -> str:
    reviewed = _paths(rules, Effect.REVIEW)
    if _is_pathless(decision) or _ALL in reviewed:
        return ""
    return f"a change that stays clear of {listed(reviewed, 'patterns')} needs no such review"


def _elsewhere_here(decision: Decision, rules: Sequence[Rule]) -> str:
    allowed, denied = _paths(rules, Effect.ALLOW), _paths(rules, Effect.DENY)
    if not allowed or _ALL in denied or _is_pathless(decision):
        return ""
    what = "any other path" if _ALL in allowed else listed(allowed, "patterns")
    but = f" except {listed(denied, 'patterns')}" if denied else ""
    reviewed = [rule for rule in rules if rule.effect is Effect.REVIEW]
    review = f"; {_reviews(reviewed)}" if reviewed else ""
    return f"in {decision.repo} you may {phrase(decision.action)} {what}{but}{review}"


def _reviews(rules: Sequence[Rule]) -> str:
    by_need: dict[str, list[str]] = {}
    for rule in rules:
        by_need.setdefault(requirements_text(rule.needs), []).append(rule.path)
    return "; ".join(
        f"{listed(dict.fromkeys(paths), 'patterns')} with review by {need}" for need, paths in by_need.items()
    )


def _other_repos(asked: Question, around: OfferContext) -> str:
    permitted = [repo for repo in around.repos if repo != asked.repo and _is_open(asked, asked.subject, repo, around)]
    return f"you may {phrase(asked.action)} in {listed(permitted, 'repositories')}" if permitted else ""


def _is_open(asked: Question, subject: str, repo: str, around: OfferContext) -> bool:
    question = Question(subject, repo, asked.action, asked.paths, asked.facts)
    return answer(question, around.rules(subject, repo, asked.action), "").effect is not Effect.DENY


def _other_people(seen: Considered, around: OfferContext) -> str:
    asked = seen.question
    rules = around.engine.rules_of_anyone(asked.repo, asked.action)
    subjects = {rule.subject for rule in rules if rule.effect is Effect.ALLOW}
    roles = sorted(role for role in subjects if role.startswith("role:") and _may(role, asked, around))
    what = f"{phrase(asked.action)} in {asked.repo}"
    if roles:
        return f"people with {listed(roles, 'roles')} may {what}: ask one of them"
    held = [rule.held for rule in seen.conditional if rule.held]
    unknown = dict.fromkeys(fact for each in held if each.holding is Truth.UNKNOWN for fact in each.facts)
    if unknown:
        return f"it depends on what is not known here: {listed(unknown, 'facts')}"
    return f"nobody may {what}{' as things stand' if seen.conditional else ''}: ask whoever keeps the policy"


def _may(role: str, asked: Question, around: OfferContext) -> bool:
    """Whether the first of those who have the role would be permitted this; a role that nobody has is no help."""
    holders = around.engine.holders(role, asked.repo)[:_MAX_HOLDERS]
    return any(_is_open(asked, holder, asked.repo, around) for holder in holders)
