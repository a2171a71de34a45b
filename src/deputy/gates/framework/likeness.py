"""Many globs asked at once: what a gate's table of names costs is one look at the last segment, usually."""

import re
from collections.abc import Sequence
from functools import lru_cache

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import compile_glob

_ANYWHERE = "**/"
_folded = lru_cache(maxsize=20_000)(fold)  # each gate asks about every path, with one table of names after another


@lru_cache(maxsize=256)
def _either(patterns: tuple[str, ...]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """One expression for the last segment (``**/name``, which is most of them), one for the whole path."""
    names = [glob.removeprefix(_ANYWHERE) for glob in patterns if _is_name(glob)]
    return _joined(names), _joined([glob for glob in patterns if not _is_name(glob)])


def _is_name(glob: str) -> bool:
    name = glob.removeprefix(_ANYWHERE)
    return glob.startswith(_ANYWHERE) and "/" not in name and name != "**" and not name.startswith("!")


def _joined(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(compile_glob(glob).pattern for glob in globs), re.DOTALL) if globs else None


def matches_one(patterns: tuple[str, ...], path: str) -> bool:
    """Whether at least one of the patterns matches the whole path; the same answer as ``globs.matches_any``."""
    name, whole = _either(patterns)
    if name and name.match(path, path.rfind("/") + 1):
        return True
    return whole is not None and whole.match(path) is not None


def resembles(patterns: Sequence[str], path: str) -> bool:
    """Whether a path, or what a kinder file system makes of it, matches one of the (lower-case) patterns."""
    wanted, folded = tuple(patterns), _folded(path)
    return matches_one(wanted, path) or (folded != path and matches_one(wanted, folded))
