"""Tree changes made of paths and bytes, for tests of gates."""

from collections.abc import Mapping

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange

Side = str | bytes | None


Pair = tuple[Side, Side]


def _bytes(side: Side) -> bytes | None:
    return side.encode() if isinstance(side, str) else side


def _change(files: Mapping[str, Pair], modes: Mapping[str, tuple[str, str]]) -> TreeChange:
    changes = []
    for path, (before, after) in files.items():
        kind = ChangeKind.ADDED if before is None else ChangeKind.DELETED if after is None else ChangeKind.MODIFIED
        kind = ChangeKind.MODE if before == after and before is not None else kind
        old, new = modes.get(path, ("000000" if before is None else "100644", "000000" if after is None else "100644"))
        changes.append(FileChange(path=path, kind=kind, old_mode=old, new_mode=new, old_blob="a", new_blob="b"))
    return TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=tuple(changes))
