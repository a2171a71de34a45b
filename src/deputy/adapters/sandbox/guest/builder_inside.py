"""Process 1 of a builder: a sandbox's process 1, plus the requests that turn its file system into an image.

Sent over stdin like ``inside``: standard library only, for Python 3.10 or newer. It runs as root in a container of its
own, because package managers want that.
"""

# Plain os calls, on purpose: whole file systems are walked here, in a sandbox.
# ruff: noqa: PTH101, PTH103, PTH108, PTH110, PTH114, PTH115, PTH117, PTH118, PTH120, PTH208, PTH211

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from typing import cast

from deputy.adapters.sandbox.guest.inside import ROOT, GuestServer, Header
from deputy.adapters.sandbox.guest.relay import SOCKET as GATEWAY
from deputy.adapters.sandbox.guest.tree import Refused

SECRETS = "/run/secrets"
# Not part of the image, or not on its disk. Of /run, which is, only what is mounted there.
ELSEWHERE = frozenset({"/proc", "/sys", "/dev", "/tmp", SECRETS, os.path.dirname(GATEWAY), ROOT})  # noqa: S108 (in the sandbox)
# File times are those of the kernel's last clock tick, in seconds.
CLOCK_TICK = 1.0
RAISES = stat.S_ISUID | stat.S_ISGID
READ, READ_AND_ENTER = 0o444, 0o555


class BuilderGuest(GuestServer):
    """Answers a sandbox's requests and those of a builder."""

    def __init__(self) -> None:
        super().__init__()
        self.began = time.time() - CLOCK_TICK

    def actions(self) -> dict[str, Callable[[Header, bytes], None]]:
        """The requests that the host may send, by name."""
        return {**super().actions(), "look": self.look, "secrets": self.secrets, "keep": self.keep, "end": self.end}

    def look(self, header: Header, _: bytes) -> None:
        """Say which of these paths exist."""
        found = [path for path in cast("list[str]", header["paths"]) if os.path.exists(path)]
        self.reply("done", found=found)

    def secrets(self, header: Header, body: bytes) -> None:
        """Replace the secret files. ``body`` holds the bytes of all of them, one after the other."""
        for name in os.listdir(SECRETS):
            os.unlink(os.path.join(SECRETS, name))
        start = 0
        for name, size in zip(cast("list[str]", header["names"]), cast("list[int]", header["sizes"]), strict=True):
            fd = os.open(os.path.join(SECRETS, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(fd, "wb") as file:
                file.write(body[start : start + size])
            start += size
        self.reply("done")

    def keep(self, header: Header, _: bytes) -> None:
        """Move folders or files of the workspace into the image. Links back into the workspace keep working."""
        for path in cast("list[str]", header["paths"]):
            source, target = os.path.join(ROOT, path), os.path.join(str(header["into"]), path)
            if os.path.islink(source) or not os.path.exists(source):
                raise Refused("not_found", f"the setup left no folder or file {path}")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            for link in list(_links(source)):
                _lead_back(link, source)
            shutil.move(source, target)
        self.reply("done")

    def end(self, header: Header, _: bytes) -> None:
        """Empty the workspace and the caches, drop set-uid and set-gid bits, and make new files readable for all."""
        for folder in (ROOT, *cast("list[str]", header["drop"])):
            _empty(folder)
        for path, status in _files("/"):
            mode = stat.S_IMODE(status.st_mode)
            wanted = mode & ~RAISES if stat.S_ISREG(status.st_mode) else mode
            if status.st_ctime >= self.began:
                wanted |= READ_AND_ENTER if mode & stat.S_IXUSR or stat.S_ISDIR(status.st_mode) else READ
            if wanted != mode:
                os.chmod(path, wanted)
        self.reply("done")


def _links(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        yield from (full for name in (*folders, *files) if os.path.islink(full := os.path.join(parent, name)))


def _lead_back(link: str, folder: str) -> None:
    """Make a relative link absolute when it leaves the moved folder but stays in the workspace."""
    target = os.readlink(link)
    if os.path.isabs(target):
        return
    meant = os.path.normpath(os.path.join(os.path.dirname(link), target))
    if meant.startswith(ROOT + "/") and not (meant + "/").startswith(folder + "/"):
        os.unlink(link)
        os.symlink(meant, link)


def _empty(folder: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def _files(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder of the image, without links."""
    for entry in os.scandir(root):
        if entry.path in ELSEWHERE or entry.is_symlink():
            continue
        with contextlib.suppress(FileNotFoundError):
            yield entry.path, entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)


# What the host's bootstrap starts as process 1.
SERVER = BuilderGuest
