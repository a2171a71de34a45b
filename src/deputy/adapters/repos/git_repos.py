"""The repositories port on git. Each method is one sentence of the port; the work is in the modules beside this."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from deputy.adapters.repos.archives import tar_of
from deputy.adapters.repos.changes import patch_text, readable_diff, tree_change
from deputy.adapters.repos.command import GitCommand, GitFailed
from deputy.adapters.repos.imports import DEFAULT_CAPS, ImportCaps, import_delta
from deputy.adapters.repos.mail import mail
from deputy.adapters.repos.mirrors import Mirrors
from deputy.adapters.repos.trees import blobs, leaves, names, tree_id
from deputy.domain.errors import BadInput, Unavailable
from deputy.domain.values import TreeChange
from deputy.ports import CommitText, RepoSource, TreeDelta


class GitRepos:
    """``Repos`` on bare mirrors under ``root/mirrors``. Safe for many threads and processes.

    ``fetch_seconds`` bounds a fetch, ``archive_bytes`` the content of an archive, ``caps`` an import.
    """

    def __init__(
        self,
        root: Path,
        *,
        caps: ImportCaps = DEFAULT_CAPS,
        archive_bytes: int = 1024**3,
        fetch_seconds: float = 300,
    ) -> None:
        self._mirrors = Mirrors(root / "mirrors", fetch_seconds=fetch_seconds)
        self._caps = caps
        self._archive_bytes = archive_bytes

    def refresh(self, source: RepoSource) -> str:
        """Fetch into the cached mirror; returns the commit at the branch's tip."""
        return self._mirrors.refresh(source)

    def archive(self, repo: str, commit: str, hidden: Sequence[str]) -> bytes:
        """The commit's tree as an uncompressed tar, without history and without hidden paths."""
        return self.archive_tree(repo, commit, hidden)

    def archive_tree(self, repo: str, tree: str, hidden: Sequence[str]) -> bytes:
        """Like ``archive``, for a tree."""
        with self._git(repo) as git:
            return tar_of(git, tree, hidden, self._archive_bytes)

    def tree_of(self, repo: str, commit: str) -> str:
        """The tree id of a commit."""
        with self._git(repo) as git:
            return tree_id(git, commit)

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
            return names(git, treeish)

    def import_delta(self, repo: str, base: str, delta: TreeDelta) -> str:
        """Write the delta onto the base's tree; returns the new tree id."""
        with self._git(repo) as git:
            return import_delta(git, base, delta, self._caps)

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

    @contextmanager
    def _git(self, repo: str) -> Iterator[GitCommand]:
        try:
            yield self._mirrors.open(repo)
        except GitFailed as error:
            raise Unavailable(
                f"git failed on {repo}", error.words, "look at the mirror's disk and permissions, then try again"
            ) from error


def _commit_time(git: GitCommand, base: str) -> datetime:
    if git.line("cat-file", "-t", base) != "commit":
        return datetime.fromtimestamp(0, UTC)
    return datetime.fromtimestamp(int(git.line("show", "--no-patch", "--format=%ct", base)), UTC)
