"""A line of policy as a value, and what it means for a rule to match a path."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import compile_glob, matches
from deputy.domain.policy.conditions import ConditionResult
from deputy.domain.policy.config import Condition
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect, RuleRef
from deputy.policy.conditions.conditions import ALWAYS, applies
from deputy.policy.conditions.counting import EvaluationContext

HERE = "."  # the path of questions that are about no path
EVERYWHERE = "*"  # the repository of questions that are about no single repository
_NOWHERE = frozenset({"", ".", ".."})
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Rule:
    """A ``p`` line. ``fields`` are its eight columns (``-`` where there is no ``when``), ``line`` counts from 1.

    ``folded`` is the pattern that a DENY or REVIEW rule also tries on the folded path; an ALLOW rule has none, so
    that nothing is permitted under a name that merely looks like a permitted one. ``condition`` is what ``when`` names;
    ``held`` and ``is_idle`` are set by ``under``, for one question.
    """

    id: str
    line: int
    fields: tuple[str, ...]
    subject: str
    repo: str
    action: Action
    path: str
    effect: Effect
    needs: tuple[ApprovalRequirement, ...]
    exact: re.Pattern[str]
    folded: re.Pattern[str] | None
    when: str = ALWAYS
    condition: Condition | None = None
    held: ConditionResult | None = None
    is_idle: bool = False

    @property
    def is_conditional(self) -> bool:
        """Whether the rule applies under a condition only."""
        return self.when != ALWAYS

    def under(self, asked: EvaluationContext, held: ConditionResult) -> "Rule":
        """The rule with its condition as judged in these circumstances: idle when that keeps it from applying."""
        return replace(self, held=held, is_idle=not applies(held, self.effect, asked))

    @cached_property
    def ref(self) -> RuleRef:
        """How decisions name this rule."""
        fields = self.fields if self.is_conditional else self.fields[:-1]
        text = ", ".join(("p", *fields))
        return RuleRef(id=self.id, effect=self.effect, line=self.line, text=text, held=self.held)

    def matches(self, path: str, folded: str) -> bool:
        """Whether the rule speaks of the path; ``folded`` is ``fold(path)``, computed once by the caller."""
        return bool(self.exact.match(path)) or bool(self.folded and self.folded.match(folded))


@dataclass(frozen=True)
class Grant:
    """A ``g`` line: ``member`` (a user or a role) has ``role`` in repositories that ``repo`` matches."""

    line: int
    member: str
    role: str
    repo: str


def patterns(path: str, effect: Effect) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """The exact and the folded pattern of a rule's path; ``ValueError`` when the glob is malformed."""
    return compile_glob(path), None if effect is Effect.ALLOW else compile_glob(fold(path))


def covers(pattern: str, repo: str) -> bool:
    """Whether a repository glob of the policy covers a repository; a malformed one covers nothing."""
    try:
        return matches(pattern, repo)
    except ValueError:
        return False


def flaw(path: str) -> str | None:
    """Why this can't be the path of a file in a repository, or None. Such a path is denied, whatever the rules say."""
    if path == HERE:
        return None
    if not path or path.startswith("/"):
        return "it is not relative to the repository's root"
    if not _NOWHERE.isdisjoint(path.split("/")):
        return "it has an empty, '.' or '..' segment"
    if not path.isprintable() and any(unicodedata.category(char) in _UNPRINTABLE for char in path):
        return "it has control, format or undecodable characters"
    return None
