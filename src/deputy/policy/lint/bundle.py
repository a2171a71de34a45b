"""What is wrong in a bundle as a whole: each file by itself, then what they say of each other."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deputy.domain.policy.config import Budget, Condition, GateLevel, Limits, Price, Recipe, RepoConfig
from deputy.policy.core.csv_rules import Lines, read_lines
from deputy.policy.core.engine import RuleEngine
from deputy.policy.files.model import check_model
from deputy.policy.files.problems import Doubt, Problem, doubtful
from deputy.policy.files.refusals_table import RefusalsFile, read_refusals
from deputy.policy.files.tables import (
    Entries,
    read_budgets,
    read_conditions,
    read_gates,
    read_limits,
    read_prices,
    read_recipes,
    read_repos,
)
from deputy.policy.lint.conditions import lint_conditions
from deputy.policy.lint.people import has_circles, lint_needs, lint_people
from deputy.policy.lint.recipes import lint_recipes
from deputy.policy.lint.refusals import lint_refusals
from deputy.policy.lint.repos import lint_repos
from deputy.policy.lint.rules import lint_rules

REQUIRED = ("model.conf", "policy.csv", "repos.toml")
OPTIONAL = ("conditions.toml", "gates.toml", "recipes.toml", "limits.toml", "prices.toml", "refusals.toml")
_POLICY_SUFFIXES = (".toml", ".csv", ".conf")


@dataclass(frozen=True)
class Parsed:
    """The files of a bundle as far as they could be read."""

    lines: Lines
    repos: Entries[RepoConfig]
    recipes: Entries[Recipe]
    gates: Entries[GateLevel]
    limits: Entries[Limits]
    budgets: Entries[Budget]
    conditions: Entries[Condition]
    prices: Entries[Price]
    refusals: RefusalsFile


def parse(files: Mapping[str, bytes]) -> Parsed:
    """Read every file; one that is missing reads as empty, which the lint reports where it matters."""
    return Parsed(
        lines=read_lines(files.get("policy.csv", b"")),
        repos=read_repos(files.get("repos.toml", b"")),
        recipes=read_recipes(files.get("recipes.toml", b"")),
        gates=read_gates(files.get("gates.toml", b"")),
        limits=read_limits(files.get("limits.toml", b"")),
        budgets=read_budgets(files.get("limits.toml", b"")),
        conditions=read_conditions(files.get("conditions.toml", b"")),
        prices=read_prices(files.get("prices.toml", b"")),
        refusals=read_refusals(files.get("refusals.toml", b"")),
    )


def lint_parsed(files: Mapping[str, bytes], parsed: Parsed) -> tuple[Problem, ...]:
    """Every problem of a parsed bundle, sorted by file and line."""
    problems = {
        *_names(files),
        *check_model(files.get("model.conf", b"")),
        *parsed.lines.problems,
        *(problem for entries in _tables(parsed) for problem in entries),
        *lint_repos(parsed.repos, parsed.lines),
        *lint_people(parsed.lines),
        *_asked(parsed),
        *lint_conditions(parsed.conditions, parsed.budgets, parsed.lines),
        *lint_recipes(parsed.recipes),
        *parsed.refusals.problems,
        *lint_refusals(parsed.refusals),
    }
    return tuple(sorted(problems))


def _asked(parsed: Parsed) -> Iterator[Problem]:
    """What shows only when the rules are asked, which they can't be while roles go in circles."""
    if has_circles(parsed.lines.grants):
        return
    repos = tuple(parsed.repos.values)
    engine = RuleEngine(parsed.lines.rules, parsed.lines.grants, repos)
    yield from lint_needs(parsed.lines, parsed.gates, engine, repos)
    yield from lint_rules(parsed.lines.rules, engine, repos)


def _tables(parsed: Parsed) -> Iterator[tuple[Problem, ...]]:
    yield from (parsed.repos.problems, parsed.recipes.problems, parsed.gates.problems)
    yield from (parsed.limits.problems, parsed.budgets.problems, parsed.conditions.problems, parsed.prices.problems)


def _names(files: Mapping[str, bytes]) -> Iterator[Problem]:
    for name in REQUIRED:
        if name not in files:
            yield Problem(name, 0, "the file is missing", f"add {name} to the policies folder: see docs/policy.md")
    for name in files:
        if name in REQUIRED or name in OPTIONAL or re.fullmatch(r"tests/[^/]+\.(?:yaml|yml|toml)", name):
            continue
        # A misspelt gates.toml would silently leave every gate at its default.
        if "/" not in name and name.endswith(_POLICY_SUFFIXES):
            yield Problem(name, 0, "no such policy file", f"the files are {', '.join((*REQUIRED, *OPTIONAL))}")
        else:
            yield doubtful(Doubt.STRAY_FILE, name, 0, "this file has no meaning here", "move it elsewhere")
