"""Which paths may come back from a sandbox: none that could deceive a file system, a tool or a reader."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable

from deputy.domain.changes.folding import fold

_LONGEST_PATH, _LONGEST_SEGMENT = 4096, 255  # bytes, Linux's own bounds
_UNREADABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_GIT_SHORT = re.compile(r"git~\d+")
_SHORT = re.compile(r"[^.~]{1,6}~\d{1,4}(?:\.[^.]{0,3})?")
_DRIVE = re.compile(r"[A-Za-z]:")


def refusal(raw: bytes) -> str | None:
    """Why a path can't be taken, as a clause; None when it can."""
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        return "its name is not UTF-8"
    return next((reason for reason, is_so in _REASONS if is_so(path)), None)


def _parts(path: str) -> list[str]:
    # A backslash is a letter here and a separator elsewhere: both readings must be harmless.
    return [*path.split("/"), *path.replace("\\", "/").split("/")]


def _is_too_long(path: str) -> bool:
    raw = path.encode()
    return len(raw) > _LONGEST_PATH or any(len(part) > _LONGEST_SEGMENT for part in raw.split(b"/"))


def _is_unreadable(path: str) -> bool:
    return not path.isprintable() and any(unicodedata.category(char) in _UNREADABLE for char in path)


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\")) or _DRIVE.match(path) is not None


def _is_relative_step(path: str) -> bool:
    return not {"", ".", ".."}.isdisjoint(_parts(path))


def _is_in_git_folder(path: str) -> bool:
    return any(_is_git(part) for part in _parts(path))


def _is_git(segment: str) -> bool:
    # A colon starts a second data stream of the same file on NTFS.
    name = fold(segment).split(":")[0].rstrip(". ")
    return name == ".git" or _GIT_SHORT.fullmatch(name) is not None


_REASONS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("its name is too long", _is_too_long),
    ("its name has control or invisible characters", _is_unreadable),
    ("it is an absolute path", _is_absolute),
    ("it has an empty, '.' or '..' segment", _is_relative_step),
    ("it is inside git's own folder", _is_in_git_folder),
)


def is_short_name(path: str) -> bool:
    """Whether a segment looks like an 8.3 name (``SECRET~1``), which may stand for a longer one that is protected."""
    return any(_SHORT.fullmatch(segment) for segment in path.split("/"))


def collision(present: Iterable[str], new: Iterable[str]) -> tuple[str, str] | None:
    """The first of ``new`` that a case-folding file system would take for another path or folder, and that other.

    What ``present`` already keeps apart is left alone.
    """
    known: dict[str, set[str]] = defaultdict(set)
    for prefix in {prefix for path in present for prefix in _prefixes(path)}:
        known[fold(prefix)].add(prefix)
    for path in new:
        for prefix in _prefixes(path):
            others = known[fold(prefix)]
            if others and prefix not in others:
                return path, min(others)
            others.add(prefix)
    return None


def _prefixes(path: str) -> Iterable[str]:
    yield path
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path
