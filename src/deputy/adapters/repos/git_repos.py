"""Implements ``ports.Repos`` with git. The work of each method is in the modules next to this one."""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

from cachetools import LRUCache, cachedmethod

from deputy.adapters.repos.command import GitCommand, GitFailed
from deputy.adapters.repos.mail import mail
from deputy.adapters.repos.mirrors import Mirrors
from deputy.adapters.repos.trees.changes import patch_text, readable_diff, tree_change
from deputy.adapters.repos.trees.checkouts import checkout
from deputy.adapters.repos.trees.imports import DEFAULT_CAPS, ImportCaps, import_delta
from deputy.adapters.repos.trees.trees import blobs, leaves, names_in, tree_id
from deputy.domain.changes.change import TreeChange
from deputy.domain.errors import BadInput, Unavailable
from deputy.ports import CommitText, RepoSource, Tree, TreeDelta

_REMEMBERED_BYTES = 256 * 1024**2
_FILE_OVERHEAD = 400
# About 100 bytes each.
_REMEMBERED_NAMES = 400_000


def _which(_repos: "GitRepos", _git: GitCommand, *which: object) -> tuple[object, ...]:
    return which


class GitRepos:
    """``Repos`` on bare mirrors under ``root/mirrors``. Safe for many threads and processes.

    ``fetch_seconds`` bounds a fetch, ``checkout_bytes`` the content of a
    checkout, ``caps`` an import.
    """

    def __init__(
        self,
        root: Path,
        *,
        caps: ImportCaps = DEFAULT_CAPS,
        checkout_bytes: int = 1024**3,
        fetch_seconds: float = 300,
    ) -> None:
        self._mirrors = Mirrors(root / "mirrors", fetch_seconds=fetch_seconds)
        self._caps = caps
        self._checkout_bytes = checkout_bytes
        self._checkouts: LRUCache[tuple[str, str, tuple[str, ...]], Tree] = LRUCache(_REMEMBERED_BYTES, _size)
        self._named: LRUCache[tuple[str, str], tuple[str, ...]] = LRUCache(_REMEMBERED_NAMES, len)
        self._lock = threading.Lock()

    def refresh(self, source: RepoSource) -> str:
        """Fetch into the cached mirror; returns the commit at the branch's tip."""
        return self._mirrors.refresh(source)

    def tip(self, repo: str) -> str:
        """The commit that was at the tip when it was last fetched; empty when it never was."""
        return self._mirrors.tip(repo)

    def checkout(self, repo: str, treeish: str, hidden: Sequence[str]) -> Tree:
        """The files of a commit or tree, without history and without hidden paths. The last ones are remembered."""
        with self._git(repo) as git:
            return self._checkout(git, repo, tree_id(git, treeish), tuple(hidden))

    def read(self, repo: str, treeish: str, path: str) -> bytes | None:
        """A file's bytes (a link's target), or None where there is no file."""
        with self._git(repo) as git:
            found = [
                entry for entry in leaves(git, treeish, path) if entry.name == path and entry.mode[:2] in {"10", "12"}
            ]
            return blobs(git, [found[0].blob])[found[0].blob] if found else None

    def blobs(self, repo: str, ids: Collection[str]) -> Mapping[str, bytes]:
        """The content of blobs by id, all in one go."""
        with self._git(repo) as git:
            return blobs(git, ids)

    def paths(self, repo: str, treeish: str) -> tuple[str, ...]:
        """Every path of a tree, in git's order."""
        with self._git(repo) as git:
            return self._names(git, repo, tree_id(git, treeish))

    def import_delta(self, repo: str, base: str, delta: TreeDelta) -> str:
        """Write the delta onto the base's tree; returns the new tree id."""
        with self._git(repo) as git:
            tree = tree_id(git, base)
            return import_delta(git, tree, self._names(git, repo, tree), delta, self._caps)

    def diff(self, repo: str, base: str, tree: str) -> TreeChange:
        """What differs between the base's tree and the tree."""
        with self._git(repo) as git:
            return tree_change(git, repo, base, tree)

    def show_diff(self, repo: str, base: str, tree: str, paths: Sequence[str] = ()) -> str:
        """The readable diff, always as text."""
        with self._git(repo) as git:
            return readable_diff(git, base, tree, paths)

    def patch(self, repo: str, base: str, tree: str, text: CommitText) -> bytes:
        """A mail-format patch that ``git am`` applies on the base. ``BadInput`` when nothing differs."""
        with self._git(repo) as git:
            changes = patch_text(git, base, tree)
            if not changes:
                raise BadInput("there is no patch to make", "nothing differs from the base", "ask for a change")
            return mail(text, changes, text.at or _commit_time(git, base))

    # The lock is not held while git runs, and a tree that is too large is not cached.
    @cachedmethod(attrgetter("_checkouts"), key=_which, lock=attrgetter("_lock"))
    def _checkout(self, git: GitCommand, repo: str, tree: str, hidden: tuple[str, ...]) -> Tree:  # noqa: ARG002
        return checkout(git, tree, hidden, self._checkout_bytes)

    @cachedmethod(attrgetter("_named"), key=_which, lock=attrgetter("_lock"))
    def _names(self, git: GitCommand, repo: str, tree: str) -> tuple[str, ...]:  # noqa: ARG002
        return names_in(git, tree)

    @contextmanager
    def _git(self, repo: str) -> Iterator[GitCommand]:
        try:
            yield self._mirrors.open(repo)
        except GitFailed as error:
            raise Unavailable(
                f"git failed on {repo}", error.words, "look at the mirror's disk and permissions, then try again"
            ) from error


def _size(tree: Tree) -> int:
    """About how much memory it takes, in bytes."""
    return sum(len(file.content) + _FILE_OVERHEAD for file in tree.values())


def _commit_time(git: GitCommand, base: str) -> datetime:
    if git.line("cat-file", "-t", base) != "commit":
        return datetime.fromtimestamp(0, UTC)
    return datetime.fromtimestamp(int(git.line("show", "--no-patch", "--format=%ct", base)), UTC)
