"""docs/policy.md speaks of everything that can be written, and what it shows can be loaded."""

import re
from pathlib import Path

import pytest

from deputy.domain.policy.config import (
    RECIPE,
    STANDARD,
    Budget,
    Check,
    Condition,
    Counter,
    CounterOf,
    CounterPer,
    Environment,
    GateLevel,
    Limits,
    Price,
    Recipe,
    RepoConfig,
    SandboxSize,
    Weekday,
)
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.review.gates import GateName
from deputy.domain.tasks.request import TaskKind
from deputy.policy import Level, lint, load, run_cases

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "policy.md").read_text()
STARTER = {
    path.relative_to(ROOT / "policies").as_posix(): path.read_bytes()
    for path in (ROOT / "policies").rglob("*")
    if path.is_file()
}
MODELS = (Check, RepoConfig, Environment, SandboxSize, Recipe, Limits, Price, Condition, Counter, Budget)
FIELDS = {field for model in MODELS for field in model.model_fields}
WORDS = {
    *Weekday,
    *CounterOf,
    *CounterPer,
    STANDARD,
    RECIPE,
    "not:",
    "need",
    "when",
    "id",
    "subject",
    "action",
    "effect",
}


@pytest.mark.parametrize(
    "word",
    sorted(
        {
            *Action,
            *Effect,
            *GateName,
            *TaskKind,
            *FIELDS,
            *WORDS,
            *(GateLevel.model_fields.keys() - {"needs"}),
            *STARTER,
        }
    ),
)
def test_every_word_is_documented(word: str) -> None:
    assert f"`{word}`" in TEXT or (word.startswith("tests/") and "`tests/*.yaml`" in TEXT)


@pytest.mark.parametrize("field", Limits.model_fields)
def test_the_defaults_are_right(field: str) -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{field}` |"))
    assert re.search(rf"\| {re.escape(str(Limits.model_fields[field].default))}(?: \(.*\))? \|$", row)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_examples_load() -> None:
    lines = "\n".join(block for block in blocks("csv") if "subject" not in block)
    csv = STARTER["policy.csv"].decode() + lines
    tables = {
        key: "\n".join(block for block in blocks("toml") if f"[{key}." in block)
        for key in ("repo", "gate", "recipe", "price", "condition", "budget")
    }
    files = {
        **STARTER,
        "policy.csv": csv.encode(),
        **{f"{key}s.toml": tables[key].encode() for key in ("gate", "recipe", "price")},
        "conditions.toml": STARTER["conditions.toml"] + tables["condition"].encode(),
        "limits.toml": STARTER["limits.toml"] + tables["budget"].encode(),
    }
    assert all(tables.values())
    assert [str(problem) for problem in lint(files) if problem.severity is Level.ERROR] == []
    cases = {"tests/docs.yaml": blocks("yaml")[0].encode()}
    assert all(result.passed for result in run_cases(load(files), cases))
    site = STARTER["repos.toml"].decode().partition('[repo."acme/site"]')
    load({**STARTER, "repos.toml": (tables["repo"] + site[1] + site[2]).encode()})
