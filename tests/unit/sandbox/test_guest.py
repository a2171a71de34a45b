"""What runs inside a container needs nothing but the standard library of the oldest Python that an image may have."""

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from deputy.adapters.sandbox.environments.environments import IS_GOOD_PYTHON
from deputy.adapters.sandbox.host.guest_process import OLDEST_PYTHON, program
from deputy.adapters.sandbox.host.probing import program as probe_program

GUEST = "deputy.adapters.sandbox.guest"
FOLDER = Path(str(files(GUEST)))
MODULES = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*.py"))
# The standard library's modules that Python 3.10 does not have yet (docs.python.org, "What's New").
NEWER = {"tomllib", "compression", "annotationlib", "concurrent.interpreters"}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a module that is sent as text has no package to be relative to"
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_of_the_guest_suits_the_oldest_python(module: Path) -> None:
    tree = ast.parse((FOLDER / module).read_text("utf-8"), feature_version=OLDEST_PYTHON)
    for name in imported(tree):
        assert name.split(".")[0] in sys.stdlib_module_names - NEWER or name.startswith(f"{GUEST}."), name


def test_a_newer_syntax_would_be_found() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* OSError:\n    pass\n", feature_version=OLDEST_PYTHON)


def test_the_linter_looks_at_the_guest_with_the_oldest_python() -> None:
    settings = tomllib.loads((FOLDER / "ruff.toml").read_text("utf-8"))
    assert settings["target-version"] == "py{}{}".format(*OLDEST_PYTHON)
    assert str(OLDEST_PYTHON) in IS_GOOD_PYTHON[-1], "a Python that is older is not used as an image's own"


@pytest.mark.parametrize("sent", [program("builder_inside"), probe_program().encode()], ids=["process 1", "probe"])
def test_each_module_is_sent_after_those_that_it_imports(sent: bytes) -> None:
    seen: set[str] = set()
    for name, text in json.loads(sent).items():
        needed = {found for found in imported(ast.parse(text)) if found.startswith(GUEST)}
        assert needed <= seen | {f"{GUEST}.probes"}, name
        seen.add(name)
