"""Changes of a work tree: laws on random trees, against what the random edits did."""

import mmap
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.adapters.sandbox.channel.wire import DockerWire
from deputy.adapters.sandbox.guest.inside import kill_everything
from deputy.adapters.sandbox.guest.output import Capped
from deputy.adapters.sandbox.guest.tree import Refused, read_file, write_file
from deputy.adapters.sandbox.guest.workspace import Workspace, blob_id
from tests.support.examples import examples

CAPS = {"most_files": 1000, "most_bytes": 10**6, "largest": 10**5}
NAMES = st.sampled_from(["a", "b", "c.txt", "d/e", "d/f", "d/g/h", "é"])
TREES = st.dictionaries(NAMES, st.tuples(st.binary(max_size=20), st.sampled_from([0o644, 0o755])))


def make(root: Path, tree: dict[str, tuple[bytes, int]]) -> None:
    for path, (content, mode) in tree.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)


def laid_out(root: Path, tree: dict[str, tuple[bytes, int]], trusts_stamps: bool | None) -> Workspace:
    """``trusts_stamps`` of None is as it is found to be."""
    workspace = Workspace(str(root))
    for path, (content, mode) in tree.items():
        workspace.put(path, "100755" if mode & 0o100 else "100644", blob_id(content), content)
    workspace.settle()
    workspace.trusts_stamps = workspace.trusts_stamps if trusts_stamps is None else trusts_stamps
    return workspace


@settings(max_examples=examples(60), deadline=None)
@given(before=TREES, after=TREES, trusts_stamps=st.booleans())
def test_old_tree_plus_changes_is_the_new_tree(
    before: dict[str, tuple[bytes, int]],
    after: dict[str, tuple[bytes, int]],
    *,
    trusts_stamps: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("tree")
    workspace = laid_out(root, before, trusts_stamps)
    for path in before:
        (root / path).unlink()
    make(root, after)
    result = dict(before)
    for path, mode, content in workspace.changes(**CAPS):
        if mode:
            assert before.get(path) != after[path], "an unchanged file is listed"
            result[path] = (content, 0o755 if mode == "100755" else 0o644)
        else:
            del result[path]
    assert result == after


def write_through_a_map(file: Path) -> None:
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[:1] = b"y"


def test_a_change_through_a_memory_map_is_seen(tmp_path: Path) -> None:
    workspace = laid_out(tmp_path, {"mapped": (b"x" * 100, 0o644), "other": (b"x", 0o644)}, None)
    status = (tmp_path / "mapped").stat()
    write_through_a_map(tmp_path / "mapped")
    os.utime(tmp_path / "mapped", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [path for path, _, _ in workspace.changes(**CAPS)] == ["mapped"]


def test_where_stamps_tell_nothing_every_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deputy.adapters.sandbox.guest.workspace.stamp_of", lambda status: (0, status.st_size))
    workspace = laid_out(tmp_path, {"mapped": (b"x" * 100, 0o644)}, None)
    assert not workspace.trusts_stamps
    write_through_a_map(tmp_path / "mapped")
    assert [path for path, _, _ in workspace.changes(**CAPS)] == ["mapped"]


def test_git_agrees_on_what_changed(tmp_path: Path) -> None:
    workspace = laid_out(tmp_path, {"a": (b"1", 0o644), "b": (b"2", 0o644), "c/d": (b"3", 0o755)}, None)
    workspace.put("l", "120000", blob_id(b"a"), b"a")
    workspace.settle()

    def git(*args: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        return subprocess.run(["git", *who, *args], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x")
    workspace.settle(was_read=True)
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").unlink()
    (tmp_path / "c" / "d").chmod(0o644)
    (tmp_path / "l").unlink()
    (tmp_path / "l").symlink_to("c/d")
    git("add", "-A")
    found = {(path, mode or "000000") for path, mode, _ in workspace.changes(**CAPS)}
    raw = [line.split() for line in git("diff", "--cached", "--raw", "--no-renames").splitlines()]
    assert found == {(fields[5], fields[1]) for fields in raw}


@pytest.mark.parametrize("path", ["../out", "link/x", "/etc/hostname", "a\0b"])
def test_reading_and_writing_stay_inside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "x").write_bytes(b"secret")
    (tmp_path / "out").write_bytes(b"secret")
    (root / "link").symlink_to("..")
    with pytest.raises(Refused):
        read_file(str(root), path, 100)
    with pytest.raises(Refused):
        write_file(str(root), path, b"overwritten")
    assert (tmp_path / "x").read_bytes() == (tmp_path / "out").read_bytes() == b"secret"


def test_a_sibling_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root-other").mkdir()
    with pytest.raises(Refused):
        write_file(str(tmp_path / "root"), "../root-other/x", b"")


@given(pieces=st.lists(st.binary(max_size=50), max_size=40), limit=st.integers(2, 100))
def test_capped_output_is_head_and_tail(pieces: list[bytes], limit: int) -> None:
    capped, whole = Capped(limit), b"".join(pieces)
    for piece in pieces:
        capped.add(piece)
    text, cut = capped.result()
    half = limit // 2
    if len(whole) <= 2 * half:
        assert (text, cut) == (whole, 0)
    else:
        assert cut == len(whole) - 2 * half
        assert text == whole[:half] + b"\n[... %d bytes left out ...]\n" % cut + whole[-half:]


def test_capped_output_takes_bounded_memory() -> None:
    capped = Capped(1000)
    for _ in range(100):
        capped.add(b"x" * 65_536)
    assert len(capped.head) + len(capped.tail) < 200_000


def test_outside_a_container_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Also where the tests themselves run as process 1 of a container.
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("killed"))
    with pytest.raises(Refused):
        kill_everything()


class Pieces:
    """A connection that gives its bytes in pieces."""

    def __init__(self, data: bytes, size: int) -> None:
        self._pieces = [data[start : start + size] for start in range(0, len(data), size)]

    def settimeout(self, value: float) -> None: ...

    def recv(self, _: int) -> bytes:
        if not self._pieces:
            raise TimeoutError
        return self._pieces.pop(0)

    def sendall(self, data: bytes) -> None: ...

    def close(self) -> None: ...


@given(size=st.integers(1, 40))
def test_the_engines_framing_is_taken_apart(size: int) -> None:
    def frame(stream: int, data: bytes) -> bytes:
        return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data

    wire = DockerWire(Pieces(frame(1, b"one ") + frame(2, b"oops\x1b[2J") + frame(1, b"") + frame(1, b"two"), size))
    out = b"".join(wire.receive(0.1) or b"" for _ in range(100))
    assert out == b"one two"
    assert wire.last_words() == "oops\x1b[2J"
