"""Applies a sandbox's delta to the base's tree. Every byte of the delta is hostile until git has stored it."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deputy.adapters.repos.command import GitCommand, GitFailed
from deputy.adapters.repos.trees.names import collision, is_short_name, refusal
from deputy.domain.changes.git_modes import EXECUTABLE, FILE, LINK
from deputy.domain.errors import BadInput, DeputyError, OutOfBudget
from deputy.ports import TreeDelta, TreeFile

_LONGEST_TARGET = 4095  # bytes, Linux's own bound


@dataclass(frozen=True)
class ImportCaps:
    """The most that one delta may hold: ``files`` counts written and deleted paths, ``size`` is in bytes."""

    files: int = 20_000
    size: int = 64 * 1024**2


DEFAULT_CAPS = ImportCaps()


def import_delta(git: GitCommand, base: str, paths: Iterable[str], delta: TreeDelta, caps: ImportCaps) -> str:
    """The id of the tree ``base`` with the delta on it. Paths that the delta does not name stay as they are.

    ``paths`` are all of the base's.
    ``OutOfBudget`` over the caps; ``BadInput`` when a path or mode can't be taken, or when a write would remove
    something that the delta does not say it deleted.
    """
    _check_size(delta, caps)
    for file in delta.written:
        _check_file(file)
    for path in delta.deleted:
        _check_path(path)
    _check_against(frozenset(paths), delta)
    return _write(git, base, delta)


def _check_size(delta: TreeDelta, caps: ImportCaps) -> None:
    files = len(delta.written) + len(delta.deleted)
    size = sum(len(file.content) for file in delta.written)
    if files > caps.files or size > caps.size:
        raise OutOfBudget(
            "the change is too big",
            f"it has {files:,} files and {size:,} bytes; {caps.files:,} files and {caps.size:,} bytes are allowed",
            "ask for less at once",
        )


def _check_file(file: TreeFile) -> None:
    _check_path(file.path)
    if file.mode not in {FILE, EXECUTABLE, LINK}:
        raise _refused(file.path, f"its mode {file.mode!r} is none of a file's or link's")
    if file.mode == LINK and (not file.content or b"\0" in file.content or len(file.content) > _LONGEST_TARGET):
        raise _refused(file.path, "it is a link without a usable target")


def _check_path(path: str) -> None:
    reason = refusal(path.encode(errors="surrogatepass"))
    if reason:
        raise _refused(path, reason)


def _check_against(base: frozenset[str], delta: TreeDelta) -> None:
    written = [file.path for file in delta.written]
    if len(set(written)) != len(written) or not set(written).isdisjoint(delta.deleted):
        raise BadInput("the change can't be taken", "it names a path twice", "run the task again")
    stays = base - frozenset(delta.deleted)
    new = [path for path in written if path not in base]
    if not new:
        return
    for path in new:
        if is_short_name(path):
            raise _refused(path, "its name may be the short form of another")
    _check_folders(stays | frozenset(written), new)
    clash = collision(stays, new)
    if clash:
        raise _refused(clash[0], f"some file systems take it for {clash[1]!r}")


def _check_folders(after: frozenset[str], new: Sequence[str]) -> None:
    # Git would silently drop files that are in the way, even hidden ones that the sandbox never saw.
    folders = {path[:end] for path in after for end in _slashes(path)}
    for path in new:
        above = next((path[:end] for end in _slashes(path) if path[:end] in after), None)
        if path in folders or above:
            raise _refused(
                path, f"{above or path!r} is both a file and a folder" if above else "it is a folder already"
            )


def _slashes(path: str) -> list[int]:
    return [position for position, char in enumerate(path) if char == "/"]


def _refused(path: str, why: str) -> BadInput:
    return BadInput(f"the changed path {path!a} can't be taken", why, "ask for the work under another name")


def _write(git: GitCommand, base_tree: str, delta: TreeDelta) -> str:
    """The base's tree with the delta on it, by one process that reads only the folders that change."""
    ref = f"refs/deputy/imports/{secrets.token_hex(8)}"
    stream = bytearray(b"commit %b\ncommitter Deputy <deputy@localhost> 0 +0000\ndata 0\n" % ref.encode())
    stream += b'M 040000 %b ""\n' % base_tree.encode()
    for path in delta.deleted:
        stream += b"D %b\n" % _quoted(path)
    for file in delta.written:
        stream += b"M %b inline %b\ndata %d\n" % (file.mode.encode(), _quoted(file.path), len(file.content))
        stream += file.content + b"\n"
    stream += b'ls ""\n'
    try:
        _, _, tree = git.line("fast-import", "--quiet", stdin=bytes(stream)).split()
        # A ref for the tree, or a ``git gc`` by hand would drop it; and none any more for the commit.
        keep = f"update refs/deputy/trees/{tree} {tree}\ndelete {ref}\n"
        git.run("update-ref", "--stdin", stdin=keep.encode())
    except GitFailed as error:
        raise _not_taken(error) from error
    return tree


def _quoted(path: str) -> bytes:
    """The path in a form that fast-import always reads."""
    return b'"' + path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _not_taken(error: GitFailed) -> DeputyError:
    return BadInput("the change can't be taken", f"git says: {error.words}", "ask for the work under other names")
