"""What is imported is declared, and what is declared is used."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("src/deputy", "src/deputy_playground")
DECLARED = {
    re.split(r"[^A-Za-z0-9._-]", text)[0].lower()
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
}
# Needed, but never imported by name.
BY_NAME_ONLY = {
    "psycopg": "SQLAlchemy loads it by the name in the database's URL",
    "tzdata": "zoneinfo reads it where the system has no time zones",
    "kingfisher-bin": "a program, run as one",
    "zizmor": "a program, run as one",
}


def imported() -> set[str]:
    """The top-level packages that the sources import, without the standard library and ours."""
    names = set()
    for source in SOURCES:
        for path in (ROOT / source).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"deputy", "deputy_playground"}


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    known = packages_distributions()
    needed = {re.sub(r"[-_.]+", "-", known[name][0]).lower() for name in imported()}
    assert needed - DECLARED == set(), "imported, but not declared in pyproject.toml"
    assert DECLARED - needed - set(BY_NAME_ONLY) == set(), "declared in pyproject.toml, but never imported"
