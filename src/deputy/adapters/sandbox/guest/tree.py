"""Files of the work tree, from inside the sandbox: walking it, safe reads, safe writes.

Part of process 1 (see ``inside``): standard library only. No other process runs in the sandbox meanwhile, so a path
can't change its meaning between the check and the open.
"""

# Plain os calls, on purpose: their flags (O_NOFOLLOW, O_NONBLOCK) are the point, and pathlib has none of them.
# ruff: noqa: PTH101, PTH103, PTH113, PTH115, PTH118, PTH120, PTH123

import errno
import os
import stat
from collections.abc import Iterator
from typing import IO

JUNK_FOLDERS = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"})
JUNK_SUFFIXES = (".pyc", ".pyo", "/.coverage")


class Refused(Exception):
    """A request that can't be done. ``kind`` tells the host which error to raise."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why


def scan(root: str, skip: frozenset[str] = frozenset()) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and link below the root but the top ``.git`` and ``skip``, with relative paths. Follows no link."""
    folders = [""]
    try:
        while folders:
            folder = folders.pop()
            with open_folder(root, folder) as entries:
                for entry in entries:
                    path = folder + entry.name
                    if path == ".git" or path in skip:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path + "/")
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except PermissionError:
                        unlock(root, folder)
                        status = entry.stat(follow_symlinks=False)
                    yield path, status
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise Refused("over", "a path is longer than the 4,096 bytes that the system takes") from error


def open_folder(root: str, folder: str) -> "os._ScandirIterator[str]":
    """List a folder below the root, even one that the sandbox's code has locked."""
    full = os.path.join(root, folder)
    try:
        return os.scandir(full)
    except PermissionError:
        unlock(root, folder)
        return os.scandir(full)


def unlock(root: str, folder: str) -> None:
    """Make a folder and those above it readable and enterable. Everything in the sandbox has one owner.

    A folder that can be listed can't always be entered: that shows only when a file in it is read.
    """
    full = root
    for name in ("", *folder.split("/")):
        full = os.path.join(full, name)
        mode = stat.S_IMODE(os.lstat(full).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(full, mode | stat.S_IRWXU)


def open_file(full: str) -> IO[bytes]:
    """Open a file for reading, without following a link or waiting for a pipe."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.fdopen(os.open(full, flags), "rb")
    except PermissionError:
        os.chmod(full, 0o600)
        return os.fdopen(os.open(full, flags), "rb")


def git_mode(status: os.stat_result) -> str:
    """Git's mode for a file or link; empty for anything else."""
    if stat.S_ISLNK(status.st_mode):
        return "120000"
    if stat.S_ISREG(status.st_mode):
        return "100755" if status.st_mode & stat.S_IXUSR else "100644"
    return ""


def content(root: str, path: str, mode: str) -> bytes:
    """The bytes that git would store: a file's content, or a link's target."""
    full = os.path.join(root, path)
    if mode == "120000":
        return os.fsencode(os.readlink(full))
    with open_file(full) as file:
        return file.read()


def is_junk(path: str) -> bool:
    """Whether the path is a tool's litter (caches, compiled files) that no patch should hold."""
    return f"/{path}".endswith(JUNK_SUFFIXES) or not JUNK_FOLDERS.isdisjoint(path.split("/"))


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
