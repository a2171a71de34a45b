"""Past tasks, asked again: which of them another bundle would have decided otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from deputy.domain.policy.decision import Decision, Effect
from deputy.policy.bundle import Bundle
from deputy.policy.compare.answers import Said
from deputy.policy.compare.differences import Direction
from deputy.policy.core.deciding import Question
from deputy.policy.core.wording import deed, listed

# More of the newest tasks than this are not asked again.
MAX_PAST_TASKS = 10_000


@dataclass(frozen=True)
class Past:
    """A task of the past with the questions that were asked about it, under the facts of then.

    ``old`` is the bundle that it was decided by; None when that can't be had any more. ``policy`` is its digest.
    """

    task: str
    at: datetime
    policy: str
    old: Bundle | None
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Redecided:
    """A question that the new bundle answers otherwise. ``paths`` are those whose own answer differs."""

    task: str
    at: datetime
    question: Question
    paths: tuple[str, ...]
    old: Decision
    new: Decision

    @property
    def direction(self) -> Direction:
        """Whether the new answer permits more."""
        return _said(self.new).direction_from(_said(self.old))

    def __str__(self) -> str:
        """One line: ``D-7K2M9QXA  2026-11-20  U0ALICE: edit of a.py in acme/shop: allowed → denied (rule d-a)``."""
        who = self.question.subject.rpartition("/")[2]
        what = deed(self.new, self.paths)
        where = "" if what.endswith(self.question.repo) else f" in {self.question.repo}"
        return (
            f"{self.task}  {self.at:%Y-%m-%d}  {who}: {what}{where}: {_said(self.old)} → {_said(self.new)} ({self._by})"
        )

    @property
    def _by(self) -> str:
        rules = [rule.id for rule in self.new.rules]
        if not rules:
            return "no rule allows it"
        return f"{'rules' if len(rules) > 1 else 'rule'} {listed(rules, 'rules')}"

    def facts(self) -> dict[str, JsonValue]:
        """For programs."""
        return {
            "task": self.task,
            "at": self.at.isoformat(),
            "direction": self.direction.value,
            "subject": self.question.subject,
            "repo": self.question.repo,
            "action": self.question.action.value,
            "paths": list(self.paths),
            "old": _facts(self.old),
            "new": _facts(self.new),
        }


@dataclass(frozen=True)
class Simulation:
    """What came of it. ``lost`` are the tasks whose own bundle can't be had, so that nothing was compared."""

    tasks: int
    questions: int
    redecided: tuple[Redecided, ...]
    lost: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """For people: each task that is decided otherwise, what permits more first, and totals."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for direction, title in ((Direction.WIDER, "Permitted more"), (Direction.TIGHTER, "Permitted less")):
            found = [each for each in self.redecided if each.direction is direction]
            if found:
                yield f"{title} ({len(found)})"
                yield from (f"  {each}" for each in found)
        for task, policy in self.lost:
            yield f"{task}: its policy {policy[:12] or '(none)'} can't be loaded any more, so it is not compared"
        changed = len({each.task for each in self.redecided})
        asked = f"{_count(self.tasks, 'task')}, {_count(self.questions, 'question')} asked again"
        yield f"{asked}: {_count(changed, 'task')} would be decided otherwise."

    def facts(self) -> dict[str, JsonValue]:
        """For programs."""
        return {
            "tasks": self.tasks,
            "questions": self.questions,
            "redecided": [each.facts() for each in self.redecided],
            "lost": [{"task": task, "policy": policy} for task, policy in self.lost],
        }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def simulate(past: Iterable[Past], new: Bundle) -> Simulation:
    """Ask both bundles every question again, under the same facts."""
    tasks, questions = 0, 0
    redecided: list[Redecided] = []
    lost: list[tuple[str, str]] = []
    for each in past:
        tasks += 1
        if each.old is None:
            lost.append((each.task, each.policy))
            continue
        questions += len(each.questions)
        redecided += _redecided(each, each.old, new)
    return Simulation(tasks, questions, tuple(redecided), tuple(lost))


def _redecided(past: Past, old: Bundle, new: Bundle) -> Iterator[Redecided]:
    for question in past.questions:
        was, now = _ask(old, question), _ask(new, question)
        if _said(was) == _said(now):
            continue
        differing = tuple(
            after.path for before, after in zip(was.paths, now.paths, strict=True) if before.effect is not after.effect
        )
        yield Redecided(past.task, past.at, question, differing or question.paths, was, now)


def _ask(bundle: Bundle, question: Question) -> Decision:
    return bundle.decide(question.subject, question.repo, question.action, question.paths, question.facts)


def _said(decision: Decision) -> Said:
    return Said(decision.effect, decision.needs if decision.effect is Effect.REVIEW else ())


def _facts(decision: Decision) -> dict[str, JsonValue]:
    return {
        "effect": decision.effect.value,
        "needs": [need.model_dump() for need in decision.needs],
        "rules": [rule.id for rule in decision.rules],
        "reason": decision.reason,
    }
