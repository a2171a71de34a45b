"""Policy tests: what the bundle must answer, written down beside it in ``tests/*.yaml`` (or ``*.toml``)."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import AliasChoices, Field, JsonValue, ValidationError, field_validator

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.domain.value import Value
from deputy.policy.bundle import Bundle
from deputy.policy.files.problems import decode, line_of, refuse
from deputy.policy.files.requirements import parse_requirements
from deputy.policy.files.yaml_text import YamlFlaw, read_yaml
from deputy.policy.supplied_facts import SuppliedFacts

CASE_FILE = re.compile(r"tests/[^/]+\.(?:yaml|yml|toml)\Z")
Keys = tuple[str | int, ...]


class Case(SuppliedFacts):
    """One expectation. ``rule`` must be among the deciding rules; ``need`` is the whole review requirement.

    ``why`` is for readers. The facts are what the question supposes; what a case doesn't give is not known.
    """

    who: str
    repo: str
    act: Action
    path: str = ""
    expect: Effect
    rule: str = ""
    need: str = ""
    why: str = ""

    @field_validator("need")
    @classmethod
    def _is_a_need(cls, text: str) -> str:
        if text:
            parse_requirements(text)
        return text


class _CaseFile(Value):
    case: tuple[Case, ...] = Field(min_length=1, validation_alias=AliasChoices("cases", "case"))


@dataclass(frozen=True)
class CaseResult:
    """How a case came out. ``failure`` is empty when the policy answered as expected; ``number`` counts from 1."""

    file: str
    number: int
    line: int
    case: Case
    decision: Decision
    failure: str

    @property
    def passed(self) -> bool:
        """Whether the policy answered as expected."""
        return not self.failure


@dataclass(frozen=True)
class _Table:
    """A file's content, and in which line (from 1) what stands under some keys."""

    value: JsonValue
    line: Callable[[Keys], int]


def run_cases(bundle: Bundle, files: Mapping[str, bytes]) -> tuple[CaseResult, ...]:
    """Ask the bundle every case of the ``tests`` folder; ``BadPolicy`` with file and line when one can't be read."""
    names = sorted(name for name in files if CASE_FILE.match(name))
    return tuple(_ask(bundle, name, *each) for name in names for each in _read(name, files[name]))


def _read(name: str, content: bytes) -> Iterator[tuple[int, int, Case]]:
    """Each case of a file with its number and line."""
    text, problems = decode(name, content)
    refuse(problems)
    table = _toml(name, text) if name.endswith(".toml") else _yaml(name, text)
    try:
        cases = _CaseFile.model_validate_json(json.dumps(table.value, default=str), strict=True).case
    except ValidationError as error:
        raise _unreadable(name, table, error) from error
    root = next(iter(table.value)) if isinstance(table.value, dict) else ""
    for number, case in enumerate(cases):
        yield number + 1, table.line((root, number)), case


def _toml(name: str, text: str) -> _Table:
    try:
        return _Table(tomllib.loads(text), lambda keys: line_of(text, keys))
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"the policy cases of {name} are not TOML", str(error), "correct the syntax") from error


def _yaml(name: str, text: str) -> _Table:
    try:
        value, lines = read_yaml(text)
    except YamlFlaw as flaw:
        raise BadPolicy(f"the policy cases of {name}:{flaw.line} can't be read", flaw.message, flaw.fix) from flaw
    return _Table(value, lambda keys: next(lines[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in lines))


def _unreadable(name: str, table: _Table, error: ValidationError) -> BadPolicy:
    # What is written wrongly says more than what is missing because of it.
    first = min(error.errors(), key=lambda each: each["type"] == "missing")
    where = first["loc"]
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in where) or "the file"
    why = f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    if first["type"] == "extra_forbidden":
        known = _CaseFile.model_fields if len(where) == 1 else Case.model_fields
        why = f"{place}: no such key; known are {', '.join('cases' if key == 'case' else key for key in known)}"
    todo = "write it in quotes" if first["type"] == "string_type" else "write cases as docs/policy.md shows"
    return BadPolicy(f"the policy cases of {name}:{table.line(where)} can't be read", why, todo)


def _ask(bundle: Bundle, file: str, number: int, line: int, case: Case) -> CaseResult:
    paths = (case.path,) if case.path else ()
    decision = bundle.decide(case.who, case.repo, case.act, paths, case.facts(paths))
    return CaseResult(file, number, line, case, decision, "; ".join(_differences(case, decision)))


def _differences(case: Case, decision: Decision) -> Iterator[str]:
    if decision.effect is not case.expect:
        yield f"expected {case.expect}, got {decision.effect} because {decision.reason}"
    deciding = [rule.id for rule in decision.rules]
    if case.rule and case.rule not in deciding:
        yield f"expected rule {case.rule} to decide, but {', '.join(deciding) or 'no rule'} did"
    if case.need and merge_requirements(parse_requirements(case.need)) != decision.needs:
        yield f"expected the need {case.need}, got {requirements_text(decision.needs) or 'none'}"
