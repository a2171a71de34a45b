"""Commands that people wrote down: notes for agents, Makefiles, build machines. They fill what else was not found."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deputy.domain.policy.config import Check
from deputy.environments.files import Files
from deputy.environments.proposal import Finding, Topic, check
from deputy.environments.workflows import scripts, services

_NOTES = ("AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", "CONTRIBUTING.rst", ".github/CONTRIBUTING.md")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_TARGETS = {
    "tests": ("test", "tests", "unittest", "unit-test", "unit", "check"),
    "lint": ("lint", "style"),
    "types": ("typecheck", "types", "mypy", "type-check"),
}
# What runs tests and says how many, what runs tests, what looks at style, what at types.
_COUNTED = re.compile(
    r"(?:python3? -m )?(?:pytest|py\.test|unittest)\b|(?:npx )?(?:jest|vitest)\b"
    r"|go test\b|cargo (?:test|nextest)\b|node --test\b"
)
_TESTED = re.compile(
    r"(?:make (?:test|check|unit)\w*|(?:bundle exec )?(?:rspec|rake test)|ctest|phpunit|(?:mix|dotnet) test)\b"
)
_TYPED = re.compile(r"(?:python3? -m )?(?:mypy|pyright|pyre)\b|(?:npx )?tsc\b|make (?:typecheck|types|mypy)\b")
_LINTED = re.compile(
    r"(?:python3? -m )?(?:ruff check|ruff \.|flake8|pylint)|(?:npx )?eslint\b"
    r"|golangci-lint\b|cargo clippy\b|make lint\b|shellcheck\b"
)
_KINDS = (("tests", _COUNTED), ("tests", _TESTED), ("types", _TYPED), ("lint", _LINTED))
_WRAPPERS = re.compile(
    r"^(?:\$ |uv run (?:--\S+ )*|poetry run |pdm run |pipenv run |hatch run |(?:\./)?\.?venv/bin/|time )+"
)
# No network, no other machine, and no shell: what needs one of these is nothing that a check can run.
_ELSEWHERE = re.compile(
    r"\b(?:docker|podman|tox|nox|sudo|curl|wget|pip3? install|npm (?:ci|i|install)|git clone|uv|poetry|brew)\b"
)
_SHELL = re.compile(r"[|&;<>$`{}*\"']")
_FENCE = re.compile(r"^(?:```|~~~)[^\n]*\n(.*?)^(?:```|~~~)", re.DOTALL | re.MULTILINE)
_APT = re.compile(r"\bapt(?:-get)? (?:-\S+ )*install ((?:[^\s;&|]+ ?)+)")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")


@dataclass(frozen=True)
class Written:
    """A command as it is written in a file; ``kind`` is that of a check."""

    kind: str
    run: tuple[str, ...]
    file: str
    is_counted: bool


def written_checks(files: Files, found: Iterable[Finding]) -> Iterator[Finding]:
    """Checks of the kinds that nothing else has shown: the first command of each that can run in a sandbox."""
    known = {each.check.name if each.check.kind == "other" else each.check.kind for each in found if each.check}
    for each in (*_notes(files), *_targets(files), *_machines(files)):
        if each.kind in known:
            continue
        known.add(each.kind)
        globs = tuple(glob for glob in ("tests/**", "test/**", "**/*_test.*", "**/test_*") if files.matching(glob))
        is_tests = each.kind == "tests" and each.is_counted and bool(globs)
        kind = "tests" if is_tests else "other" if each.kind == "tests" else each.kind
        why = f"{each.file} says so" + ("" if is_tests or kind != "other" else "; its tests can't be counted")
        yield check(Check(name=each.kind, kind=kind, run=each.run, tests=globs if is_tests else ()), why, each.file)
        if each.run[0] == "make":
            yield Finding(topic=Topic.PACKAGES, text="make", why=why, file=each.file)


def build_machine(files: Files) -> Iterator[Finding]:
    """Debian packages that a build machine installs, and services that a sandbox does not have."""
    for file, line in scripts(files):
        for words in _APT.findall(line):
            names = [word for word in words.split() if not word.startswith("-")]
            if all(_PACKAGE.fullmatch(name) for name in names):
                for name in names:
                    yield Finding(topic=Topic.PACKAGES, text=name, why=f"{file} installs it", file=file)
    for file, name in services(files):
        text = f"its build machine starts {name} beside the tests, which a sandbox does not have"
        yield Finding(topic=Topic.NOTE, text=text, why="services", file=file)


def _command(line: str, file: str) -> Written | None:
    bare = _WRAPPERS.sub("", " ".join(line.split()))
    if _SHELL.search(bare) or _ELSEWHERE.search(bare):
        return None
    kind = next((kind for kind, pattern in _KINDS if pattern.match(bare)), "")
    try:
        run = tuple(shlex.split(bare))
    except ValueError:  # half of a command, such as one that ends in a backslash
        return None
    return Written(kind, run, file, bool(_COUNTED.match(bare))) if kind else None


def _notes(files: Files) -> Iterator[Written]:
    for file in filter(files.has, _NOTES):
        for block in _FENCE.findall(files.text(file)):
            for line in block.replace("\\\n", " ").splitlines():
                command = _command(line.partition(" #")[0], file)
                if command:
                    yield command


def _targets(files: Files) -> Iterator[Written]:
    """Targets of a Makefile whose commands need nothing that a sandbox lacks."""
    file = files.first(*_MAKEFILES)
    for kind, names in _TARGETS.items() if file else ():
        for name in names:
            recipe = re.search(
                rf"^{name}[ \t]*:(?!=)[^\n]*\n((?:\t[^\n]*\n?|[ \t]*\n)+)", files.text(file), re.MULTILINE
            )
            lines = [line.strip().lstrip("@-+ ") for line in recipe[1].splitlines()] if recipe else []
            if lines and not any(_ELSEWHERE.search(line) for line in lines):
                is_counted = any(_COUNTED.search(line) for line in lines)
                yield Written(kind, ("make", name), file, is_counted)
                break


def _machines(files: Files) -> Iterator[Written]:
    for file, line in scripts(files):
        if command := _command(line, file):
            yield command
