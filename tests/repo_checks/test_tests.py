"""How the tests are laid out, and what none of them may depend on."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODULES = sorted(TESTS.rglob("test_*.py"))
CLOCKS = {"monotonic", "perf_counter", "process_time", "time"}


def names(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=names)
def test_no_test_depends_on_how_fast_the_machine_is(path: Path) -> None:
    """Machines are shared. What hangs is found by the suite's timeout; how long a thing takes is for a benchmark."""
    found = [f"line {node.lineno}" for node in ast.walk(ast.parse(path.read_text())) if _is_timed(node)]
    assert found == []


def _is_timed(node: ast.AST) -> bool:
    """Whether this asserts that a difference of clock readings is below a bound."""
    if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
        return False
    compared = node.test
    left = ast.dump(compared.left)
    is_difference = isinstance(compared.left, ast.BinOp) and isinstance(compared.left.op, ast.Sub)
    reads_clock = any(f"'{clock}'" in left for clock in CLOCKS)
    return is_difference and reads_clock and isinstance(compared.ops[0], ast.Lt | ast.LtE)


def test_timed_asserts_are_seen() -> None:
    seen = [ast.parse(f"assert {text}").body[0] for text in ("time.monotonic() - a < 2", "perf_counter() - a <= 1")]
    unseen = [ast.parse(f"assert {text}").body[0] for text in ("time.monotonic() - a >= 1", "seen - a < 2")]
    assert [_is_timed(node) for node in (*seen, *unseen)] == [True, True, False, False]


def test_only_folders_and_the_conftest_stand_at_the_top() -> None:
    files = {path.name for path in TESTS.iterdir() if path.is_file()}
    assert files == {"__init__.py", "conftest.py"}


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=names)
def test_no_test_module_imports_another(path: Path) -> None:
    assert [name for name in _imports(path) if re.search(r"^tests\..*\btest_\w+$", name)] == []


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
