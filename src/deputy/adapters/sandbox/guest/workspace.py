"""The workspace, from inside its sandbox: lays out its files, and finds what has changed since.

Part of process 1 (see ``inside``): standard library only.

An untouched file is recognised by its stamps alone: reading every file of a large tree again would take longer than
most work does. A program that opens a file for writing, or maps it into memory, changes a stamp. (A shared map changes
the time of access, and on older kernels nothing else; with ``O_NOATIME`` not even that, see ADR 0012.) Where the kernel
does not keep to this, every file is read.
"""

# Plain os calls, on purpose: they are the point here, and a tenth of the time.
# ruff: noqa: PTH103, PTH106, PTH108, PTH118, PTH120, PTH208, PTH211

import hashlib
import mmap
import os
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from deputy.adapters.sandbox.guest.tree import Refused, content, git_mode, is_junk, scan

# The same for every file: zip files can't hold times before 1980, and reading a file must make its access time newer.
TIME_NS = 1_000_000_000 * 10**9
CLOCK_REALTIME_COARSE = 5  # Linux; Python has no name for it
TICK_SECONDS = 0.001
MAX_TICKS = 100
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Known(NamedTuple):
    """A file as it was laid out: git's mode, its blob id there, and its stamps."""

    mode: str
    blob: str
    stamp: tuple[int, ...]


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """The values that change when a file is changed or opened."""
    return (
        status.st_mode,
        status.st_size,
        status.st_ino,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_atime_ns,
    )


def blob_id(data: bytes) -> str:
    """Git's id for a content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Workspace:
    """The folder ``root``.

    ``known`` are the files laid out in it; ``links`` lead into the image and belong to no tree.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.known: dict[str, Known] = {}
        self.links: frozenset[str] = frozenset()
        self.trusts_stamps = False
        self._folders: set[str] = set()

    def put(self, path: str, mode: str, blob: str, data: bytes) -> None:
        """Write a file or link that isn't there yet."""
        full = f"{self.root}/{path}"
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            os.makedirs(f"{self.root}/{folder}", exist_ok=True)
            self._folders.add(folder)
        if mode == "120000":
            os.symlink(os.fsdecode(data), full)
            os.utime(full, ns=(TIME_NS, TIME_NS), follow_symlinks=False)
            self.known[path] = Known(mode, blob, stamp_of(os.lstat(full)))
            return
        fd = os.open(full, _NEW, 0o755 if mode == "100755" else 0o644)
        self.known[path] = Known(mode, blob, _written(fd, data))

    def append(self, path: str, data: bytes) -> None:
        """Add the next piece of a large file."""
        fd = os.open(os.path.join(self.root, path), os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        self.known[path] = self.known[path]._replace(stamp=_written(fd, data))

    def remove(self, path: str) -> None:
        """Remove a file that was laid out, and the folders that this leaves empty."""
        del self.known[path]
        self._unlink(path)

    def unlink(self) -> None:
        """Remove the links into the image: the next tree may have files at their paths."""
        for path in self.links:
            self._unlink(path)
        self.links = frozenset()

    def _unlink(self, path: str) -> None:
        os.unlink(os.path.join(self.root, path))
        folder = os.path.dirname(path)
        while folder and not os.listdir(os.path.join(self.root, folder)):
            os.rmdir(os.path.join(self.root, folder))
            self._folders.discard(folder)
            folder = os.path.dirname(folder)

    def link(self, links: Mapping[str, str]) -> None:
        """Make links into the image, by path. A path that the commit has is left alone."""
        for path, target in links.items():
            full = os.path.join(self.root, path)
            if not os.path.lexists(full):
                os.makedirs(os.path.dirname(full), exist_ok=True)
                os.symlink(target, full)
                self.links |= {path}

    def settle(self, *, was_read: bool = False) -> None:
        """Find out whether stamps can be trusted. ``was_read``: git has read the files, so they are stamped again.

        A change in the same tick of the kernel's clock as the last stamp would not show, so the next tick is waited
        for. With ``relatime``, an access after another access does not show either, so files that were read get the old
        times.
        """
        for path, known in self.known.items() if was_read else ():
            full = f"{self.root}/{path}"
            os.utime(full, ns=(TIME_NS, TIME_NS), follow_symlinks=False)
            self.known[path] = known._replace(stamp=stamp_of(os.lstat(full)))
        self.trusts_stamps = self._stamps_tell()

    def _stamps_tell(self) -> bool:
        """Whether a write through a shared memory map changes a file's stamps. Takes at least one tick."""
        full = os.path.join(self.root, f".deputy-{os.urandom(8).hex()}")  # no file of the tree's
        fd = os.open(full, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(fd, b"before")
            os.utime(fd, ns=(TIME_NS, TIME_NS))
            before = os.fstat(fd)
            has_ticked = _wait_for_tick(before.st_ctime_ns)
            with mmap.mmap(fd, before.st_size) as mapped:
                mapped[:6] = b"after."
            return has_ticked and stamp_of(os.fstat(fd)) != stamp_of(before)
        finally:
            os.close(fd)
            os.unlink(full)

    def changes(self, *, most_files: int, most_bytes: int, largest: int) -> Iterator[tuple[str, str, bytes]]:
        """Changed paths as ``(path, mode, bytes)``, then deleted ones with an empty mode."""
        gone = set(self.known)
        files = total = 0
        for path, status in scan(self.root, self.links):
            old = self.known.get(path)
            if old and self.trusts_stamps and old.stamp == stamp_of(status):
                gone.discard(path)
                continue
            mode = git_mode(status)
            if not mode or (old is None and is_junk(path)):
                continue
            gone.discard(path)
            if status.st_size > largest and (old is None or old.stamp[1] != status.st_size):
                raise Refused("over", f"{path[:200]} has {status.st_size} bytes and {largest} are allowed")
            data = content(self.root, path, mode)
            if old and (old.mode, old.blob) == (mode, blob_id(data)):
                continue
            files, total = files + 1, total + len(data)
            if files > most_files or total > most_bytes:
                raise Refused("over", f"more than {most_files} files or {most_bytes} bytes changed")
            yield path, mode, data
        if files + len(gone) > most_files:
            raise Refused("over", f"more than {most_files} files changed")
        for path in sorted(gone):
            yield path, "", b""


def _written(fd: int, data: bytes) -> tuple[int, ...]:
    """Write everything and close the file; returns its stamps."""
    try:
        written = os.write(fd, data)
        while written < len(data):
            written += os.write(fd, data[written:])
        os.utime(fd, ns=(TIME_NS, TIME_NS))
        return stamp_of(os.fstat(fd))
    finally:
        os.close(fd)


def _wait_for_tick(since_ns: int) -> bool:
    """Wait for the next tick of the clock that stamps files, a tenth of a second at most; whether it came."""
    for _ in range(MAX_TICKS):
        if time.clock_gettime_ns(CLOCK_REALTIME_COARSE) > since_ns:
            return True
        time.sleep(TICK_SECONDS)
    return False
