"""A git repository made of raw trees, and the mirrors that fetch it."""

import subprocess
from pathlib import Path

import pytest

from deputy.adapters.repos import GitRepos
from deputy.ports import RepoSource

SHOP = "acme/shop"


def git(folder: Path, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
    identity = ("-c", "user.name=Alice Marsh", "-c", "user.email=alice@example.com", "-c", "core.protectNTFS=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, input=stdin, capture_output=True, check=True, env=env
    )
    return done.stdout.decode(errors="surrogateescape").strip()


class Origin:
    """A repository made of raw trees, so that it can hold what no checkout would give."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main")

    def commit(self, *files: tuple[str, bytes, bytes]) -> str:
        """Commit exactly these (mode, path, content) entries; a gitlink's content is its commit id."""
        tree = self._tree([(mode, path.split(b"/"), content) for mode, path, content in files])
        commit = git(self.folder, "commit-tree", tree, "-m", "Tree")
        git(self.folder, "update-ref", "refs/heads/main", commit)
        return commit

    def _tree(self, files: list[tuple[str, list[bytes], bytes]]) -> str:
        lines: list[bytes] = []
        for mode, parts, content in files:
            if len(parts) > 1:
                continue
            if mode == "160000":
                lines.append(b"160000 commit %b\t%b" % (content, parts[0]))
            else:
                blob = git(self.folder, "hash-object", "-w", "--stdin", stdin=content)
                lines.append(b"%b blob %b\t%b" % (mode.encode(), blob.encode(), parts[0]))
        for name in sorted({parts[0] for _, parts, _ in files if len(parts) > 1}):
            below = [
                (mode, parts[1:], content) for mode, parts, content in files if len(parts) > 1 and parts[0] == name
            ]
            lines.append(b"040000 tree %b\t%b" % (self._tree(below).encode(), name))
        return git(self.folder, "mktree", "-z", "--missing", stdin=b"".join(line + b"\0" for line in lines))


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def repos(tmp_path: Path) -> GitRepos:
    return GitRepos(tmp_path / "home")


def fetch(repos: GitRepos, origin: Origin) -> str:
    return repos.refresh(RepoSource(SHOP, str(origin.folder)))
