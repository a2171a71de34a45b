"""Git, on the host."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from deputy.domain.changes.change import TreeChange


@dataclass(frozen=True)
class RepoSource:
    """Where a repository comes from: ``url`` is anything git can clone; ``branch`` may be empty for the default one."""

    name: str
    url: str
    branch: str = ""


@dataclass(frozen=True)
class TreeFile:
    """A file of a result tree: git mode (``100644``, ``100755``, ``120000``), content (for a link, its target)."""

    path: str
    mode: str
    content: bytes


@dataclass(frozen=True)
class StoredFile:
    """A file as git keeps it: mode (as in ``TreeFile``), blob id, content."""

    mode: str
    blob: str
    content: bytes


# Files by path, as they go into a sandbox.
Tree = Mapping[str, StoredFile]


@dataclass(frozen=True)
class TreeDelta:
    """What a sandbox says has changed against what went in. Hostile input: bounded, then judged as git trees."""

    written: tuple[TreeFile, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommitText:
    """The message of a patch: subject, body and trailers (``Requested-by`` and the like)."""

    subject: str
    body: str
    trailers: tuple[tuple[str, str], ...]
    author: str = "Deputy <deputy@localhost>"
    at: datetime | None = None


class Repos(Protocol):
    """Git, on the host, in repositories that no sandbox ever touched."""

    def refresh(self, source: RepoSource) -> str:
        """Fetch into the cached mirror; returns the commit at the branch's tip. ``Unavailable`` when it can't."""

    def tip(self, repo: str) -> str:
        """The commit that was at the tip when it was last fetched; empty when it never was. Fetches nothing."""

    def checkout(self, repo: str, treeish: str, hidden: Sequence[str]) -> Tree:
        """The files of a commit or tree, without history and without paths matching the hidden globs."""

    def read(self, repo: str, treeish: str, path: str) -> bytes | None:
        """A file's bytes in a commit or tree, or None where there is none."""

    def blobs(self, repo: str, ids: Collection[str]) -> Mapping[str, bytes]:
        """The content of blobs by id, all in one go; ``NotFound`` when one is missing."""

    def paths(self, repo: str, treeish: str) -> tuple[str, ...]:
        """Every path of a tree."""

    def import_delta(self, repo: str, base: str, delta: TreeDelta) -> str:
        """Write the delta onto the base commit's tree (in the mirror's object store); returns the new tree id."""

    def diff(self, repo: str, base: str, tree: str) -> TreeChange:
        """``git diff-tree -r -z --raw --no-renames`` between the base commit's tree and the tree."""

    def show_diff(self, repo: str, base: str, tree: str, paths: Sequence[str] = ()) -> str:
        """The readable diff, always as text."""

    def patch(self, repo: str, base: str, tree: str, text: CommitText) -> bytes:
        """A mail-format patch that ``git am`` applies on the base; the same arguments give the same bytes."""
