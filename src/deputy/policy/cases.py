"""Policy tests: what the bundle must answer, written down beside it in ``tests/*.toml``."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field, ValidationError, field_validator

from deputy.domain.errors import BadPolicy
from deputy.domain.values import Action, Decision, Effect, Value
from deputy.policy.bundle import Bundle
from deputy.policy.needs import merge_needs, parse_needs, say_needs
from deputy.policy.problems import decode, line_of, refuse


class Case(Value):
    """One expectation. ``rule`` must be among the deciding rules; ``need`` is the whole review requirement."""

    who: str
    repo: str
    act: Action
    path: str = ""
    expect: Effect
    rule: str = ""
    need: str = ""

    @field_validator("need")
    @classmethod
    def _is_a_need(cls, text: str) -> str:
        if text:
            parse_needs(text)
        return text


class _CaseFile(Value):
    case: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True)
class CaseResult:
    """How a case came out. ``failure`` is empty when the policy answered as expected; ``number`` counts from 1."""

    file: str
    number: int
    case: Case
    decision: Decision
    failure: str

    @property
    def passed(self) -> bool:
        """Whether the policy answered as expected."""
        return not self.failure


def run_cases(bundle: Bundle, files: Mapping[str, bytes]) -> tuple[CaseResult, ...]:
    """Ask the bundle every case of ``tests/*.toml`` in ``files``; ``BadPolicy`` when one of them can't be read."""
    names = sorted(name for name in files if name.startswith("tests/") and name.endswith(".toml"))
    return tuple(_ask(bundle, name, *numbered) for name in names for numbered in enumerate(_read(name, files[name]), 1))


def _read(name: str, content: bytes) -> tuple[Case, ...]:
    text, problems = decode(name, content)
    refuse(problems)
    try:
        table = tomllib.loads(text)
        return _CaseFile.model_validate_json(json.dumps(table, default=str), strict=True).case
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"the policy cases of {name} are not TOML", str(error), "correct the syntax") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        line = line_of(text, [part for part in first["loc"] if isinstance(part, str)])
        raise BadPolicy(
            f"the policy cases of {name}:{line} can't be read",
            f"{place}: {first['msg']}",
            "write cases as docs/policy.md shows",
        ) from error


def _ask(bundle: Bundle, file: str, number: int, case: Case) -> CaseResult:
    decision = bundle.decide(case.who, case.repo, case.act, (case.path,) if case.path else ())
    return CaseResult(file, number, case, decision, "; ".join(_differences(case, decision)))


def _differences(case: Case, decision: Decision) -> Iterator[str]:
    if decision.effect is not case.expect:
        yield f"expected {case.expect}, got {decision.effect} because {decision.reason}"
    deciding = [rule.id for rule in decision.rules]
    if case.rule and case.rule not in deciding:
        yield f"expected rule {case.rule} to decide, but {', '.join(deciding) or 'no rule'} did"
    if case.need and merge_needs(parse_needs(case.need)) != decision.needs:
        yield f"expected the need {case.need}, got {say_needs(decision.needs) or 'none'}"
