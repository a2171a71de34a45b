"""A repository's own ``.deputy/policy.toml``: it can forbid, ask for review, hide and lower. It has no words to permit.

The file comes from the base commit, so whoever may push wrote it: it is bounded, strictly read, and only ever added to
what the installation's policy says.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationError, model_validator

from deputy.domain.changes.globs import compile_glob
from deputy.domain.errors import BadPolicy
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.config import Budget, GateLevel, Limits, RepoConfig
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect, RuleRef, Severity
from deputy.domain.review.gates import GateName
from deputy.domain.value import Value
from deputy.policy.core.rules import Rule, patterns
from deputy.policy.files.problems import decode, line_of
from deputy.policy.files.requirements import NEED_FORM, parse_requirements

REPO_POLICY_FILE = ".deputy/policy.toml"
REPO_RULE_ID = re.compile(r"own-[0-9]+\Z")
MAX_BYTES = 64 * 1024
_MAX_RULES, _MAX_PATHS, _MAX_HIDDEN = 50, 20, 100
_LONGEST, _MAX_STARS = 200, 4  # a glob of many stars takes long to say no
_STRICTER = (Severity.ADVISE, Severity.REVIEW, Severity.DENY)
_ABOUT_FILES = frozenset({Action.EDIT, Action.READ})
# What is asked when a patch is there, so that people can be asked about it; and what is asked before.
_REVIEWABLE = frozenset(
    {Action.EDIT, Action.ADD_DEPENDENCY, Action.CHANGE_CI, Action.CHANGE_PUBLIC_API, Action.DELIVER}
)
_ASKED = _REVIEWABLE | {Action.REQUEST, Action.RUN, Action.READ, Action.USE_NETWORK}
_ABOUT_PATHS = _ABOUT_FILES | {Action.USE_NETWORK}
# Who is asked where a gate names nobody (``gates.verdict.DEFAULT_NEEDS``): naming somebody else must not drop them.
GATE_DEFAULT = (ApprovalRequirement(role="role:senior"),)


def _glob(text: str) -> str:
    if len(text) > _LONGEST or text.count("*") - text.count("**") > _MAX_STARS:
        raise ValueError(f"glob {text[:40]!r}… is too long or has more than {_MAX_STARS} stars")
    compile_glob(text)
    patterns(text, Effect.DENY)
    return text


def _names(actions: Iterable[Action]) -> str:
    return ", ".join(sorted(actions))


def _needs(text: object) -> object:
    if not isinstance(text, str):
        raise ValueError(f"write the need as text, such as {NEED_FORM!r}")  # noqa: TRY004 - pydantic catches this one
    return parse_requirements(text)


Glob = Annotated[str, AfterValidator(_glob)]
RequirementsText = Annotated[tuple[ApprovalRequirement, ...], BeforeValidator(_needs)]
Whole = Annotated[int, Field(ge=1)]


class StricterEffect(StrEnum):
    """What a repository's own rule can do: there is no ``allow``."""

    REVIEW = "review"
    DENY = "deny"


class Floor(StrEnum):
    """What a repository can have a gate's findings do at least."""

    REVIEW = "review"
    DENY = "deny"


class RepoRule(Value):
    """``[[rule]]``: nobody edits (or does ``action`` to) these paths, or not without ``need``."""

    paths: tuple[Glob, ...] = Field(default=(), max_length=_MAX_PATHS)
    effect: StricterEffect
    need: RequirementsText = ()
    action: Action = Action.EDIT
    why: str = Field(default="", max_length=_LONGEST)

    @model_validator(mode="after")
    def _is_whole(self) -> "RepoRule":
        if (self.effect is StricterEffect.REVIEW) is not bool(self.need):
            raise ValueError(
                f"a review needs who must agree: add need = {NEED_FORM!r}"
                if not self.need
                else 'only a review has a need: remove it, or write effect = "review"'
            )
        if self.action not in _ASKED:
            raise ValueError(f"{self.action} is not asked about a repository's tasks: write one of {_names(_ASKED)}")
        if self.effect is StricterEffect.REVIEW and self.action not in _REVIEWABLE:
            raise ValueError(f"{self.action} comes before there is a patch to review: deny it, or review the edit")
        if self.action in _ABOUT_FILES and not self.paths:
            raise ValueError('paths is missing: write paths = ["billing/**"]')
        if self.action not in _ABOUT_PATHS and self.paths:
            raise ValueError(f"{self.action} is asked about no file: remove paths")
        return self


class RepoGate(Value):
    """``[gate.NAME]``: what the gate's findings do at least, and who else must look at them."""

    at_least: Floor
    need: RequirementsText = ()


class RepoLimits(Value):
    """``[limits]``: bounds for work in this repository. A higher value than the installation's changes nothing."""

    run_seconds: Whole | None = None
    run_attempts: Whole | None = None
    command_seconds: Whole | None = None
    sandbox_memory: Whole | None = None
    sandbox_cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    sandbox_processes: Whole | None = None
    sandbox_disk: Whole | None = None
    agent_turns: Whole | None = None
    agent_tokens: Whole | None = None
    agent_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    agent_retries_after_block: Annotated[int, Field(ge=0)] | None = None


class _File(Value):
    rule: tuple[RepoRule, ...] = Field(default=(), max_length=_MAX_RULES)
    hidden: tuple[Glob, ...] = Field(default=(), max_length=_MAX_HIDDEN)
    gate: dict[GateName, RepoGate] = Field(default_factory=dict)
    limits: RepoLimits = RepoLimits()


@dataclass(frozen=True)
class RepoPolicy:
    """A repository's own policy. ``lines`` are where its rules stand, in their order."""

    rules: tuple[RepoRule, ...] = ()
    lines: tuple[int, ...] = ()
    hidden: tuple[str, ...] = ()
    gates: Mapping[str, RepoGate] = field(default_factory=dict)
    limits: RepoLimits = field(default_factory=RepoLimits)


@dataclass(frozen=True)
class RepositoryRule(Rule):
    """A rule of a repository's own: it speaks of everybody who asks for work there."""

    why: str = ""

    @cached_property
    def ref(self) -> RuleRef:
        """How decisions name this rule: with its file."""
        need = f", need {requirements_text(self.needs)}" if self.needs else ""
        why = f" ({self.why})" if self.why else ""
        text = f"{self.effect} {self.action} {self.path}{need}{why}"
        return RuleRef(id=self.id, effect=self.effect, line=self.line, text=text, file=REPO_POLICY_FILE)


def parse_repo_policy(content: bytes) -> RepoPolicy:
    """The policy that a repository's own file says; ``BadPolicy`` with the line and what to write."""
    if len(content) > MAX_BYTES:
        raise _refused(0, f"it has more than {MAX_BYTES:,} bytes", "shorten it")
    text, problems = decode(REPO_POLICY_FILE, content)
    if problems:
        raise _refused(problems[0].line, problems[0].message, problems[0].fix)
    table = _table(text)
    try:
        file = _File.model_validate_json(json.dumps(table), strict=True)
    except ValidationError as error:
        raise _unusable(text, error) from None
    gates = {name.value: gate for name, gate in file.gate.items()}
    lines = tuple(line_of(text, ["rule", number]) for number in range(len(file.rule)))
    return RepoPolicy(file.rule, lines, file.hidden, gates, file.limits)


def repo_rules(own: RepoPolicy, repo: str, after: int = 0) -> tuple[RepositoryRule, ...]:
    """The rules for the engine: one for each path, called ``own-1`` and so on, ``after`` as many as there are."""
    return tuple(
        _rule(f"own-{number}", repo, rule, line, path)
        for number, (rule, line, path) in enumerate(_each_path(own), start=after + 1)
    )


def tightened_repo(own: RepoPolicy, repo: RepoConfig) -> RepoConfig:
    """The repository with more of it hidden."""
    return repo.model_copy(update={"hidden": tuple(dict.fromkeys((*repo.hidden, *own.hidden)))})


def repo_gates(own: RepoPolicy, gates: Mapping[str, GateLevel]) -> dict[str, GateLevel]:
    """The gates with their floors raised. What a gate does at most is never less than what it does at least."""
    raised = dict(gates)
    for name, floor in own.gates.items():
        found = raised.get(name, GateLevel(level=Severity.DENY))
        at_least = _stricter(found.at_least, Severity(floor.at_least.value))
        raised[name] = GateLevel(
            level=_stricter(found.level, at_least),
            at_least=at_least,
            needs=merge_requirements((*(found.needs or GATE_DEFAULT), *floor.need)),
        )
    return raised


def repo_limits(own: RepoPolicy, limits: Limits) -> Limits:
    """The limits, each at most what the repository says."""
    return limits.model_copy(update=_lowered(own, limits))


def repo_budget(own: RepoPolicy, budget: Budget) -> Budget:
    """A budget class, each of its bounds at most what the repository says."""
    return budget.model_copy(update=_lowered(own, budget))


def _lowered(own: RepoPolicy, bounds: Limits | Budget) -> dict[str, int | float]:
    said: dict[str, int | float] = own.limits.model_dump(exclude_none=True)
    has: dict[str, int | float | None] = {name: getattr(bounds, name, None) for name in said}
    return {name: min(value, current) for name, value in said.items() if (current := has[name]) is not None}


def _stricter(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=_STRICTER.index)


def _each_path(own: RepoPolicy) -> Iterator[tuple[RepoRule, int, str]]:
    for rule, line in zip(own.rules, own.lines, strict=True):
        for path in rule.paths or ("**",):
            yield rule, line, path


def _rule(name: str, repo: str, rule: RepoRule, line: int, path: str) -> RepositoryRule:
    effect = Effect(rule.effect.value)
    exact, folded = patterns(path, effect)
    return RepositoryRule(
        id=name,
        line=line,
        fields=(),
        subject="*",
        repo=repo,
        action=rule.action,
        path=path,
        effect=effect,
        needs=rule.need,
        exact=exact,
        folded=folded,
        why=rule.why,
    )


def _table(text: str) -> dict[str, JsonValue]:
    try:
        table: dict[str, JsonValue] = json.loads(json.dumps(tomllib.loads(text), allow_nan=False))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at.group(1)) if at else text.count("\n") + 1
        raise _refused(line, f"this is not TOML: {error}", "correct the syntax") from None
    except (TypeError, ValueError, RecursionError):
        why = "it holds a date, a monstrous number or a monstrous nesting"
        raise _refused(0, why, "write text, numbers and lists") from None
    return table


def _unusable(text: str, error: ValidationError) -> BadPolicy:
    # A word that is not there says more than another one that is missing.
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    # A tuple of keys as TOML writes them; a position within a list is no line of its own, but for rules.
    loc = [key for key in first["loc"] if key != "[key]"]
    where = [key for place, key in enumerate(loc) if isinstance(key, str) or place == 1]
    where = where[: -1 if first["type"] == "missing" else None]
    name = ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc) or "the file"
    message = first["msg"].removeprefix("Value error, ")
    fix = "see docs/policy-tools.md for what it may hold"
    if first["type"] == "extra_forbidden":
        message = "no such key"
        fix = "a repository's own policy has rule, hidden, gate and limits, and can only tighten"
    elif first["type"] == "missing":
        fix = "add it"
    elif name.endswith("effect"):
        fix = "a repository's own policy can't allow anything: write review or deny"
    return _refused(line_of(text, where), f"{name}: {message[:1].lower()}{message[1:]}", fix)


def _refused(line: int, why: str, todo: str) -> BadPolicy:
    place = f"{REPO_POLICY_FILE}:{line}" if line else REPO_POLICY_FILE
    return BadPolicy(f"the repository's own policy {place} can't be used", why, todo)


def is_repo_rule_id(rule: str) -> bool:
    """Whether rules of this id come from repositories: the bundle's own may not be called so."""
    return bool(REPO_RULE_ID.match(rule))
