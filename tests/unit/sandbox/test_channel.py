"""The host's end of the channel against a sandbox that lies, stalls, floods or dies."""

import struct
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from deputy.adapters.sandbox.channel.channel import HEADER_LIMIT, Answer, Channel
from deputy.adapters.sandbox.channel.client import DeltaCaps, SandboxClient
from deputy.domain.errors import BadInput, Cancelled, DeputyError, NotFound, OutOfBudget, SandboxFailed
from deputy.ports import SandboxLimits, SandboxSpec
from tests.support.lying_wire import Frame, LyingWire, encode, replies

DONE: Frame = ({"t": "done", "exit": 0, "cut": 0, "seconds": 0.1, "timed_out": False}, b"out")


def ask(answer: Callable[[dict[str, JsonValue]], bytes], **options: float) -> list[Answer]:
    return list(Channel(LyingWire(answer)).ask({"op": "x"}, seconds=options.get("seconds", 1), most_bytes=1000))


def make_sandbox(answer: Callable[[dict[str, JsonValue]], bytes], **caps: int) -> tuple[SandboxClient, list[str]]:
    removed: list[str] = []
    spec = SandboxSpec("deputy-D-1-run", "D-1", "", {}, {}, SandboxLimits(output=100))
    return SandboxClient(spec, Channel(LyingWire(answer)), lambda: removed.append("gone"), DeltaCaps(**caps)), removed


def test_output_that_comes_byte_by_byte_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the allowance, so that so few bytes show whether their frames are counted in.
    monkeypatch.setattr("deputy.adapters.sandbox.channel.client._FRAME_ALLOWANCE", 50)
    shown: list[bytes] = []
    sandbox, removed = make_sandbox(replies(*[({"t": "out"}, b"x")] * 100, ({**DONE[0]}, b"x" * 100)))
    assert sandbox.run(["x"], on_output=shown.append).output == b"x" * 100
    assert (shown, removed) == ([b"x"] * 100, [])


def test_an_honest_answer() -> None:
    answers = ask(replies(({"t": "out"}, b"a"), DONE))
    assert [answer.body for answer in answers] == [b"a", b"out"]


LIES = {
    "another id": lambda request: encode({"id": "0" * 16, "t": "done"}),
    "no id": lambda request: encode({"t": "done"}),
    "an id of another type": lambda request: encode({"id": [request["id"]], "t": "done"}),
    "not json": lambda request: struct.pack(">II", 3, 0) + b"{{{",
    "not utf-8": lambda request: struct.pack(">II", 3, 0) + b"\xff\xfe\xff",
    "not an object": lambda request: encode([request["id"]]),
    "deep json": lambda request: struct.pack(">II", 60_000, 0) + b"[" * 60_000,
    "a huge header": lambda request: struct.pack(">II", HEADER_LIMIT + 1, 0),
    "a huge body": lambda request: struct.pack(">II", 2, 0xFFFFFFFF) + b"{}",
    "too much in all": lambda request: encode({"id": request["id"], "t": "out"}, b"x" * 300) * 4,
    "endless": lambda request: encode({"id": request["id"], "t": "out"}) * 500,
    "nothing": lambda request: b"",
    "half a frame": lambda request: encode({"id": request["id"], "t": "done"})[:-1],
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_the_sandboxes_failure(lie: Callable[[dict[str, JsonValue]], bytes]) -> None:
    with pytest.raises(SandboxFailed):
        ask(lie, seconds=0.3)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise_anything_else(noise: bytes) -> None:
    with pytest.raises(SandboxFailed):
        ask(lambda _: noise, seconds=0.01)


def test_tickets_differ() -> None:
    seen: list[JsonValue] = []
    wire = LyingWire(lambda request: (seen.append(request["id"]), encode({"id": request["id"], "t": "done"}))[1])
    channel = Channel(wire)
    for _ in range(3):
        list(channel.ask({"op": "x"}, seconds=1, most_bytes=100))
    assert len(set(seen)) == 3


def test_a_dead_sandbox_says_its_last_words() -> None:
    wire = LyingWire(replies(DONE))
    wire.is_broken = True
    with pytest.raises(SandboxFailed, match=r"its process ended \(Killed \]0;title\)"):
        list(Channel(wire).ask({"op": "x"}, seconds=1, most_bytes=100))


def test_cancelling_is_seen_while_waiting() -> None:
    began = time.monotonic()
    with pytest.raises(Cancelled):
        list(
            Channel(LyingWire(lambda _: b"")).ask(
                {}, seconds=30, most_bytes=9, is_cancelled=lambda: time.monotonic() - began > 0.1
            )
        )


def test_a_loud_command_does_not_ask_the_database_at_every_byte() -> None:
    asked: list[float] = []
    wire = LyingWire(replies(*[({"t": "out"}, b"x")] * 50, DONE), piece=1)
    list(Channel(wire).ask({}, seconds=5, most_bytes=10_000, is_cancelled=lambda: bool(asked.append(time.monotonic()))))
    assert 1 <= len(asked) <= 5


# ------------------------------------------------------------------------------------------------------ the sandbox


def test_a_command_of_an_honest_sandbox() -> None:
    sandbox, removed = make_sandbox(replies(({"t": "out"}, b"live"), DONE))
    live: list[bytes] = []
    result = sandbox.run(["x"], on_output=live.append)
    assert (result.output, live, removed) == (b"out", [b"live"], [])


BAD_RESULTS = {
    "no exit code": {"t": "done", "cut": 0, "seconds": 1},
    "a text for a number": {"t": "done", "exit": "0", "cut": 0, "seconds": 1},
    "true for a number": {"t": "done", "exit": True, "cut": 0, "seconds": 1},
    "infinity": {"t": "done", "exit": float("inf"), "cut": 0, "seconds": 1},
    "not a number": {"t": "done", "exit": 0, "cut": 0, "seconds": float("nan")},
    "an error": {"t": "error", "kind": "failed", "why": "stuck"},
    "an error without a reason": {"t": "error", "why": 3},
}


@pytest.mark.parametrize("header", BAD_RESULTS.values(), ids=BAD_RESULTS.keys())
def test_a_bad_result_removes_the_sandbox(header: dict[str, JsonValue]) -> None:
    sandbox, removed = make_sandbox(replies((header, b"")))
    with pytest.raises(SandboxFailed):
        sandbox.run(["x"])
    assert removed == ["gone"]
    with pytest.raises(SandboxFailed, match="closed"):
        sandbox.read("x")


BAD_PATHS = ["/etc/passwd", "../x", "a/../x", "a//b", "a/", "", ".", "./a", "nul\0", "x" * 5000]


@pytest.mark.parametrize("kind", ["file", "gone"])
@pytest.mark.parametrize("path", BAD_PATHS, ids=range(len(BAD_PATHS)))
def test_a_changed_path_that_git_could_not_store_removes_the_sandbox(kind: str, path: str) -> None:
    sandbox, removed = make_sandbox(replies(({"t": kind, "path": path, "mode": "100644"}, b""), ({"t": "done"}, b"")))
    with pytest.raises(SandboxFailed):
        sandbox.delta()
    assert removed == ["gone"]


@pytest.mark.parametrize("mode", ["160000", "040000", "100600", "", "0100644", 100644, None])
def test_a_mode_that_git_does_not_know_removes_the_sandbox(mode: JsonValue) -> None:
    sandbox, removed = make_sandbox(replies(({"t": "file", "path": "a", "mode": mode}, b""), ({"t": "done"}, b"")))
    with pytest.raises(SandboxFailed):
        sandbox.delta()
    assert removed == ["gone"]


def test_a_path_that_is_not_utf8_is_named() -> None:
    sandbox, _ = make_sandbox(replies(({"t": "file", "path": "a\udcff", "mode": "100644"}, b""), ({"t": "done"}, b"")))
    with pytest.raises(BadInput, match="not UTF-8"):
        sandbox.delta()


def test_more_files_than_agreed_remove_the_sandbox() -> None:
    frames: list[Frame] = [({"t": "gone", "path": str(n)}, b"") for n in range(4)]
    sandbox, removed = make_sandbox(replies(*frames, ({"t": "done"}, b"")), files=3)
    with pytest.raises(SandboxFailed):
        sandbox.delta()
    assert removed == ["gone"]


def test_more_bytes_than_agreed_remove_the_sandbox() -> None:
    big = ({"t": "file", "path": "a", "mode": "100644"}, b"x" * 2_000_000)
    sandbox, removed = make_sandbox(replies(big, ({"t": "done"}, b"")), total=1000)
    with pytest.raises(SandboxFailed):
        sandbox.delta()
    assert removed == ["gone"]


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda sandbox: sandbox.read("a"), NotFound),
        (lambda sandbox: sandbox.write("a", b""), BadInput),
        (lambda sandbox: sandbox.delta(), OutOfBudget),
    ],
)
def test_a_refusal_leaves_the_sandbox_usable(use: Callable[[SandboxClient], object], error: type[DeputyError]) -> None:
    sandbox, removed = make_sandbox(replies(({"t": "error", "kind": "over", "why": "No space left on device"}, b"")))
    with pytest.raises(error):
        use(sandbox)
    assert removed == []
