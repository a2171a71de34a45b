"""What of a patch the scanners are given."""

from types import SimpleNamespace
from typing import cast

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.review.scans import TOO_LARGE, Scan
from deputy.flow.state.services import Services
from deputy.flow.verification import verification
from deputy.flow.verification.verification import scan
from tests.support.plain_scanner import PlainScanner

MODES = {ChangeKind.ADDED: ("000000", "100644"), ChangeKind.DELETED: ("100644", "000000")}


class Watched(PlainScanner):
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[dict[str, bytes], dict[str, bytes]]] = []

    def scan(self, base: object, head: object) -> Scan:
        self.given.append((dict(cast("dict[str, bytes]", base)), dict(cast("dict[str, bytes]", head))))
        return super().scan(*self.given[-1])


def file(path: str, kind: ChangeKind = ChangeKind.MODIFIED, modes: tuple[str, str] | None = None) -> FileChange:
    old, new = modes or MODES.get(kind, ("100644", "100644"))
    return FileChange(
        path=path, kind=kind, old_mode=old, new_mode=new, old_blob=f"base {path}", new_blob=f"head {path}"
    )


def scanned(files: list[FileChange], sides: dict[str, dict[str, bytes]]) -> tuple[Scan, Watched]:
    scanner = Watched()
    contents = {f"{side} {path}": content for side, files in sides.items() for path, content in files.items()}
    repos = SimpleNamespace(blobs=lambda repo, ids: {name: contents[name] for name in ids})
    services = cast("Services", SimpleNamespace(scanner=scanner, repos=repos))
    change = TreeChange(repo="acme/shop", base="c", base_tree="base", tree="head", files=tuple(files), digest="d")
    return scan(services, change), scanner


def test_only_files_that_the_patch_writes_are_given() -> None:
    files = [
        file("new", ChangeKind.ADDED),
        file("changed"),
        file("gone", ChangeKind.DELETED),
        file("mode", ChangeKind.MODE, ("100644", "100755")),
        file("link", ChangeKind.ADDED, ("000000", "120000")),
        file("module", ChangeKind.ADDED, ("000000", "160000")),
        file("was-link", modes=("120000", "100644")),
    ]
    both = {name: name.encode() for name in ("new", "changed", "gone", "mode", "link", "module", "was-link")}
    seen, scanner = scanned(files, {"base": both, "head": both})
    written = {"new": b"new", "changed": b"changed", "was-link": b"was-link"}
    assert scanner.given == [({"changed": b"changed"}, written)]
    assert seen.sightings == ()


def test_nothing_is_asked_about_nothing() -> None:
    seen, scanner = scanned([file("gone", ChangeKind.DELETED)], {"base": {}, "head": {}})
    assert (seen, scanner.given) == (Scan(), [])


def test_what_is_too_large_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "MAX_IN_A_FILE", 10)
    monkeypatch.setattr(verification, "MAX_IN_ALL", 15)
    head = {"a": b"a" * 10, "b": b"b" * 11, "c": b"c" * 6, "d": b"d" * 5}
    base = {"a": b"x" * 11, "b": b"", "c": b"", "d": b"y"}
    seen, scanner = scanned([file(name) for name in "abcd"], {"base": base, "head": head})
    assert {(one.scanner, one.rule, one.path) for one in seen.sightings} == {("deputy", TOO_LARGE, p) for p in "bc"}
    ((old, new),) = scanner.given
    assert new == {"a": head["a"], "d": head["d"]}
    assert "a" not in old
    assert old["d"] == b"y"
