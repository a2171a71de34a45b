"""Git repositories on the host, and files as git knows them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from deputy.domain.changes.change import TreeChange


@dataclass(frozen=True)
class RepoSource:
    """Where a repository comes from. ``url`` is anything that git can clone. An empty ``branch`` is the default one."""

    name: str
    url: str
    branch: str = ""


@dataclass(frozen=True)
class TreeFile:
    """A file of a result tree.

    ``mode`` is git's: ``100644``, ``100755`` or ``120000`` (a link: ``content`` is its target).
    """

    path: str
    mode: str
    content: bytes


@dataclass(frozen=True)
class StoredFile:
    """A file as git stores it: mode (as in ``TreeFile``), blob id, content."""

    mode: str
    blob: str
    content: bytes


# Files by path, as they go into a sandbox.
Tree = Mapping[str, StoredFile]


@dataclass(frozen=True)
class TreeDelta:
    """What changed in a sandbox, as the sandbox says. Hostile input: it is bounded, then compared as git trees."""

    written: tuple[TreeFile, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommitText:
    """A patch's message: subject, body, trailers (``Requested-by`` and the like), author, date (None: the base's)."""

    subject: str
    body: str
    trailers: tuple[tuple[str, str], ...]
    author: str = "Deputy <deputy@localhost>"
    at: datetime | None = None


class Repos(Protocol):
    """Git on the host, in mirrors that no sandbox ever touches. A ``treeish`` is the id of a commit or tree.

    Every method raises ``Unavailable`` when git fails.
    """

    def refresh(self, source: RepoSource) -> str:
        """Fetch into the mirror; returns the commit at the branch's tip."""

    def tip(self, repo: str) -> str:
        """The commit that was at the tip when it was last fetched; empty when it never was. Fetches nothing."""

    def checkout(self, repo: str, treeish: str, hidden: Sequence[str]) -> Tree:
        """The files of a commit or tree, without history and without paths that match the ``hidden`` globs."""

    def read(self, repo: str, treeish: str, path: str) -> bytes | None:
        """A file's bytes in a commit or tree; None when there is no such file."""

    def blobs(self, repo: str, ids: Collection[str]) -> Mapping[str, bytes]:
        """The contents of blobs, by id, with one git command; ``NotFound`` when one is missing."""

    def paths(self, repo: str, treeish: str) -> tuple[str, ...]:
        """Every path of a tree."""

    def import_delta(self, repo: str, base: str, delta: TreeDelta) -> str:
        """Apply a delta to the base commit's tree, in the mirror's object store; returns the id of the new tree.

        Raises ``BadInput`` for a path that git must not store, and ``OutOfBudget`` over the caps.
        """

    def diff(self, repo: str, base: str, tree: str) -> TreeChange:
        """``git diff-tree -r -z --raw --no-renames`` between the base commit's tree and the tree."""

    def show_diff(self, repo: str, base: str, tree: str, paths: Sequence[str] = ()) -> str:
        """The diff for people, always as text; of ``paths`` only, if any are given."""

    def patch(self, repo: str, base: str, tree: str, text: CommitText) -> bytes:
        """A mail-format patch that ``git am`` applies on the base; the same arguments give the same bytes."""
