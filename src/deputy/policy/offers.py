"""The nearest thing that policy does permit: a refusal without a way on sends people around the rules."""

from collections.abc import Sequence

from deputy.domain.values import Decision, Effect
from deputy.policy.deciding import Question, answer
from deputy.policy.engine import Engine
from deputy.policy.needs import say_needs
from deputy.policy.rules import HERE, Rule
from deputy.policy.wording import listed, phrase

_ALL = "**"


def counter_offer(decision: Decision, engine: Engine, repos: Sequence[str]) -> str:
    """What this person may ask for instead, as a sentence without full stop; empty when the answer was allow."""
    if decision.effect is Effect.ALLOW:
        return ""
    rules = engine.rules_for(decision.subject, decision.repo, decision.action)
    if decision.effect is Effect.REVIEW:
        return _without_review(decision, rules)
    return _elsewhere_here(decision, rules) or _other_repos(decision, engine, repos) or _other_people(decision, engine)


def _paths(rules: Sequence[Rule], effect: Effect) -> list[str]:
    return list(dict.fromkeys(rule.path for rule in rules if rule.effect is effect))


def _without_review(decision: Decision, rules: Sequence[Rule]) -> str:
    reviewed = _paths(rules, Effect.REVIEW)
    if all(path.path == HERE for path in decision.paths) or _ALL in reviewed:
        return ""
    return f"a change that stays clear of {listed(reviewed, 'patterns')} needs no such review"


def _elsewhere_here(decision: Decision, rules: Sequence[Rule]) -> str:
    allowed, denied = _paths(rules, Effect.ALLOW), _paths(rules, Effect.DENY)
    if not allowed or _ALL in denied or all(path.path == HERE for path in decision.paths):
        return ""
    what = "any other path" if _ALL in allowed else listed(allowed, "patterns")
    but = f" except {listed(denied, 'patterns')}" if denied else ""
    reviewed = [rule for rule in rules if rule.effect is Effect.REVIEW]
    review = f"; {_reviews(reviewed)}" if reviewed else ""
    return f"in {decision.repo} you may {phrase(decision.action)} {what}{but}{review}"


def _reviews(rules: Sequence[Rule]) -> str:
    by_need: dict[str, list[str]] = {}
    for rule in rules:
        by_need.setdefault(say_needs(rule.needs), []).append(rule.path)
    return "; ".join(
        f"{listed(dict.fromkeys(paths), 'patterns')} with review by {need}" for need, paths in by_need.items()
    )


def _other_repos(decision: Decision, engine: Engine, repos: Sequence[str]) -> str:
    permitted = [repo for repo in repos if repo != decision.repo and _is_open(decision, engine, repo)]
    return f"you may {phrase(decision.action)} in {listed(permitted, 'repositories')}" if permitted else ""


def _is_open(decision: Decision, engine: Engine, repo: str) -> bool:
    question = Question(decision.subject, repo, decision.action, tuple(path.path for path in decision.paths))
    rules = engine.rules_for(question.subject, repo, question.action)
    return answer(question, rules, decision.policy).effect is not Effect.DENY


def _other_people(decision: Decision, engine: Engine) -> str:
    rules = engine.rules_of_anyone(decision.repo, decision.action)
    roles = sorted({rule.subject for rule in rules if rule.effect is Effect.ALLOW and rule.subject.startswith("role:")})
    if not roles:
        return f"nobody may {phrase(decision.action)} in {decision.repo}: ask whoever keeps the policy"
    return f"people with {listed(roles, 'roles')} may {phrase(decision.action)} in {decision.repo}: ask one of them"
