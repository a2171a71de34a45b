"""A new section of ``repos.toml``: what stands there stays byte for byte, and nothing unsound is ever in force."""

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from pydantic import JsonValue
from tomlkit.items import AoT, Array, Table

from deputy.adapters.policies import read_folder
from deputy.domain.errors import BadPolicy, Stale
from deputy.domain.policy.config import RepoConfig
from deputy.policy import Bundle, lint, load

REPOS = "repos.toml"
_WIDE = 100  # a longer list is written one entry a line


def section_of(repo: RepoConfig, commit: str) -> str:
    """The repository's tables as text; what is as it would be anyway is left out."""
    document, outer = tomlkit.document(), tomlkit.table(is_super_table=True)
    document.add(
        tomlkit.comment(f"What `deputy repo add` read from commit {commit[:12]}; docs/environments.md says more.")
    )
    outer.add(repo.name, _table(repo.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)))
    document.add("repo", outer)
    return tomlkit.dumps(document)


def _table(values: dict[str, JsonValue]) -> Table:
    """Plain values first, then tables: after a table's header TOML knows no way back."""
    table = tomlkit.table()
    for key, value in sorted(values.items(), key=lambda pair: _is_table(pair[1])):
        if isinstance(value, dict):
            table.add(key, _table(value))
        elif isinstance(value, list):
            table.add(key, _tables(value) if _is_table(value) else _array(value))
        else:
            table.add(key, value)
    return table


def _is_table(value: JsonValue) -> int:
    if isinstance(value, dict):
        return 1
    return 2 if isinstance(value, list) and any(isinstance(each, dict) for each in value) else 0


def _tables(values: list[JsonValue]) -> AoT:
    return tomlkit.aot() if not values else _filled(values)


def _filled(values: list[JsonValue]) -> AoT:
    tables = tomlkit.aot()
    for value in values:
        if isinstance(value, dict):
            tables.append(_table(value))
    return tables


def _array(values: list[JsonValue]) -> Array:
    array = tomlkit.array()
    array.extend(values)
    is_long = any(isinstance(value, list) for value in values) or len(array.as_string()) > _WIDE
    return array.multiline(is_long and len(values) > 1)


@dataclass(frozen=True)
class Addition:
    """A section, the file that it goes to the end of, and the bundle around it as it was read."""

    path: Path
    section: str
    files: dict[str, bytes]

    @classmethod
    def to(cls, folder: Path, section: str) -> "Addition":
        """The section for the bundle in this folder."""
        return cls(folder / REPOS, section, read_folder(folder))

    @property
    def content(self) -> bytes:
        """The whole new file."""
        before = self.files.get(REPOS, b"")
        end = b"\r\n" if b"\r\n" in before else b"\n"
        gap = b"" if not before else (end if before.endswith(b"\n") else end + end)
        return before + gap + self.section.encode().replace(b"\n", end)

    def checked(self) -> Bundle:
        """The whole bundle with the section, or ``BadPolicy`` with what the lint says."""
        try:
            return load({**self.files, REPOS: self.content})
        except BadPolicy as error:
            raise BadPolicy(
                "the repository can't be added", error.why, "nothing was written: correct it, then try again"
            ) from None

    def doubts(self, after: Bundle) -> tuple[str, ...]:
        """The lint's warnings that were not there before; one that is said of many lines is said once."""
        before = {(problem.file, problem.message) for problem in lint(self.files)}
        new = [problem for problem in after.warnings if (problem.file, problem.message) not in before]
        lines = Counter((problem.file, problem.message) for problem in new)
        first = {(problem.file, problem.message): problem for problem in reversed(new)}
        return tuple(f"{first[key]}{f' ({count} times)' if count > 1 else ''}" for key, count in lines.items())

    def write(self) -> None:
        """Put the new file in the old one's place, all at once; ``Stale`` when somebody changed it meanwhile."""
        path = self.path.resolve()
        if path.read_bytes() != self.files.get(REPOS, b""):
            raise Stale(f"{self.path} was changed meanwhile", "", "nothing was written: try again")
        # Bundles have no hidden files, so a running Deputy does not see this one.
        handle, name = tempfile.mkstemp(prefix=f".{REPOS}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as new:
                new.write(self.content)
                new.flush()
                os.fsync(new.fileno())
            Path(name).chmod(path.stat().st_mode & 0o7777)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
