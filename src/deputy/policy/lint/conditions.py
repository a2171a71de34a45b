"""Conditions and budget classes: each says something, each can be known when a rule that it is on is asked."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from deputy.domain.changes.globs import compile_glob
from deputy.domain.policy.config import RECIPE, STANDARD, Budget, Condition, Counter, CounterOf
from deputy.domain.policy.decision import Action
from deputy.policy.conditions.conditions import is_only_of_time, looks_at_the_patch, name_of, says_something
from deputy.policy.conditions.times import hours_of, moment_of, zone_of
from deputy.policy.core.csv_rules import FILE, Lines
from deputy.policy.core.rules import Rule
from deputy.policy.files.problems import Doubt, Problem, doubtful
from deputy.policy.files.tables import Entries

BUILT_IN = (STANDARD, RECIPE)
# What is asked when there is a patch to look at.
AFTER_THE_PATCH = frozenset(
    {Action.EDIT, Action.ADD_DEPENDENCY, Action.CHANGE_CI, Action.CHANGE_PUBLIC_API, Action.DELIVER}
)
# What is asked about no task, so that there is nothing to know but the time.
WITHOUT_A_TASK = frozenset(
    {Action.APPROVE, Action.QUERY_AUDIT, Action.EXPORT_AUDIT, Action.MANAGE_SCHEDULE, Action.BREAK_GLASS}
)
_LONGEST = 366
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,20}\Z")
_Flaw = tuple[str, str, str]  # the key it stands under, what is wrong, what to write


def lint_conditions(conditions: Entries[Condition], budgets: Entries[Budget], lines: Lines) -> Iterator[Problem]:
    """Problems of ``conditions.toml``, of budget classes, and of the rules that name conditions."""
    yield from _budgets(budgets)
    known = {*BUILT_IN, *budgets.values}
    used = {name_of(rule.when) for rule in lines.rules if rule.is_conditional}
    for name, condition in conditions.values.items():
        for key, message, fix in _flaws(condition, known):
            keys = ("counter", key.removeprefix("counter.")) if key.startswith("counter.") else (key,) if key else ()
            yield conditions.problem(f"condition {name}: {message}", fix, "condition", name, *keys)
        if name not in used:
            line = conditions.problem("", "", "condition", name).line
            fix = "name it in the last column of a rule, or remove it"
            yield doubtful(Doubt.UNUSED, conditions.file, line, f"no rule names the condition {name}", fix)
    for rule in lines.rules:
        if rule.is_conditional:
            yield from lint_when(rule, conditions)


def lint_when(rule: Rule, conditions: Entries[Condition]) -> Iterator[Problem]:
    """Why a rule's condition could never be known, or is none at all."""
    name = name_of(rule.when)
    condition = conditions.values.get(name)
    # One that is written, but could not be read, has its own problem.
    if condition is None and not re.search(rf"\[condition\.{re.escape(name)}[.\]]", conditions.text):
        fix = f"write one of {', '.join(conditions.values)}" if conditions.values else "define it in conditions.toml"
        yield Problem(FILE, rule.line, f"no such condition as {name!r}", fix)
    if condition is None:
        return
    if rule.action in WITHOUT_A_TASK and not is_only_of_time(condition):
        message = f"{name} looks at a task, but {rule.action} is asked about none"
        yield Problem(FILE, rule.line, message, "use a condition of days, hours, starts and ends only")
    elif rule.action not in AFTER_THE_PATCH and looks_at_the_patch(condition):
        message = f"{name} looks at the patch, but {rule.action} is asked before there is one"
        yield Problem(FILE, rule.line, message, "put the rule on edit or deliver")


def _budgets(budgets: Entries[Budget]) -> Iterator[Problem]:
    for name in budgets.values:
        if name in BUILT_IN:
            fix = "choose another name, or change [limits]"
            yield budgets.problem(f"the budget {name} is what [limits] says", fix, "budget", name)
        elif not _NAME.match(name):
            fix = "write lower-case letters, digits and hyphens"
            yield budgets.problem(f"{name!r} can't be the name of a budget", fix, "budget", name)


def _flaws(condition: Condition, budgets: set[str]) -> Iterator[_Flaw]:
    if not _NAME.match(condition.name):
        yield "", "this can't be a name", "write lower-case letters, digits and hyphens"
    if not condition.title.isprintable():
        yield "title", "the title has control characters", "write it on one line"
    if not says_something(condition):
        yield "", "it says nothing, so it would always hold", "give it a field, or leave the rule without when"
    yield from _times(condition)
    yield from _names(condition, budgets)
    for key, most in (("files_over", condition.files_over), ("lines_over", condition.lines_over)):
        if most is not None and most < 0:
            yield key, f"{key} = {most} is less than nothing", "write 0 or more"
    if condition.counter:
        yield from _counter(condition.counter)


def _names(condition: Condition, budgets: set[str]) -> Iterator[_Flaw]:
    for channel in condition.channels:
        if not _CHANNEL.match(channel):
            yield (
                "channels",
                f"{channel!r} is no channel id",
                "write an id such as C0SHOP, which Slack shows in its details",
            )
    for budget in condition.budgets:
        if budget not in budgets:
            yield "budgets", f"no such budget as {budget!r}", f"write one of {', '.join(sorted(budgets))}"


def _times(condition: Condition) -> Iterator[_Flaw]:
    flaws = [
        *_tried("timezone", zone_of, condition.timezone, "write an IANA name such as Europe/Berlin, or UTC"),
        *(_tried("hours", hours_of, condition.hours, "write hours such as 18:00-08:00") if condition.hours else ()),
        *_moment("starts", condition.starts),
        *_moment("ends", condition.ends),
    ]
    yield from flaws
    if not flaws and condition.starts and condition.ends:
        first, last = (moment_of(text, condition.timezone) for text in (condition.starts, condition.ends))
        if first >= last:
            yield "ends", f"it ends at {condition.ends}, but starts no earlier", "write a later time"


def _moment(key: str, text: str) -> Iterator[_Flaw]:
    if text:  # the zone is tried on its own
        yield from _tried(key, partial(moment_of, timezone="UTC"), text, "write a time such as 2026-12-18 18:00")


def _tried(key: str, read: Callable[[str], object], text: str, fix: str) -> Iterator[_Flaw]:
    try:
        read(text)
    except ValueError as error:
        yield key, str(error), fix


def _counter(counter: Counter) -> Iterator[_Flaw]:
    if counter.over < 0:
        yield "counter.over", f"over = {counter.over} is less than nothing", "write 0 or more"
    if not 0 < counter.days <= _LONGEST:
        yield "counter.days", f"days = {counter.days:g} is no time to look back", f"write up to {_LONGEST}"
    if counter.of is CounterOf.TASKS and counter.over == 0 and not counter.paths:
        yield "counter.over", "more than 0 tasks always holds: the one asked about counts", "write 1 or more"
    for pattern in counter.paths:
        yield from _tried("counter.paths", compile_glob, pattern, "write a glob such as **/billing/**")
