"""Bare mirrors on disk, one per repository, fetched by one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deputy.adapters.repos.command import GitCommand, GitFailed
from deputy.domain.errors import BadInput, NotFound, Unavailable
from deputy.ports import RepoSource

_LONGEST_NAME = 200
_TIP = "refs/deputy/tip"


@dataclass(frozen=True)
class Mirrors:
    """The folder of mirrors. ``fetch_seconds`` bounds a fetch, ``command_seconds`` any other command."""

    folder: Path
    fetch_seconds: float = 300
    command_seconds: float = 120

    def open(self, repo: str) -> GitCommand:
        """Git on an existing mirror, or ``NotFound``."""
        path = self._path(repo)
        if not (path / "HEAD").is_file():
            raise NotFound(f"there is no mirror of {repo}", "it was never fetched here", "start the task again")
        return GitCommand(path, self.command_seconds)

    def refresh(self, source: RepoSource) -> str:
        """Fetch the branch; returns the commit at its tip. ``Unavailable`` when that isn't possible."""
        with self._lock(source.name):
            git = self._made(source.name)
            wanted = _reference(git, source)
            try:
                git.run(
                    "fetch", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc", "--force",
                    "--", source.url, f"+{wanted}:{_TIP}",
                    timeout=self.fetch_seconds,
                )  # fmt: skip
                commit = git.line("rev-parse", "--verify", f"{_TIP}^{{commit}}")
                # A branch may be rewritten; a task's base must outlive that.
                git.run("update-ref", f"refs/deputy/bases/{commit}", commit)
            except GitFailed as error:
                raise _unreachable(source, error) from error
            return commit

    def tip(self, repo: str) -> str:
        """The commit at the tip, as it was last fetched; empty when it never was."""
        try:
            return self.open(repo).line("rev-parse", "--verify", "--quiet", f"{_TIP}^{{commit}}")
        except (NotFound, GitFailed):
            return ""

    def _made(self, repo: str) -> GitCommand:
        path = self._path(repo)
        git = GitCommand(path, self.command_seconds)
        if not (path / "HEAD").is_file():
            git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=none", "--", str(path))
        return git

    def _path(self, repo: str) -> Path:
        name = quote(repo, safe="")
        if not repo or len(name) > _LONGEST_NAME:
            raise BadInput("the repository's name can't be used", f"it is {len(name)} characters long", "shorten it")
        return self.folder / f"{name}.git"

    @contextmanager
    def _lock(self, repo: str) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Each ``open`` is a lock owner of its own, so this holds between threads as between processes.
        with self._path(repo).with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _reference(git: GitCommand, source: RepoSource) -> str:
    if not source.branch:
        return "HEAD"
    reference = f"refs/heads/{source.branch}"
    try:
        git.run("check-ref-format", reference)
    except GitFailed as error:
        raise BadInput(
            f"the repository {source.name} can't be fetched",
            f"{source.branch!r} is no branch name",
            "correct `branch` in repos.toml",
        ) from error
    return reference


def _unreachable(source: RepoSource, error: GitFailed) -> Unavailable:
    return Unavailable(
        f"the repository {source.name} can't be fetched",
        error.words,
        "check `url` and `branch` in repos.toml and that this machine may read the repository, then ask again",
    )
