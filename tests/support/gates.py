"""Builders for gate tests: a change, the bytes of its two sides, and the patch that a gate judges."""

from collections.abc import Mapping, Sequence

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import Evidence
from deputy.domain.tasks.request import TaskKind
from deputy.gates.framework.patch_under_review import ABSENT, PatchUnderReview

Side = str | bytes | None
Pair = tuple[Side, Side]
Modes = Mapping[str, tuple[str, str]]


def content_of(side: Side) -> bytes | None:
    """The bytes of a file on one side; None where there is no file."""
    return side.encode() if isinstance(side, str) else side


def change_of(files: Mapping[str, Pair], modes: Modes | None = None) -> TreeChange:
    """A change of these files: each path with its content before and after, None where there is no file.

    Equal content on both sides is a change of the mode. ``modes`` replaces the usual modes of a path.
    """
    changes = []
    for path, (before, after) in files.items():
        kind = ChangeKind.ADDED if before is None else ChangeKind.DELETED if after is None else ChangeKind.MODIFIED
        kind = ChangeKind.MODE if before == after and before is not None else kind
        usual = (ABSENT if before is None else "100644", ABSENT if after is None else "100644")
        old, new = (modes or {}).get(path, usual)
        changes.append(FileChange(path=path, kind=kind, old_mode=old, new_mode=new, old_blob="a", new_blob="b"))
    return TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=tuple(changes))


def patch_of(
    files: Mapping[str, Pair],
    modes: Modes | None = None,
    *,
    evidence: Evidence | None = None,
    checks: Sequence[Check] = (),
    kind: TaskKind = TaskKind.OTHER,
) -> PatchUnderReview:
    """A patch of these files, as a gate is given it."""

    def read(side: str, path: str) -> bytes | None:
        return content_of(files[path][side == "head"]) if path in files else None

    return PatchUnderReview(change_of(files, modes), read, evidence, checks, kind)
