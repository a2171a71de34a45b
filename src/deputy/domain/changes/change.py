"""The difference between two git trees, computed on the host."""

from enum import StrEnum

from deputy.domain.identifiers import Digest
from deputy.domain.value import Value


class ChangeKind(StrEnum):
    """How a path differs between two trees."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    MODE = "mode"


class FileChange(Value):
    """One path of ``git diff-tree -r -z --raw --no-renames``. Modes are git's octal strings (``000000``: absent)."""

    path: str
    kind: ChangeKind
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    added_lines: int = 0
    removed_lines: int = 0
    is_binary: bool = False


class TreeChange(Value):
    """The difference between two git trees, computed on the host. ``digest`` names its content (SHA-256, hex)."""

    repo: str
    base: str
    base_tree: str
    tree: str
    digest: Digest
    files: tuple[FileChange, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every changed path, in git's order."""
        return tuple(change.path for change in self.files)
