"""Decisions in sentences, for the person who asked and for the one who checks."""

from collections.abc import Iterable, Sequence

from deputy.domain.policy.approval_requirements import requirements_text
from deputy.domain.policy.conditions import ConditionResult, Truth
from deputy.domain.policy.decision import Action, Decision, Effect, PathDecision, RuleRef
from deputy.policy.core.ascii_tree import drawn
from deputy.policy.core.deciding import plain
from deputy.policy.core.rules import HERE, flaw

_SHOWN = 3
_PHRASES = {
    Action.REQUEST: "ask for work",
    Action.RUN: "have work run",
    Action.READ: "read",
    Action.EDIT: "edit",
    Action.ADD_DEPENDENCY: "add or move a dependency",
    Action.CHANGE_CI: "change what runs by itself",
    Action.CHANGE_PUBLIC_API: "change the public interface",
    Action.USE_NETWORK: "use the network",
    Action.APPROVE: "approve",
    Action.DELIVER: "have patches delivered",
    Action.QUERY_AUDIT: "query the audit trail",
    Action.EXPORT_AUDIT: "export the audit trail",
    Action.MANAGE_SCHEDULE: "manage schedules",
    Action.BREAK_GLASS: "break the glass",
}
_EFFECTS = {Effect.DENY: "denies", Effect.REVIEW: "asks for review of", Effect.ALLOW: "allows"}

_STANDS = {
    Truth.HOLDS: "{} holds",
    Truth.FAILS: "{} does not hold",
    Truth.UNKNOWN: "whether {} holds is not known",
}


def reason(decision: Decision) -> str:
    """Why, naming the deciding rules: ``rule d-env denies edit of secrets/prod.env``."""
    worst = [path for path in decision.paths if path.effect is decision.effect]
    broken = [path for path in worst if _flaw(path)]
    if broken:
        return f"{broken[0].path!r} can't be the path of a file here: {_flaw(broken[0])}"
    if not decision.rules:
        return _nothing_allows(decision, worst)
    parts = [_rule_on(rule, decision, worst) for rule in decision.rules[:_SHOWN]]
    if len(decision.rules) > _SHOWN:
        parts.append(f"and {len(decision.rules) - _SHOWN} more rules")
    tail = f" by {requirements_text(decision.needs)}" if decision.needs else ""
    return "; ".join(parts) + tail


def _flaw(path: PathDecision) -> str | None:
    return flaw(path.path if path.path.startswith("/") else plain(path.path))


def _rule_on(rule: RuleRef, decision: Decision, paths: Sequence[PathDecision]) -> str:
    touched = [path.path for path in paths if any(match.id == rule.id for match in path.rules)]
    return f"rule {rule.id} {_EFFECTS[decision.effect]} {deed(decision, touched)}{_because(rule.held)}"


def _because(held: ConditionResult | None) -> str:
    """How a rule's condition came to apply: `` during Release freeze``, `` (the channel is C0SHOP)``."""
    if held is None:
        return ""
    if held.is_time and held.holding is Truth.HOLDS:
        return f" {held.phrase}"
    return f" ({'; '.join(held.facts)})"


def _nothing_allows(decision: Decision, worst: Sequence[PathDecision]) -> str:
    paths = "" if _is_pathless(decision) else f" {listed([path.path for path in worst], 'paths')}"
    what = f"no rule lets {decision.subject} {phrase(decision.action)}{paths} in {decision.repo}"
    idle = {rule.id: rule for path in worst for rule in path.idle if rule.effect is Effect.ALLOW}
    if idle:
        return f"{what}; {'; '.join(_would(rule) for rule in [*idle.values()][:_SHOWN])}"
    reviews = {rule.id for path in worst for rule in path.rules if rule.effect is Effect.REVIEW}
    if reviews:
        return f"{what} (a review such as {min(reviews)} only adds to what another rule allows)"
    return what


def _would(rule: RuleRef) -> str:
    held = rule.held
    return f"rule {rule.id} would {held.phrase}, but {'; '.join(held.facts)}" if held else f"rule {rule.id} would"


def phrase(action: Action) -> str:
    """The action as somebody would say it: ``ask for work``."""
    return _PHRASES[action]


def deed(decision: Decision, paths: Sequence[str]) -> str:
    """What is asked for: ``edit of a.py, b.py and 3 more paths``, ``request in acme/shop``."""
    if _is_pathless(decision):
        return f"{decision.action} in {decision.repo}"
    return f"{decision.action} of {listed(paths, 'paths')}"


def _is_pathless(decision: Decision) -> bool:
    return all(path.path == HERE for path in decision.paths)


def listed(things: Iterable[str], noun: str) -> str:
    """A few things by name, the rest by number."""
    names = list(things)
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more {noun}" if len(names) > _SHOWN else shown


def explain(decision: Decision) -> str:
    """The whole decision as a readable tree: the answer, why, and every path with every rule that matched it."""
    lines = [
        f"{decision.effect.upper()}  {decision.subject} · {decision.action} · {decision.repo}",
        f"  because {decision.reason}",
    ]
    if decision.needs:
        lines.append(f"  needs {requirements_text(decision.needs)}")
    if decision.counter_offer:
        lines.append(f"  instead: {decision.counter_offer}")
    for path in decision.paths:
        lines.append(f"  {path.effect:<6}  {path.path}")
        lines += [line for rule in path.rules for line in _line(rule, "")]
        lines += [line for rule in path.idle for line in _line(rule, _idly(rule))]
        if not path.rules and not path.idle:
            lines.append("    no rule matches")
    lines.append(f"  policy {decision.policy}")
    return drawn("\n".join(lines))


def _idly(rule: RuleRef) -> str:
    is_open = rule.held is not None and rule.held.holding is Truth.UNKNOWN
    return "may apply later: " if is_open else "does not apply: "


def _line(rule: RuleRef, says: str) -> Iterable[str]:
    yield f"    {rule.file}:{rule.line}  {says}{rule.text}"
    if rule.held:
        yield f"      {_STANDS[rule.held.holding].format(rule.held.when)}: {'; '.join(rule.held.facts)}"
