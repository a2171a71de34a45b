"""The difference between two trees, as data and as text. Computed by git from the trees, never from patch text."""

import hashlib
import json
from collections.abc import Sequence

from deputy.adapters.repos.command import GitCommand
from deputy.adapters.repos.trees.trees import tree_ids
from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange

_PLAIN = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--diff-algorithm=myers")
_MAX_SHOWN = 4 * 1024**2


def tree_change(git: GitCommand, repo: str, base: str, tree: str) -> TreeChange:
    """Every path that differs between the base's tree and ``tree``, both sides of it."""
    before, after = tree_ids(git, base, tree)
    output = git.run("diff-tree", "-r", "-z", "--raw", "--numstat", "--no-abbrev", *_PLAIN, before, after)
    # A head and a path for each file, then a line of counts for each.
    parts = output.split(b"\0")[:-1]
    raw, counts = parts[: len(parts) // 3 * 2], parts[len(parts) // 3 * 2 :]
    files = tuple(
        _file_change(head.decode(), path.decode(errors="backslashreplace"), count.decode(errors="replace"))
        for head, path, count in zip(raw[::2], raw[1::2], counts, strict=True)
    )
    return TreeChange(
        repo=repo, base=base, base_tree=before, tree=after, digest=_digest(repo, before, files), files=files
    )


def _file_change(head: str, path: str, count: str) -> FileChange:
    old_mode, new_mode, old_blob, new_blob, status = head.removeprefix(":").split()
    added, removed, _ = count.split("\t", 2)
    is_binary = added == "-"
    return FileChange(
        path=path,
        kind=_kind(status, is_same=old_blob == new_blob),
        old_mode=old_mode,
        new_mode=new_mode,
        old_blob=old_blob,
        new_blob=new_blob,
        added_lines=0 if is_binary else int(added),
        removed_lines=0 if is_binary else int(removed),
        is_binary=is_binary,
    )


def _kind(status: str, *, is_same: bool) -> ChangeKind:
    if status == "M" and is_same:
        return ChangeKind.MODE
    return {"A": ChangeKind.ADDED, "D": ChangeKind.DELETED}.get(status, ChangeKind.MODIFIED)


def _digest(repo: str, base_tree: str, files: Sequence[FileChange]) -> str:
    """The digest of a change and its base tree: the same change on another base has another digest."""
    entries = [[file.old_mode, file.new_mode, file.old_blob, file.new_blob, file.path] for file in files]
    text = json.dumps(["deputy-change-1", repo, base_tree, entries], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def readable_diff(git: GitCommand, base: str, tree: str, paths: Sequence[str]) -> str:
    """The change as text, binary files included. Cut after 4 MiB, with a note."""
    text = git.run("diff-tree", "-r", "-p", "--text", *_PLAIN, *tree_ids(git, base, tree), "--", *paths)
    shown = text[:_MAX_SHOWN].decode(errors="replace")
    cut = len(text) - _MAX_SHOWN
    return f"{shown}\n[{cut:,} more bytes: the patch file has them]\n" if cut > 0 else shown


def patch_text(git: GitCommand, base: str, tree: str) -> bytes:
    """Statistics and a patch that gives exactly ``tree`` when it is applied to the base; empty when nothing differs."""
    return git.run(
        "diff-tree", "-r", "--patch-with-stat", "--stat=80", "--summary", "--binary", "--unified=3",
        "--src-prefix=a/", "--dst-prefix=b/", *_PLAIN, *tree_ids(git, base, tree),
    )  # fmt: skip
