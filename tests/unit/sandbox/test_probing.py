"""What the probe's answer may be, and what people read of it."""

import json
from collections.abc import Sequence
from typing import cast

import pytest
from pydantic import JsonValue

from deputy.adapters.sandbox.channel.channel import Channel
from deputy.adapters.sandbox.channel.client import DeltaCaps, SandboxClient
from deputy.adapters.sandbox.guest.probes.bounds import MEMORY
from deputy.adapters.sandbox.guest.probes.trying import Open, judged, refused
from deputy.adapters.sandbox.host.probing import LIMITS, names, parse_answer, probe
from deputy.app.composition.sealing import sealing
from deputy.domain.errors import SandboxFailed, Unavailable
from deputy.ports import Attempt, SandboxSpec
from tests.support.lying_wire import Frame, LyingWire, replies

SPEC = SandboxSpec("deputy-probe", "D-PROBE", "", {}, {}, LIMITS)
WANTED = ["mounting", "bpf"]
GOOD = [["mounting", True, "Operation not permitted"], ["bpf", False, "it worked (3)"]]


def test_an_answer_is_a_list_of_attempts() -> None:
    assert parse_answer(json.dumps(GOOD).encode(), WANTED) == (
        Attempt("mounting", True, "Operation not permitted"),
        Attempt("bpf", False, "it worked (3)"),
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        json.dumps(GOOD[:1]).encode(),
        json.dumps([*GOOD, GOOD[0]]).encode(),
        json.dumps(GOOD[::-1]).encode(),
        json.dumps([GOOD[0], GOOD[0]]).encode(),
        json.dumps([GOOD[0], ["bpf", 1, ""]]).encode(),
        json.dumps([GOOD[0], ["bpf", "true", ""]]).encode(),
        json.dumps([GOOD[0], ["bpf", True]]).encode(),
        json.dumps([GOOD[0], ["bpf", True, None]]).encode(),
        json.dumps(GOOD).encode() + b"[]",
    ],
    ids=range(14),
)
def test_any_other_answer_is_a_failure_of_the_sandbox_never_a_success(answer: bytes) -> None:
    with pytest.raises(SandboxFailed):
        parse_answer(answer, WANTED)


def test_an_attempts_message_is_short_and_plain() -> None:
    lines = [["mounting", True, "\x1b[2J" + "x" * 9000], ["bpf", True, "line\nline"]]
    first, second = parse_answer(json.dumps(lines).encode(), WANTED)
    assert "\x1b" not in first.message
    assert len(first.message) == 200
    assert second.message == "line line"


def test_each_attempt_has_a_name_of_its_own_and_they_are_many() -> None:
    assert len(set(names())) == len(names()) >= 37


# ---------------------------------------------------------------------------------------------------- the two bombs

ENDED: Frame = ({"t": "gone"}, b"")  # stands for a sandbox that ends; nothing is sent
BOMB = {"t": "done", "exit": 0, "cut": 0, "seconds": 0.1, "timed_out": False}


def probed(ends: Sequence[Frame], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Attempt], int]:
    """What the probe finds where the memory bombs end so, one after the other; and how many sandboxes were started."""
    monkeypatch.setattr("deputy.adapters.sandbox.channel.client._GRACE_SECONDS", -59.8)
    waiting, started = list(ends), []

    def start() -> SandboxClient:
        def answer(request: dict[str, JsonValue]) -> bytes:
            wanted = json.loads(str(cast("list[str]", request["argv"])[-1]))["names"]
            end: Frame = ({**BOMB}, json.dumps([(name, True, "said") for name in wanted]).encode())
            if wanted == [MEMORY]:
                end = waiting.pop(0)
            if end is ENDED:
                wire.is_broken = True
                return b""
            return replies(end)(request) if end[0] else b""

        wire = LyingWire(answer, piece=1 << 16)
        started.append(wire)
        return SandboxClient(SPEC, Channel(wire), lambda: None, DeltaCaps())

    attempts = probe(start, ["/workspace"])
    assert [attempt.name for attempt in attempts] == list(names())
    assert not waiting
    return [attempt for attempt in attempts if attempt.name == MEMORY], len(started)


def test_a_sandbox_that_ends_has_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probed([ENDED], monkeypatch)[0] == [Attempt(MEMORY, True, "the whole sandbox ended")]
    assert probed([({}, b""), ENDED], monkeypatch)[0] == [Attempt(MEMORY, True, "the whole sandbox ended")]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (({}, b""), "no reply in time"),
        (({**BOMB, "exit": -9, "timed_out": True}, b""), "the probe failed"),
        (({**BOMB, "exit": 1}, b"Traceback"), "Traceback"),
        (({**BOMB, "cut": 5}, b"[]"), "the probe failed"),
        (({**BOMB}, b"[]"), "does not match the question"),
        (({**BOMB}, b"not json"), "can't be read"),
        (({"t": "error", "kind": "failed", "why": "MemoryError"}, b""), "MemoryError"),
        (({**BOMB}, json.dumps([(MEMORY, False, "no answer within 20 s")]).encode()), "no answer within 20 s"),
    ],
    ids=["hang", "timeout", "crash", "flood", "else", "unreadable", "process 1", "no answer"],
)
def test_one_that_fails_otherwise_is_open_if_it_fails_twice(
    end: Frame, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = probed([end, end], monkeypatch)
    assert [(attempt.is_refused, said in attempt.message) for attempt in found] == [(False, True)], found
    good: Frame = ({**BOMB}, json.dumps([(MEMORY, True, "killed")]).encode())
    assert probed([end, good], monkeypatch) == ([Attempt(MEMORY, True, "killed")], 2)


def test_one_that_works_is_open_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    end: Frame = ({**BOMB}, json.dumps([(MEMORY, False, "more than 5 bytes")]).encode())
    assert probed([end], monkeypatch) == ([Attempt(MEMORY, False, "more than 5 bytes")], 1)


# ---------------------------------------------------------------------------------------------------- what is a refusal


def fails_with(error: BaseException) -> object:
    def attempt() -> str:
        return refused(lambda: (_ for _ in ()).throw(error))

    return judged(attempt)


def test_only_a_refusal_is_a_refusal() -> None:
    assert fails_with(PermissionError(1, "Operation not permitted")) == (True, "Operation not permitted")
    assert fails_with(OSError(22, "Invalid argument")) == (False, "not refused, but failed: Invalid argument")
    assert fails_with(TimeoutError("timed out")) == (False, "not refused, but failed: timed out")
    assert fails_with(ValueError("what?")) == (False, "can't tell: ValueError: what?")
    assert fails_with(SystemExit(0)) == (False, "can't tell: SystemExit: 0")
    assert judged(lambda: refused(lambda: 3)) == (False, "it worked (3)")


def test_a_finding_says_what_was_found() -> None:
    def attempt() -> str:
        raise Open("eth0")

    assert judged(attempt) == (False, "eth0")


# ---------------------------------------------------------------------------------------------------- for people


def test_all_refused_is_reported_with_the_number() -> None:
    assert sealing([Attempt("a", True), Attempt("b", True)]) == "2 of 2 attempts refused"


def test_what_is_open_is_named_with_what_to_do() -> None:
    attempts = [Attempt("a", True), *(Attempt(f"way {n}", False, "it worked") for n in range(7))]
    with pytest.raises(Unavailable) as caught:
        sealing(attempts)
    assert str(caught.value) == (
        "The sandboxes are not sealed: possible from inside: way 0 (it worked); way 1 (it worked); way 2 (it worked); "
        "way 3 (it worked); way 4 (it worked); and 2 more. See 'Sealing' in docs/sandbox.md."
    )


def test_no_attempt_is_no_proof() -> None:
    with pytest.raises(Unavailable, match="nothing was tried"):
        sealing([])
