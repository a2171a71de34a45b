"""Files of a work tree, from inside the box that it belongs to: what changed, safe reads, safe writes.

Part of process 1 (see ``inside``): standard library only. Nothing else runs in the box meanwhile, so what a path means
can't change between looking and opening.
"""

# Plain os calls, on purpose: their flags (O_NOFOLLOW, O_NONBLOCK) are the point, and pathlib has none of them.
# ruff: noqa: PTH101, PTH103, PTH113, PTH115, PTH118, PTH120, PTH123

import hashlib
import os
import stat
from collections.abc import Iterator
from typing import IO, NamedTuple

JUNK_FOLDERS = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"})
JUNK_SUFFIXES = (".pyc", ".pyo", "/.coverage")


class Refused(Exception):
    """A request that can't be done; ``kind`` tells the host which of its errors to raise."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why


class Entry(NamedTuple):
    """A file as it stood: git's mode, size in bytes, SHA-256 of the content (for a link, of its target)."""

    mode: str
    size: int
    digest: bytes


def scan(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and link below the root but the top ``.git``, with paths relative to it. Links are not followed."""
    folders = [""]
    while folders:
        folder = folders.pop()
        with open_folder(os.path.join(root, folder)) as entries:
            for entry in entries:
                path = folder + entry.name
                if path == ".git":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path + "/")
                else:
                    yield path, entry.stat(follow_symlinks=False)


def open_folder(full: str) -> "os._ScandirIterator[str]":
    """Look into a folder, even into one that the box's code has locked: everything in the box has one owner."""
    try:
        return os.scandir(full)
    except PermissionError:
        os.chmod(full, 0o700)
        return os.scandir(full)


def open_file(full: str) -> IO[bytes]:
    """Open a file for reading: no link is followed and no pipe is waited for."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.fdopen(os.open(full, flags), "rb")
    except PermissionError:
        os.chmod(full, 0o600)
        return os.fdopen(os.open(full, flags), "rb")


def git_mode(status: os.stat_result) -> str:
    """Git's mode for a file or link; empty for what git has no mode for."""
    if stat.S_ISLNK(status.st_mode):
        return "120000"
    if stat.S_ISREG(status.st_mode):
        return "100755" if status.st_mode & stat.S_IXUSR else "100644"
    return ""


def content(root: str, path: str, mode: str) -> bytes:
    """The bytes that git would store: a file's, or a link's target."""
    full = os.path.join(root, path)
    if mode == "120000":
        return os.fsencode(os.readlink(full))
    with open_file(full) as file:
        return file.read()


def snapshot(root: str) -> dict[str, Entry]:
    """What stands in the tree now, by path."""
    found = {}
    for path, status in scan(root):
        mode = git_mode(status)
        if mode:
            found[path] = Entry(mode, status.st_size, hashlib.sha256(content(root, path, mode)).digest())
    return found


def is_junk(path: str) -> bool:
    """Whether tools leave such files behind without anybody wanting them in a patch."""
    return f"/{path}".endswith(JUNK_SUFFIXES) or not JUNK_FOLDERS.isdisjoint(path.split("/"))


def changes(
    root: str, before: dict[str, Entry], *, most_files: int, most_bytes: int, largest: int
) -> Iterator[tuple[str, str, bytes]]:
    """Changed paths as ``(path, mode, bytes)``, then deleted ones with an empty mode.

    Content is compared by digest, never by time stamps: a shared memory map on a tmpfs changes a file without them.
    """
    gone = set(before)
    files = total = 0
    for path, status in scan(root):
        mode, old = git_mode(status), before.get(path)
        if not mode or (old is None and is_junk(path)):
            continue
        gone.discard(path)
        if status.st_size > largest and (old is None or old.size != status.st_size):
            raise Refused("over", f"{path[:200]} has {status.st_size} bytes and {largest} are allowed")
        data = content(root, path, mode)
        if old == (mode, len(data), hashlib.sha256(data).digest()):
            continue
        files, total = files + 1, total + len(data)
        if files > most_files or total > most_bytes:
            raise Refused("over", f"more than {most_files} files or {most_bytes} bytes changed")
        yield path, mode, data
    if files + len(gone) > most_files:
        raise Refused("over", f"more than {most_files} files changed")
    for path in sorted(gone):
        yield path, "", b""


def contained(root: str, path: str) -> str:
    """The real path that ``path`` means, links resolved; refused when it is not below the root."""
    real = os.path.realpath(os.path.join(root, path))
    if not real.startswith(root + "/"):
        raise Refused("bad_input", "the path leaves the workspace")
    return real


def read_file(root: str, path: str, limit: int) -> bytes:
    """A regular file's bytes, at most ``limit`` of them."""
    try:
        with open_file(contained(root, path)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused("not_found", "it is not a regular file")
            return file.read(limit)
    except (OSError, ValueError) as error:
        raise Refused("not_found", getattr(error, "strerror", None) or str(error)) from error


def write_file(root: str, path: str, data: bytes) -> None:
    """Write a file, making its folders; an existing one keeps its mode."""
    try:
        real = contained(root, path)
        if os.path.lexists(real) and not os.path.isfile(real):
            raise Refused("bad_input", "it is not a regular file")
        os.makedirs(os.path.dirname(real), exist_ok=True)
        with open(real, "wb") as file:
            file.write(data)
    except (OSError, ValueError) as error:
        raise Refused("bad_input", getattr(error, "strerror", None) or str(error)) from error
