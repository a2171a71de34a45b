"""Other circumstances in which a question would have a better answer: tried, not guessed, so that no offer is false."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from deputy.domain.policy.config import Condition, Counter, CounterOf
from deputy.domain.policy.decision import ApprovalRequirement, Effect
from deputy.domain.tasks.request import TaskKind
from deputy.policy.conditions.counting import EvaluationContext, before, cools_down_at
from deputy.policy.conditions.times import changes, say_moment
from deputy.policy.core.deciding import Considered

# So many conditions are judged to find a moment; what lies further ahead than that is not offered.
_MAX_TRIALS = 1000
# A channel that no condition names: Slack's ids are longer.
_ANOTHER = "C"


@dataclass(frozen=True)
class Alternative:
    """``text`` says under what (``from 2027-01-04 06:00 Europe/Berlin``); ``needs`` is the review that remains."""

    text: str
    asked: EvaluationContext
    needs: tuple[ApprovalRequirement, ...]


def alternatives(seen: Considered, wanted: Collection[Effect], budgets: Iterable[str]) -> tuple[Alternative, ...]:
    """One change each of the facts of a question that gives it an answer among ``wanted``; the nearest first."""
    if not seen.conditional or seen.is_hopeless:
        return ()
    return tuple(_Trial(seen, wanted).found([*budgets]))


class _Trial:
    """The same question in other circumstances."""

    def __init__(self, seen: Considered, wanted: Collection[Effect]) -> None:
        self._seen, self._wanted, self._asked = seen, wanted, seen.question.circumstances
        found = {rule.condition: None for rule in seen.conditional if rule.condition}
        self._conditions: tuple[Condition, ...] = tuple(found)

    def found(self, budgets: list[str]) -> Iterator[Alternative]:
        """Every alternative of one change: a smaller patch, another time, channel, budget or kind of work."""
        facts = self._asked.facts
        yield from self._sizes(CounterOf.LINES)
        yield from self._sizes(CounterOf.FILES)
        yield from self._later()
        yield from self._channels()
        if any(condition.budgets for condition in self._conditions):
            yield from self._one_of("with the budget", "budget", [each for each in budgets if each != facts.budget])
        if any(condition.kinds for condition in self._conditions):
            yield from self._one_of("for work of kind", "kind", [kind for kind in TaskKind if kind is not facts.kind])

    def _try(self, text: str, asked: EvaluationContext) -> Alternative | None:
        effect, needs = self._seen.effect_under(asked)
        return Alternative(text, asked, needs) if effect in self._wanted else None

    # ---- size --------------------------------------------------------------------------------------------------

    def _sizes(self, of: CounterOf) -> Iterator[Alternative]:
        """The largest bound on the patch, other than its size now, under which any patch of these paths would do."""
        if self._asked.facts.patch == ():
            return
        now = self._asked.size(of).high if self._asked.facts.patch is not None else None
        for bound in sorted({*self._bounds(of)}, reverse=True):
            if bound <= 0 or (now is not None and bound >= now):
                continue
            text = f"with a patch of at most {bound} {of if bound > 1 else of.removesuffix('s')}"
            if found := self._try(text, self._within(of, bound)):
                yield found
                return

    def _within(self, of: CounterOf, bound: int) -> EvaluationContext:
        is_known = self._asked.facts.patch is not None
        sizes = {each: self._asked.size(each).high if is_known else None for each in (CounterOf.FILES, CounterOf.LINES)}
        sizes[of] = bound
        return self._asked.with_most(files=sizes[CounterOf.FILES], lines=sizes[CounterOf.LINES])

    def _bounds(self, of: CounterOf) -> Iterator[int]:
        for condition in self._conditions:
            most = condition.lines_over if of is CounterOf.LINES else condition.files_over
            if most is not None:
                yield most
        for counter in self._counters():
            so_far = before(counter, self._asked).high if counter.of is of else None
            if so_far is not None:
                yield counter.over - so_far

    def _counters(self) -> Iterator[Counter]:
        yield from (condition.counter for condition in self._conditions if condition.counter)

    # ---- time --------------------------------------------------------------------------------------------------

    def _later(self) -> Iterator[Alternative]:
        for moment, timezone in sorted(self._moments())[: _MAX_TRIALS // len(self._conditions)]:
            if found := self._try(f"from {say_moment(moment, timezone)}", self._asked.with_facts(at=moment)):
                yield found
                return

    def _moments(self) -> set[tuple[datetime, str]]:
        at = self._asked.facts.at
        if at is None:
            return set()
        found = {moment: condition.timezone for condition in self._conditions for moment in changes(condition, at)}
        for condition in self._conditions:
            if condition.counter and (moment := _next_minute(cools_down_at(condition.counter, self._asked))):
                found.setdefault(moment, condition.timezone)
        return {*found.items()}

    # ---- the rest ----------------------------------------------------------------------------------------------

    def _channels(self) -> Iterator[Alternative]:
        named = sorted({channel for condition in self._conditions for channel in condition.channels})
        if not named:
            return
        answers = {each: self._answer(channel=each) for each in (*named, _ANOTHER)}
        barred = [each for each in named if answers[each] != answers[_ANOTHER]]
        if answers[_ANOTHER][0] not in self._wanted:
            now = self._asked.facts.channel
            yield from self._one_of("in channel", "channel", [each for each in named if each != now])
        elif barred and (
            found := self._try(f"in any channel but {_either(barred)}", self._asked.with_facts(channel=_ANOTHER))
        ):
            yield found

    def _one_of(self, what: str, fact: str, values: Sequence[str]) -> Iterator[Alternative]:
        """Those values of a fact that are as good as the first good one."""
        answers = {value: self._answer(**{fact: value}) for value in values}
        good = [value for value in values if answers[value][0] in self._wanted]
        good = [value for value in good if answers[value] == answers[good[0]]]
        if good and (found := self._try(f"{what} {_either(good)}", self._asked.with_facts(**{fact: good[0]}))):
            yield found

    def _answer(self, **facts: str) -> tuple[Effect, tuple[ApprovalRequirement, ...]]:
        return self._seen.effect_under(self._asked.with_facts(**facts))


def _either(names: Sequence[str]) -> str:
    *most, last = map(str, names)
    return f"{', '.join(most)} or {last}" if most else last


def _next_minute(moment: datetime | None) -> datetime | None:
    """Rounded up to what a clock shows."""
    if moment is None or not (moment.second or moment.microsecond):
        return moment
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
