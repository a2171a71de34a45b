"""One meaning of hidden paths for whoever keeps them out of a sandbox and whoever judges what comes back."""

from collections.abc import Callable
from functools import lru_cache

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import compile_glob


@lru_cache(maxsize=256)
def hider(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a path is hidden by one of the globs: itself, a folder above it, or what a kinder file system reads.

    ``ValueError`` when a glob is malformed.
    """
    patterns = [compile_glob(_with_content(glob)) for glob in globs]
    folded = [compile_glob(_with_content(fold(glob))) for glob in globs]

    def is_hidden(path: str) -> bool:
        if any(pattern.match(path) for pattern in patterns):
            return True
        kinder = fold(path)
        return any(pattern.match(kinder) for pattern in folded)

    return is_hidden


def _with_content(glob: str) -> str:
    return glob if glob.endswith("**") else f"{glob}/**"
