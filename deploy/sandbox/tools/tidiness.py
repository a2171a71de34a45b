"""Files stay as tidy as they were: one whose imports were sorted, or that was formatted, is so after a change.

What is tidy is said by the repository's own ruff configuration; where there is no ruff, nothing is done.
"""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# A configuration may exclude a file: that counts. It may ask for repairs: they would change what is looked at.
_SORT = ("check", "--select", "I", "--quiet", "--no-cache", "--force-exclude")
_IS_SORTED = (*_SORT, "--no-fix", "--no-fix-only")
_FORMAT = ("format", "--quiet", "--no-cache", "--force-exclude")


@dataclass(frozen=True)
class Tidiness:
    """How tidy files were: take it before a change, ``restore`` it after."""

    root: Path
    is_sorted: tuple[Path, ...] = ()
    is_formatted: tuple[Path, ...] = ()

    @classmethod
    def of(cls, root: Path, paths: Iterable[Path]) -> "Tidiness":
        if shutil.which("ruff") is None:
            return cls(root)
        every = tuple(paths)
        is_sorted = tuple(path for path in every if _ruff(root, *_IS_SORTED, str(path)))
        return cls(root, is_sorted, tuple(path for path in every if _ruff(root, *_FORMAT, "--check", str(path))))

    def restore(self) -> None:
        for path in self.is_sorted:
            _ruff(self.root, *_SORT, "--fix", str(path))
        for path in self.is_formatted:
            _ruff(self.root, *_FORMAT, str(path))


def _ruff(root: Path, *words: str) -> bool:
    """Whether ruff says yes; a configuration that it can't read is a no."""
    return subprocess.run(["ruff", *words], cwd=root, capture_output=True, check=False).returncode == 0  # noqa: S603, S607
