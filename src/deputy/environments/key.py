"""The name of an environment's image: whatever it depends on, in one digest."""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from deputy.domain.changes.globs import compile_glob
from deputy.domain.policy.config import Environment
from deputy.domain.text.canonical_json import digest_of_json

# Part of every key: raise it when images are to be built in another way.
_FORM = 1
# What parts the words of a command that may be a line of shell.
_BETWEEN_WORDS = re.compile(r"[\s'\"`;|&()<>=:,]+")
# What setup depends on where nobody says it: lists of dependencies and their locks, wherever they are.
DEFAULT_INPUTS = (
    "**/pyproject.toml",
    "**/setup.py",
    "**/setup.cfg",
    "**/requirements*.txt",
    "**/requirements/*.txt",
    "**/*requirements.txt",
    "**/*requirements*.in",
    "**/constraints*.txt",
    "**/*.lock",
    "**/Pipfile",
    "**/package.json",
    "**/package-lock.json",
    "**/npm-shrinkwrap.json",
    "**/pnpm-lock.yaml",
    "**/pnpm-workspace.yaml",
    "**/bun.lockb",
    "**/.npmrc",
    "**/go.mod",
    "**/go.sum",
    "**/Cargo.toml",
    "**/Gemfile",
    "**/*.gemspec",
    "**/pom.xml",
    "**/build.gradle*",
    "**/gradle.properties",
    "**/composer.json",
    "**/mix.exs",
    "**/environment.yml",
    "**/.python-version",
    "**/.nvmrc",
    "**/.node-version",
    "**/.tool-versions",
)


def inputs_of(environment: Environment, files: Mapping[str, str]) -> dict[str, str]:
    """Of all files (path to blob id), those that the environment depends on. ``ValueError`` for a malformed glob.

    A file that a setup command names, such as a script, is one of them whatever ``inputs`` says.
    """
    patterns = [compile_glob(glob) for glob in environment.inputs or DEFAULT_INPUTS]
    named = {_path(part) for argv in environment.setup for word in argv for part in _BETWEEN_WORDS.split(word)}
    return {
        path: blob
        for path, blob in sorted(files.items())
        if path in named or any(pattern.match(path) for pattern in patterns)
    }


def _path(word: str) -> str:
    return word.removeprefix("/workspace/").removeprefix("./")


def key(environment: Environment, base_id: str, files: Mapping[str, str]) -> str:
    """What names the environment's image: 64 hexadecimal digits that change with anything that it depends on.

    That is all fields but ``timeout`` (and the names of secrets, never their values), the base image by content
    (``base_id``), and the blob ids of the files that setup reads. The order of mappings does not matter; that of setup
    commands, packages and paths does.
    """
    content: dict[str, JsonValue] = {
        "form": _FORM,
        "environment": environment.model_dump(mode="json", exclude={"timeout"}),
        "base": base_id,
        "files": dict[str, JsonValue](inputs_of(environment, files)),
    }
    return digest_of_json(content)
