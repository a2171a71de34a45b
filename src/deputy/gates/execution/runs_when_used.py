"""Files whose code runs when a package is installed, tests are collected or Python merely starts."""

import json
import tomllib
from collections.abc import Iterator

from deputy.domain.changes.change import FileChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles

_PYTHON = (
    "**/setup.py", "**/conftest.py", "**/sitecustomize.py", "**/usercustomize.py", "**/*.pth", "**/noxfile.py",
    "**/tasks.py", "**/fabfile.py", "**/hatch_build.py", "**/_build_backend.py",
)  # fmt: skip
_NODE = (
    "**/.yarnrc.yml", "**/.yarn/plugins/**", "**/.yarn/releases/**", "**/.pnpmfile.cjs", "**/*.config.js",
    "**/*.config.ts", "**/*.config.mjs", "**/*.config.cjs", "**/gulpfile.*", "**/gruntfile.*",
)  # fmt: skip
_FIX = "move the change into code that is called on purpose, or say in the request why it must be here"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask for review of code that runs on installing, testing or starting, and of what names such code."""
    for file in case.written:
        if resembles((*_PYTHON, *_NODE), file.path):
            message = "Code in this file runs on installing, testing or starting"
            yield found("runs-when-used/file", Severity.REVIEW, message, file.path, fix=_FIX)
        elif resembles(("**/package.json",), file.path):
            yield from _package_scripts(case, file)
        elif resembles(("**/pyproject.toml",), file.path):
            yield from _build_tables(case, file)


def _package_scripts(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    before, after = (_scripts(text) for text in case.texts(file))
    for name in sorted(set(before) | set(after)):
        if before.get(name) != after.get(name) and name in after:
            yield found("runs-when-used/script", Severity.REVIEW, f"Package script {name} changes", file.path, fix=_FIX)


def _scripts(text: str) -> dict[str, object]:
    package = json.loads(text) if text.strip() else {}
    named = {f"scripts.{name}": command for name, command in package.get("scripts", {}).items()}
    return named | {key: package[key] for key in ("bin", "husky", "lint-staged", "simple-git-hooks") if key in package}


def _build_tables(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    before, after = (_tables(text) for text in case.texts(file))
    for name in sorted(after):
        if before.get(name) != after[name]:
            yield found("runs-when-used/build", Severity.REVIEW, f"Table {name} changes", file.path, fix=_FIX)


def _tables(text: str) -> dict[str, object]:
    """The parts of pyproject.toml that name code to run at build, install or start."""
    document = tomllib.loads(text)
    project, tool = document.get("project", {}), document.get("tool", {})
    parts = {
        "build-system": document.get("build-system"),
        "project.scripts": project.get("scripts"),
        "project.entry-points": project.get("entry-points"),
        "tool.hatch.build.hooks": tool.get("hatch", {}).get("build", {}).get("hooks"),
        "tool.setuptools.cmdclass": tool.get("setuptools", {}).get("cmdclass"),
        "tool.poe": tool.get("poe"),
        "tool.taskipy": tool.get("taskipy"),
    }
    return {name: table for name, table in parts.items() if table is not None}
