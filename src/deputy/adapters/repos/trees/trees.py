"""Reading git trees and blobs, in bulk and by raw bytes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deputy.adapters.repos.command import GitCommand, GitFailed
from deputy.domain.errors import BadInput, NotFound

_OBJECT_ID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Entry:
    """One leaf of a tree. ``path`` is raw bytes; ``size`` is in bytes, 0 for a submodule."""

    mode: str
    blob: str
    size: int
    path: bytes

    @property
    def name(self) -> str:
        """The path as text; bytes that are not UTF-8 come out escaped."""
        return self.path.decode(errors="backslashreplace")


def tree_id(git: GitCommand, treeish: str) -> str:
    """The tree of a commit or tree, both named by full object id. ``NotFound`` when it isn't in the mirror."""
    return tree_ids(git, treeish)[0]


def tree_ids(git: GitCommand, *treeishes: str) -> tuple[str, ...]:
    """The trees of several commits or trees, by one process."""
    for treeish in treeishes:
        if not _OBJECT_ID.fullmatch(treeish):
            raise BadInput(f"{treeish!r} is no commit or tree", "only full object ids are taken", "give all 40 digits")
    try:
        return tuple(git.line("rev-parse", *(f"{treeish}^{{tree}}" for treeish in treeishes)).split())
    except GitFailed as error:
        raise NotFound(
            f"{' or '.join(treeishes)} is not in the mirror",
            "it was never fetched here",
            "fetch the repository, then ask again",
        ) from error


def leaves(git: GitCommand, treeish: str, *only: str) -> tuple[Entry, ...]:
    """Every file, link and submodule of a tree, in git's order; or just those at the given exact paths."""
    recursive = () if only else ("-r",)
    output = git.run("ls-tree", *recursive, "-z", "-l", "--full-tree", tree_id(git, treeish), "--", *only)
    return tuple(_entry(record) for record in output.split(b"\0") if record)


def names_in(git: GitCommand, tree: str) -> tuple[str, ...]:
    """The path of every file, link and submodule of a tree, in git's order; no object but trees is looked at."""
    output = git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", tree)
    return tuple(path.decode(errors="backslashreplace") for path in output.split(b"\0")[:-1])


def _entry(record: bytes) -> Entry:
    head, path = record.split(b"\t", 1)
    mode, _, blob, size = head.decode().split()
    return Entry(mode, blob, 0 if size == "-" else int(size), path)


def blobs(git: GitCommand, ids: Iterable[str]) -> dict[str, bytes]:
    """The content of each blob, read by one process. ``NotFound`` when one isn't in the mirror."""
    wanted = sorted(set(ids))
    for blob in wanted:
        if not _OBJECT_ID.fullmatch(blob):
            raise NotFound(f"there is no blob {blob!r}", "only full object ids are taken", "run the task again")
    output = memoryview(git.run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode()))
    contents: dict[str, bytes] = {}
    position = 0
    for blob in wanted:
        # "<id> blob <size>\n<content>\n"; the id is known, so its length is.
        head = bytes(output[position : position + len(blob) + 32]).split(b"\n", 1)[0]
        if not head.startswith(b"%b blob " % blob.encode()):
            raise NotFound(f"the blob {blob!r} is not in the mirror", "it was never fetched here", "run the task again")
        start = position + len(head) + 1
        end = start + int(head.rsplit(b" ", 1)[1])
        contents[blob] = bytes(output[start:end])
        position = end + 1
    return contents
