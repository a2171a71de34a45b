"""An agent's tools in a real sandbox: searches with and without ripgrep, reading, edits that keep a file's ways."""

import os
from collections.abc import Callable, Iterator

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.agent import Edit, Read, Run, Search, ToolCall, ToolResult
from deputy.flow.runs.toolbox import MAX_FILE, use_tool
from deputy.ports import Sandbox, SandboxLimits, SandboxSpec, TreeFile
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

BOM = b"\xef\xbb\xbf"
FILES = {
    "shop/cart.py": (b"def total(items):\n    return sum(items)\n", 0o644),
    "crlf.txt": (b"one\r\ntwo\r\nthree\r\n", 0o644),
    "marked.txt": (BOM + b"one\r\ntwo", 0o644),
    "unended.txt": (b"one\ntwo", 0o644),
    "run.sh": (b"#!/bin/sh\necho one\n", 0o755),
    "latin.txt": (b"caf\xe9\n", 0o644),
    "large.txt": (b"a line that goes on\n" * 60_000, 0o644),
    "many.txt": (b"needle " + b"x" * 500 + b"\n", 0o644),
    # A folder of programs without ripgrep, as an image may be.
    "bin/grep": (b'#!/bin/sh\nexec /usr/bin/grep "$@"\n', 0o755),
}
Use = Callable[[ToolCall], ToolResult]


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner=f"test-tools-{os.getpid()}")
    yield made
    made.sweep(lambda _: False)


@pytest.fixture
def box(sandboxes: DockerSandboxes) -> Iterator[Sandbox]:
    limits = SandboxLimits(memory=256 * 1024**2, disk=32 * 1024**2, inodes=4000, output=200_000)
    tree = tree_of(FILES, {"link.txt": "unended.txt"})
    with sandboxes.start(SandboxSpec(f"deputy-D-T00LS-{os.getpid()}", "D-T00LS", "", tree, {}, limits)) as started:
        yield started


@pytest.fixture
def use(box: Sandbox) -> Use:
    return lambda call: use_tool(box, call, lambda argv: box.run(argv, timeout=30))


def written(box: Sandbox) -> dict[str, TreeFile]:
    return {file.path: file for file in box.delta().written}


# --------------------------------------------------------------------------------------------------------- search


def test_a_search_says_file_line_and_text(use: Use) -> None:
    found = use(Search(r"def \w+"))
    assert found.ok
    assert "shop/cart.py:1:def total(items):" in found.text
    assert use(Search("nowhere at all")).text.startswith("exit status 1")


def test_a_search_without_ripgrep_says_so(box: Sandbox) -> None:
    def without(call: ToolCall) -> ToolResult:
        return use_tool(box, call, lambda argv: box.run(argv, timeout=30, env={"PATH": "/workspace/bin"}))

    found = without(Search("def [a-z]+", "shop"))
    assert found.ok
    assert "has no ripgrep" in found.text
    assert "shop/cart.py:1:def total(items):" in found.text
    assert "root:" not in without(Search("--file=/etc/passwd", "--include=x")).text


def test_a_search_comes_back_bounded(use: Use) -> None:
    assert len(use(Search("a")).text) < 13_000
    assert len(use(Search("needle")).text) < 500
    assert len(use(Run("yes | head -c 5000000")).text) < 13_000


# ----------------------------------------------------------------------------------------------------- read, edit


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (Edit("crlf.txt", "one\ntwo\n", "1\n2\n2b\n"), b"1\r\n2\r\n2b\r\nthree\r\n"),
        (Edit("marked.txt", "one\ntwo", "1\n2"), BOM + b"1\r\n2"),
        (Edit("unended.txt", "two", "2"), b"one\n2"),
        (Edit("run.sh", "one", "two"), b"#!/bin/sh\necho two\n"),
        (Edit("new/file.txt", "", "first\n"), b"first\n"),
    ],
)
def test_an_edit_keeps_line_ends_mark_last_line_and_mode(box: Sandbox, use: Use, edit: Edit, after: bytes) -> None:
    done = use(edit)
    assert (done.ok, done.is_edit) == (True, True), done.text
    mode = "100755" if edit.path == "run.sh" else "100644"
    assert written(box) == {edit.path: TreeFile(edit.path, mode, after)}


def test_what_is_read_can_be_copied_into_an_edit(use: Use) -> None:
    assert use(Read("marked.txt")).text == "    1  one\n    2  two"
    assert use(Read("crlf.txt", 2, 3)).text == "    2  two\n    3  three"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (Edit("large.txt", "a line", "b", 60_000), "edit it with a command"),
        (Edit("latin.txt", "caf", "tea"), "can't be edited as text"),
        (Edit("gone.txt", "a", "b"), "no file"),
        (Edit("../../etc/passwd", "root", "toor"), "can't be edited"),
        (Edit("/etc/passwd", "root", "toor"), "can't be edited"),
        (Edit("../escape.txt", "", "x"), "can't be edited"),
        (Edit("shop", "", "x"), ""),
        (Edit("unended.txt", "", "x"), "there already"),
    ],
)
def test_an_edit_that_can_not_be_done_changes_nothing(box: Sandbox, use: Use, edit: Edit, says: str) -> None:
    done = use(edit)
    assert (done.ok, done.is_edit) == (False, False)
    assert says in done.text
    assert written(box) == {}


def test_a_large_file_is_read_as_far_as_it_goes(use: Use) -> None:
    assert len(FILES["large.txt"][0]) > MAX_FILE
    done = use(Read("large.txt", 1, 2))
    assert done.text.startswith("    1  a line that goes on\n    2  a line that goes on")
    assert "can be read by a command" in done.text


def test_an_edit_through_a_link_changes_the_file_and_keeps_the_link(box: Sandbox, use: Use) -> None:
    assert use(Edit("link.txt", "two", "2")).ok
    assert set(written(box)) == {"unended.txt"}
