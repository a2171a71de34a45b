"""``refusals.toml``: ``[model]``, ``[defence]`` and ``[refusal.name]`` tables, read as strictly as the other files."""

from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from deputy.domain.policy.refusals import Defence, ModelCheck, RefusalRule, Refusals
from deputy.policy.files.problems import Problem, line_of
from deputy.policy.files.tables import Table, _named, _parse, _table, _value

FILE = "refusals.toml"
_ROOTS = ("model", "defence", "refusal")


@dataclass(frozen=True)
class RefusalsFile:
    """The rules of the file, and what is wrong with it. ``text`` is for finding lines."""

    text: str
    rules: Refusals
    problems: tuple[Problem, ...]

    def problem(self, message: str, fix: str, *keys: str) -> Problem:
        """A problem at the line where the keys stand."""
        return Problem(FILE, line_of(self.text, keys), message, fix)


def read_refusals(content: bytes) -> RefusalsFile:
    """Every rule of the file; a flawed one is left out and reported."""
    text, table, problems = _parse(FILE, content)
    found = list(problems)
    found += [
        Problem(FILE, line_of(text, [key]), f"unknown key {key!r}", "the tables are [model], [defence], [refusal.name]")
        for key in table
        if key not in _ROOTS
    ]
    model, wrong = _value(FILE, text, ("model",), ModelCheck, partial(_table, "model", table.get("model", {})))
    found += wrong
    shared, wrong = _value(FILE, text, ("defence",), Defence, partial(_table, "defence", table.get("defence", {})))
    found += wrong
    rules = []
    for name, entry in _entries(table, text, found).items():
        rule, wrong = _value(FILE, text, ("refusal", name), RefusalRule, partial(_named, name, entry))
        found += wrong
        rules += [rule] if rule else []
    refusals = Refusals(rules=tuple(rules), defence=shared or Defence(), model=model or ModelCheck())
    return RefusalsFile(text, refusals, tuple(found))


def _entries(table: Table, text: str, found: list[Problem]) -> dict[str, JsonValue]:
    entries = table.get("refusal", {})
    if isinstance(entries, dict):
        return entries
    found.append(Problem(FILE, line_of(text, ["refusal"]), "refusal is not a table", "write [refusal.name]"))
    return {}
