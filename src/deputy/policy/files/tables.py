"""The bundle's TOML files as values: unknown keys, wrong types and impossible values are refused with their line."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from pydantic import JsonValue, ValidationError

from deputy.domain.policy.config import Budget, Condition, GateLevel, Limits, Price, Recipe, RepoConfig
from deputy.domain.review.gates import GateName
from deputy.domain.value import Value
from deputy.policy.files.problems import Problem, decode, line_of
from deputy.policy.files.requirements import NEED_FORM, parse_requirements

V = TypeVar("V", bound=Value)
Table = dict[str, JsonValue]
_LIMITS = "limits.toml"
_MAY_BE_ZERO = frozenset({"agent_retries_after_block", "flaky_retries", "warm_total", "warm_per_repo"})


@dataclass(frozen=True)
class Entries(Generic[V]):
    """The tables of one file by name, and what is wrong with it. ``text`` is for finding lines."""

    file: str
    text: str
    values: Mapping[str, V]
    problems: tuple[Problem, ...]

    def problem(self, message: str, fix: str, *keys: str | int) -> Problem:
        """A problem at the line where the keys stand."""
        return Problem(self.file, line_of(self.text, keys), message, fix)


def read_repos(content: bytes) -> Entries[RepoConfig]:
    """``repos.toml``: ``[repo."acme/shop"]``, fields as in ``RepoConfig``."""
    return _read("repos.toml", content, "repo", RepoConfig, _named)


def read_recipes(content: bytes) -> Entries[Recipe]:
    """``recipes.toml``: ``[recipe.fix-lint]``, fields as in ``Recipe``."""
    return _read("recipes.toml", content, "recipe", Recipe, _named)


def read_gates(content: bytes) -> Entries[GateLevel]:
    """``gates.toml``: ``[gate.secrets]`` with ``level`` and ``need`` (as in ``policy.csv``; a review must have one)."""
    return _read("gates.toml", content, "gate", GateLevel, _gate)


def read_prices(content: bytes) -> Entries[Price]:
    """``prices.toml``: ``[price."model-name"]`` with ``input`` and ``output``."""
    return _read("prices.toml", content, "price", Price, _price)


def read_conditions(content: bytes) -> Entries[Condition]:
    """``conditions.toml``: ``[condition.freeze]``, fields as in ``Condition``."""
    return _read("conditions.toml", content, "condition", Condition, _named)


def read_budgets(content: bytes) -> Entries[Budget]:
    """``limits.toml``: ``[budget.large]``, fields as in ``Budget``."""
    return _read(_LIMITS, content, "budget", Budget, _budget, beside=("limits",))


def read_limits(content: bytes) -> Entries[Limits]:
    """``limits.toml``: the fields of ``Limits`` under ``[limits]``; what is left out keeps its default."""
    text, table, problems = _parse(_LIMITS, content)
    problems += _strangers(_LIMITS, text, table, "limits", "budget")
    limits = table.get("limits", {})
    value, found = _value(_LIMITS, text, ("limits",), Limits, partial(_positive, "limits", limits))
    return Entries(_LIMITS, text, {} if value is None else {"limits": value}, (*problems, *found))


def _read(
    file: str,
    content: bytes,
    root: str,
    model: type[V],
    prepare: Callable[[str, JsonValue], JsonValue],
    beside: tuple[str, ...] = (),
) -> Entries[V]:
    text, table, problems = _parse(file, content)
    problems += _strangers(file, text, table, root, *beside)
    entries = table.get(root, {})
    if not isinstance(entries, dict):
        problems += (Problem(file, line_of(text, [root]), f"{root} is not a table", f"write [{root}.name]"),)
        entries = {}
    values: dict[str, V] = {}
    for name, entry in entries.items():
        value, found = _value(file, text, (root, name), model, partial(prepare, name, entry))
        problems += found
        if value is not None:
            values[name] = value
    return Entries(file, text, values, problems)


def _parse(file: str, content: bytes) -> tuple[str, Table, tuple[Problem, ...]]:
    text, problems = decode(file, content)
    try:
        table = tomllib.loads(text)
        # Dates are TOML, not JSON: no field of ours is one.
        return text, json.loads(json.dumps(table, allow_nan=False)), problems
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at.group(1)) if at else text.count("\n") + 1
        return text, {}, (*problems, Problem(file, line, f"this is not TOML: {error}", "correct the syntax"))
    except (TypeError, ValueError):
        message = "a date, inf or nan where text, a number or a list belongs"
        return text, {}, (*problems, Problem(file, 0, message, "put text in quotes"))


def _strangers(file: str, text: str, table: Table, *roots: str) -> tuple[Problem, ...]:
    below = " or ".join(f"[{root}…]" for root in sorted(roots, reverse=True))
    return tuple(
        Problem(file, line_of(text, [key]), f"unknown key {key!r}", f"everything in {file} stands under {below}")
        for key in table
        if key not in roots
    )


def _value(
    file: str, text: str, keys: tuple[str, ...], model: type[V], entry: Callable[[], JsonValue]
) -> tuple[V | None, tuple[Problem, ...]]:
    try:
        # Through JSON, where strict means no guessing of types, yet lists are tuples and words are enums.
        return model.model_validate_json(json.dumps(entry()), strict=True), ()
    except ValidationError as error:
        return None, tuple(
            Problem(
                file, line_of(text, [*keys, *found["loc"]]), *_say(found["type"], found["msg"], found["loc"], model)
            )
            for found in error.errors()
        )
    except ValueError as error:
        return None, (Problem(file, line_of(text, keys), str(error), ""),)


def _say(kind: str, message: str, where: tuple[str | int, ...], model: type[Value]) -> tuple[str, str]:
    name = ".".join(str(part) for part in where) or "this"
    if kind == "extra_forbidden":
        return (
            f"unknown key {name!r}",
            f"known keys are {', '.join(field for field in model.model_fields if field != 'name')}",
        )
    if kind == "missing":
        return f"{name} is missing", f"add {name} = …"
    return f"{name}: {message[:1].lower()}{message[1:]}", "see docs/policy.md for what each field holds"


def _named(name: str, entry: JsonValue) -> JsonValue:
    table = _table(name, entry)
    if "name" in table:
        raise ValueError(f"the name of {name!r} stands in the table's header: remove the key name")
    return {**table, "name": name}


def _gate(name: str, entry: JsonValue) -> JsonValue:
    table = _table(name, entry)
    need, level = table.pop("need", None), table.get("level")
    if name not in GateName.__members__.values():
        raise ValueError(f"no such gate as {name!r}: write one of {', '.join(GateName)}")
    if "needs" in table:
        raise ValueError(f"gate {name!r}: write need = {NEED_FORM!r}, as in policy.csv")
    if need is None and level == "review":
        raise ValueError(f"gate {name!r} asks for review of nobody: add need = {NEED_FORM!r}")
    if need is not None and level in {"advise", "note"}:
        raise ValueError(f"gate {name!r} only advises, so nobody would be asked: remove need, or set it to review")
    if need is not None and not isinstance(need, str):
        raise ValueError(f"gate {name!r}: need is text such as {NEED_FORM!r}")
    return {**table, "needs": [each.model_dump() for each in parse_requirements(need)] if need is not None else []}


def _price(name: str, entry: JsonValue) -> JsonValue:
    table = _table(name, entry)
    for key, amount in table.items():
        if isinstance(amount, int | float) and not (math.isfinite(amount) and amount >= 0):
            raise ValueError(f"price {name!r}: {key} = {amount} is not an amount of US dollars")
    return table


def _budget(name: str, entry: JsonValue) -> JsonValue:
    return _named(name, _positive(name, entry))


def _positive(name: str, entry: JsonValue) -> JsonValue:
    for key, amount in _table(name, entry).items():
        lowest = 0 if key in _MAY_BE_ZERO else 1e-6
        if isinstance(amount, int | float) and amount < lowest:
            raise ValueError(f"{key} = {amount} leaves nothing: write a positive number")
    return entry


def _table(name: str, entry: JsonValue) -> Table:
    if not isinstance(entry, dict):
        raise ValueError(f"{name!r} is not a table: write its fields as key = value below its header")  # noqa: TRY004
    return dict(entry)
