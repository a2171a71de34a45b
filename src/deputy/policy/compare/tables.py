"""What differs in a bundle's TOML files, and in who has which role: field by field."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.config import Budget, Check, GateLevel, Limits, RepoConfig
from deputy.domain.policy.decision import Action, ApprovalRequirement, Severity
from deputy.domain.value import Value
from deputy.policy.bundle import Bundle
from deputy.policy.compare.differences import Difference, Direction
from deputy.policy.core.wording import listed

V = TypeVar("V")
_HARDER = (Severity.ADVISE, Severity.REVIEW, Severity.DENY)
# Longer or shorter, these permit neither more nor less.
_NEUTRAL = frozenset({"hold_seconds", "hold_reminder_seconds", "question_seconds", "button_seconds"})
_UNBOUND = float("inf")
_UNSAID = GateLevel(level=Severity.DENY)
_LONGEST = 100
_HANDLED = frozenset({"hidden", "checks", "name"})
_W, _T, _O = Direction.WIDER, Direction.TIGHTER, Direction.OTHER


def changed_tables(old: Bundle, new: Bundle) -> Iterator[Difference]:
    """Every difference outside of ``policy.csv``'s rules. Values of ``env`` are not shown."""
    yield from _roles(old, new)
    yield from _repos(old, new)
    for gate in sorted({*old.gates, *new.gates}):
        yield from _gate(gate, old.gates.get(gate, _UNSAID), new.gates.get(gate, _UNSAID))
    yield from _limits("limits", "limits", old.limits, new.limits)
    yield from _budgets(old, new)
    named = (
        ("conditions", "condition", old.conditions, new.conditions),
        ("recipes", "recipe", {each.name: each for each in old.recipes}, {each.name: each for each in new.recipes}),
        ("prices", "price", old.prices, new.prices),
    )
    for area, noun, before, after in named:
        yield from _named(area, noun, before, after)
    yield from _refusals(old, new)


def _difference(direction: Direction, area: str, what: str, old: object = "", new: object = "") -> Difference:
    return Difference(direction, area, what, str(old), str(new))


def _both(old: Mapping[str, V], new: Mapping[str, V]) -> Iterator[tuple[str, V | None, V | None]]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


# ---- people --------------------------------------------------------------------------------------------------------


def _roles(old: Bundle, new: Bundle) -> Iterator[Difference]:
    """Who gains or loses a role that somebody's agreement is asked by."""
    asked = sorted({need.role for bundle in (old, new) for need in _needs(bundle)})
    for repo in sorted({repo.name for bundle in (old, new) for repo in bundle.repos}):
        for role in asked:
            before, after = set(old.holders(role, repo)), set(new.holders(role, repo))
            title = role.removeprefix("role:")
            for user in sorted(after - before):
                yield _role(_W, user, repo, f"becomes {title}: may agree to what asks for {title}")
            for user in sorted(before - after):
                yield _role(_T, user, repo, f"is no longer {title}")


def _role(direction: Direction, user: str, repo: str, says: str) -> Difference:
    what = f"{user.rpartition('/')[2]} in {repo}"
    return Difference(direction, "roles", what, new=says, users=(user,), repos=(repo,))


def _needs(bundle: Bundle) -> Iterator[ApprovalRequirement]:
    yield from (need for level in bundle.gates.values() for need in level.needs)
    for repo in bundle.repos:
        for action in Action:
            yield from (need for rule in bundle.engine.rules_of_anyone(repo.name, action) for need in rule.needs)


# ---- repositories --------------------------------------------------------------------------------------------------


def _repos(old: Bundle, new: Bundle) -> Iterator[Difference]:
    before, after = ({repo.name: repo for repo in bundle.repos} for bundle in (old, new))
    for name, was, now in _both(before, after):
        if was is None:
            yield _difference(_W, "repositories", name, new="new: work may be asked for")
        elif now is None:
            yield _difference(_T, "repositories", name, old="gone: no work may be asked for")
        else:
            yield from _repo(was, now)


def _repo(old: RepoConfig, new: RepoConfig) -> Iterator[Difference]:
    for glob in [glob for glob in old.hidden if glob not in new.hidden]:
        yield _difference(_W, "repositories", f"{old.name}: {glob}", "hidden from sandboxes", "may be read there")
    for glob in [glob for glob in new.hidden if glob not in old.hidden]:
        yield _difference(_T, "repositories", f"{old.name}: {glob}", "may be read in sandboxes", "hidden there")
    before, after = ({check.name: check for check in repo.checks} for repo in (old, new))
    for name, was, now in _both(before, after):
        yield _check(f"{old.name}: check {name}", was, now)
    yield from _fields("repositories", old.name, old, new, _HANDLED)


def _check(what: str, old: Check | None, new: Check | None) -> Difference:
    if old is None or new is None:
        return _difference(_T if new else _W, "repositories", what, new="new" if new else "gone")
    if old.bar is not new.bar:
        is_lower = _HARDER.index(new.bar) < _HARDER.index(old.bar)
        return _difference(_W if is_lower else _T, "repositories", f"{what}: a failure", _does(old.bar), _does(new.bar))
    changed = ", ".join(name for name in Check.model_fields if getattr(old, name) != getattr(new, name))
    return _difference(_O, "repositories", what, new=f"{changed} differs: does it still prove as much?")


def _does(bar: Severity) -> str:
    return {Severity.DENY: "stops the patch", Severity.REVIEW: "is reviewed", Severity.ADVISE: "is only shown"}[bar]


# ---- gates, limits, budgets ----------------------------------------------------------------------------------------


def _gate(name: str, old: GateLevel, new: GateLevel) -> Iterator[Difference]:
    for field, noun in (("level", "at most"), ("at_least", "at least")):
        was, now = getattr(old, field), getattr(new, field)
        if was is not now:
            direction = _W if _HARDER.index(now) < _HARDER.index(was) else _T
            yield _difference(direction, "gates", f"gate {name}, {noun}", was, now)
    if old.needs != new.needs:
        is_tighter = merge_requirements((*old.needs, *new.needs)) == new.needs
        was, now = (requirements_text(level.needs) or "the default" for level in (old, new))
        yield _difference(_T if is_tighter else _W, "gates", f"gate {name}, reviewed by", was, now)


def _limits(area: str, what: str, old: Limits, new: Limits) -> Iterator[Difference]:
    for name in Limits.model_fields:
        was, now = (_UNBOUND if (bound := getattr(limits, name)) is None else bound for limits in (old, new))
        if was != now:
            raised = _W if now > was else _T
            said = ("no bound" if bound == _UNBOUND else bound for bound in (was, now))
            yield _difference(_O if name in _NEUTRAL else raised, area, f"{what}, {name}", *said)


def _budgets(old: Bundle, new: Bundle) -> Iterator[Difference]:
    for name in sorted({*old.budgets, *new.budgets}):
        if name not in old.budgets:
            yield _difference(_W, "budgets", f"budget {name}", new="new: may be asked for")
        elif name not in new.budgets:
            yield _difference(_T, "budgets", f"budget {name}", old="gone")
        else:
            yield from _budget(name, old, new)


def _budget(name: str, old: Bundle, new: Bundle) -> Iterator[Difference]:
    fields = [field for field in Budget.model_fields if field != "name"]
    own = {field for field in fields for bundle in (old, new) if getattr(bundle.budgets[name], field) is not None}
    for difference in _limits("budgets", f"budget {name}", old.limits_for(name), new.limits_for(name)):
        # What a class leaves to the limits is told there.
        if difference.what.partition(", ")[2] in own:
            yield difference


# ---- the rest ------------------------------------------------------------------------------------------------------


def _named(area: str, noun: str, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Difference]:
    for name, was, now in _both(old, new):
        if was is None or now is None:
            yield _difference(_O, area, f"{noun} {name}", *(("", "new") if was is None else ("gone", "")))
        else:
            yield from _fields(area, f"{noun} {name}", was, now)


def _fields(
    area: str, what: str, old: Value, new: Value, skip: frozenset[str] = frozenset({"name"})
) -> Iterator[Difference]:
    for name in type(old).model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if name in skip or was == now:
            continue
        if name == "env":
            yield _difference(_O, area, f"{what}, env", new="other variables or values")
        elif isinstance(was, Value) and isinstance(now, Value):
            yield from _fields(area, f"{what}, {name}", was, now, frozenset())
        else:
            yield _difference(_O, area, f"{what}, {name}", _say(was), _say(now))


def _say(value: object) -> str:
    if isinstance(value, tuple):
        shown = ", ".join(map(_say, value)) or "none"
        return shown if len(shown) <= _LONGEST else f"{len(value)} values"
    text = "none" if value is None or value == "" else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _refusals(old: Bundle, new: Bundle) -> Iterator[Difference]:
    before, after = ({rule.name: rule for rule in bundle.refusals.rules} for bundle in (old, new))
    changed = list(_both(before, after))
    groups = (
        (_W, "requests are no longer refused for", [name for name, _, now in changed if now is None]),
        (_T, "requests are now refused for", [name for name, was, _ in changed if was is None]),
        (_O, "other words are refused for", [name for name, was, now in changed if was and now]),
    )
    for direction, says, names in groups:
        if names:
            yield _difference(direction, "refusals", says, new=listed(names, "rules"))
    yield from _fields("refusals", "refusals", old.refusals, new.refusals, frozenset({"rules"}))
