"""Whether a rule's condition holds. Conditions are data: Casbin's ``whenMatch`` and our own index ask here alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from deputy.domain.policy.conditions import ConditionResult, Truth
from deputy.domain.policy.config import Condition, Counter, CounterOf, CounterPer
from deputy.domain.policy.decision import Effect
from deputy.policy.conditions.counting import EvaluationContext, Range, counted
from deputy.policy.conditions.times import has_time, holds_at, say_moment

ALWAYS = "-"
_NOT = "not:"


@dataclass(frozen=True)
class Fact:
    """One thing that a condition looks at: whether it is as the condition says, and what it is, as a clause."""

    holding: Truth
    clause: str


def name_of(when: str) -> str:
    """The condition that a rule's ``when`` names, with or without ``not:``."""
    return when.removeprefix(_NOT)


def is_negated(when: str) -> bool:
    """Whether the rule applies when its condition does not hold."""
    return when.startswith(_NOT)


def is_only_of_time(condition: Condition) -> bool:
    """Whether the condition looks at nothing but the time."""
    return not (condition.kinds or condition.channels or condition.budgets or condition.counter) and (
        condition.files_over is None and condition.lines_over is None
    )


def says_something(condition: Condition) -> bool:
    """Whether there is anything that must hold."""
    return has_time(condition) or not is_only_of_time(condition)


def looks_at_the_patch(condition: Condition) -> bool:
    """Whether the condition can't be known before there is a patch."""
    counter = condition.counter
    is_of_patch = counter is not None and (counter.of is not CounterOf.TASKS or bool(counter.paths))
    return is_of_patch or condition.files_over is not None or condition.lines_over is not None


def judge(when: str, condition: Condition | None, asked: EvaluationContext) -> ConditionResult:
    """How a rule's condition stands. One that nobody defined is not known."""
    if condition is None:
        return ConditionResult(
            when=when, phrase=f"under {when}", holding=Truth.UNKNOWN, facts=("there is no such condition",)
        )
    facts = tuple(_facts(condition, asked))
    holding = _all(facts)
    is_time = is_only_of_time(condition)
    return ConditionResult(
        when=when,
        phrase=_phrase(condition, is_time=is_time, is_negated=is_negated(when)),
        holding=holding.opposite if is_negated(when) else holding,
        facts=tuple(fact.clause for fact in facts if fact.holding is holding),
        is_time=is_time,
    )


def applies(held: ConditionResult, effect: Effect, asked: EvaluationContext) -> bool:
    """Whether a rule applies. What is not known counts against the one who asks, unless it is early to ask."""
    if held.holding is Truth.UNKNOWN:
        return (effect is Effect.ALLOW) == asked.facts.is_early
    return held.holding is Truth.HOLDS


def _all(facts: tuple[Fact, ...]) -> Truth:
    found = {fact.holding for fact in facts}
    if Truth.FAILS in found:
        return Truth.FAILS
    # Without any fact to look at there is nothing to hold: the lint refuses such a condition.
    return Truth.UNKNOWN if Truth.UNKNOWN in found or not found else Truth.HOLDS


def _phrase(condition: Condition, *, is_time: bool, is_negated: bool) -> str:
    word = {(True, False): "during", (True, True): "outside", (False, False): "under", (False, True): "unless under"}
    return f"{word[is_time, is_negated]} {condition.title or condition.name}"


def _facts(condition: Condition, asked: EvaluationContext) -> Iterator[Fact]:
    facts = asked.facts
    if condition.kinds:
        yield _among("kind of work", facts.kind, condition.kinds)
    if condition.channels:
        yield _among("channel", facts.channel, condition.channels)
    if condition.budgets:
        yield _among("budget", facts.budget, condition.budgets)
    if has_time(condition):
        yield _time(condition, asked)
    if condition.files_over is not None:
        yield _size(CounterOf.FILES, condition.files_over, asked)
    if condition.lines_over is not None:
        yield _size(CounterOf.LINES, condition.lines_over, asked)
    if condition.counter:
        yield _counter(condition.counter, asked)


def _among(what: str, value: str | None, those: tuple[str, ...]) -> Fact:
    if value is None:
        return Fact(Truth.UNKNOWN, f"the {what} is not known")
    return Fact(Truth.HOLDS if value in those else Truth.FAILS, f"the {what} is {value}")


def _time(condition: Condition, asked: EvaluationContext) -> Fact:
    at = asked.facts.at
    if at is None:
        return Fact(Truth.UNKNOWN, "the time is not known")
    holding = Truth.HOLDS if holds_at(condition, at) else Truth.FAILS
    return Fact(holding, f"it is {say_moment(at, condition.timezone)}")


def _size(of: CounterOf, bound: int, asked: EvaluationContext) -> Fact:
    found = asked.size(of)
    return Fact(found.over(bound), _amount(f"{of} changed by the patch", found, bound))


def _counter(counter: Counter, asked: EvaluationContext) -> Fact:
    found = counted(counter, asked)
    return Fact(found.over(counter.over), _amount(say_counter(counter, asked), found, counter.over))


def say_counter(counter: Counter, asked: EvaluationContext) -> str:
    """What is counted: ``lines changed in **/billing/** by U0ALICE in 7 days``."""
    deeds = {CounterOf.TASKS: "tasks", CounterOf.FILES: "files changed", CounterOf.LINES: "lines changed"}
    person = asked.subject.rpartition("/")[2]
    whose = {
        CounterPer.PERSON: f" by {person}",
        CounterPer.REPO: f" in {asked.repo}",
        CounterPer.PERSON_AND_REPO: f" by {person} in {asked.repo}",
        CounterPer.EVERYBODY: " by everybody",
    }
    where = f" in {', '.join(counter.paths)}" if counter.paths else ""
    days = "1 day" if counter.days == 1 else f"{counter.days:g} days"
    return f"{deeds[counter.of]}{where}{whose[counter.per]} in {days}"


def _amount(what: str, found: Range, bound: int) -> str:
    holding = found.over(bound)
    least = "" if found.low == found.high else "at least "
    if holding is Truth.UNKNOWN:
        return f"{what}: not known, at least {found.low}" if found.low else f"{what}: not known"
    if holding is Truth.HOLDS:
        return f"{what}: {least}{found.low}, more than {bound}"
    return f"{what}: {'at most ' if least else ''}{found.high}, not more than {bound}"
