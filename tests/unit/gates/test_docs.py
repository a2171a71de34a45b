"""docs/gates.md names every gate, in their order, and every rule that a finding can carry, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from deputy.gates import GATES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "gates.md").read_text()
SOURCES = (*(ROOT / "src/deputy/gates").rglob("*.py"), ROOT / "src/deputy/flow/delivery/gate_evaluation.py")
_RULE = re.compile(rf"(?:{'|'.join([*GATES, 'gates'])})/[a-z*-]+|\*/[a-z-]+")


def rules_of(source: str) -> Iterator[str]:
    """The rule ids that a module's strings spell, ``*`` for each part that is put in at run time."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
            text = "".join(str(part) for part in parts)
        else:
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if _RULE.fullmatch(text):
            yield text


def test_every_gate_has_a_row_in_its_order() -> None:
    table = PAGE.partition("## Rules")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == [*GATES]


def test_every_rule_has_a_row_and_no_other() -> None:
    table = PAGE.partition("## Rules")[2].partition("\n## ")[0]
    said = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    spelled = {rule for path in SOURCES for rule in rules_of(path.read_text())}
    assert said == sorted(set(said))
    assert {rule for rule in spelled if not any(_meet(rule, row) for row in said)} == set()
    assert {row for row in said if not any(_meet(rule, row) for rule in spelled)} == set()


def _meet(rule: str, row: str) -> bool:
    """Whether a row speaks of a rule; either may stand for many."""
    return any(
        re.fullmatch(re.escape(one).replace(r"\*", "[a-z*-]+"), other) for one, other in [(rule, row), (row, rule)]
    )


def test_every_family_of_rules_says_its_members() -> None:
    # A row such as ``secrets/*`` stands for many: it must say which.
    for rule, says in re.findall(r"^\| `([^`]*\*[^`]*)` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE):
        assert rule.startswith("*/") or "`" in says, rule
