"""A tree as a tar. Built from the raw tree and blobs, so no attribute in the repository has a say in it."""

import tarfile
from collections.abc import Callable, Sequence

from deputy.adapters.repos.command import GitCommand
from deputy.adapters.repos.links import stays_inside
from deputy.adapters.repos.names import refusal
from deputy.adapters.repos.trees import EXECUTABLE, FILE, LINK, Entry, blobs, leaves
from deputy.domain.errors import BadPolicy, OutOfBudget
from deputy.domain.hiding import hider

_USER = 1000  # the sandbox's
_TIME = 1_000_000_000  # the same for every tree; zip files can't hold times before 1980


def hides(hidden: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path is hidden by one of the globs (``domain.hiding``).

    ``BadPolicy`` when a glob is malformed: nothing may be shown because a rule could not be read.
    """
    try:
        return hider(tuple(hidden))
    except ValueError as error:
        raise BadPolicy("a hidden path can't be understood", str(error), "correct `hidden` in repos.toml") from error


def tar_of(git: GitCommand, treeish: str, hidden: Sequence[str], most_bytes: int) -> bytes:
    """The tree as an uncompressed tar, the same bytes for the same tree and globs.

    Left out are hidden paths, submodules, links that leave the tree, and names that could not come back from a sandbox.
    ``OutOfBudget`` when the content is larger than ``most_bytes``.
    """
    is_hidden = hides(hidden)
    shown = [
        entry
        for entry in leaves(git, treeish)
        if entry.mode in {FILE, EXECUTABLE, LINK} and refusal(entry.path) is None and not is_hidden(entry.name)
    ]
    size = sum(entry.size for entry in shown)
    if size > most_bytes:
        raise OutOfBudget(
            "the repository is too big for a sandbox",
            f"its files are {size:,} bytes and {most_bytes:,} fit",
            "hide what the work does not need, in repos.toml",
        )
    contents = blobs(git, (entry.blob for entry in shown))
    links = {entry.name: contents[entry.blob].decode(errors="replace") for entry in shown if entry.mode == LINK}
    members = [
        _member(entry, contents[entry.blob]) for entry in shown if entry.mode != LINK or stays_inside(entry.name, links)
    ]
    return b"".join((*members, bytes(2 * tarfile.BLOCKSIZE)))


def _member(entry: Entry, content: bytes) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.mode = 0o644 if entry.mode == FILE else 0o755
    info.uid = info.gid = _USER
    info.mtime = _TIME
    if entry.mode == LINK:
        info.type, info.linkname = tarfile.SYMTYPE, content.decode(errors="surrogateescape")
        return info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")
    info.size = len(content)
    padding = -len(content) % tarfile.BLOCKSIZE
    return b"".join((info.tobuf(tarfile.GNU_FORMAT), content, bytes(padding)))
