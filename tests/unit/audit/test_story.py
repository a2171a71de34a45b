"""What people read when they ask what happened."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from deputy.audit import describe, story
from deputy.audit.story import SENTENCES
from deputy.domain.events import Event, EventName

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ALICE = "user:T0ACME/U0ALICE"
SAM = "user:T0ACME/U0SAM"


@dataclass(frozen=True)
class Line:
    seq: int
    event: Event


def event(name: str, actor: str = "deputy", personal: dict[str, str] | None = None, **data: JsonValue) -> Event:
    return Event(name=name, at=NOON, actor=actor, task="D-7K2M9QXA", data=data, personal=personal or {})


def decision(action: str, effect: str, *rules: str) -> JsonValue:
    return {"action": action, "effect": effect, "rules": [{"id": rule} for rule in rules]}


def test_a_task_is_told_from_question_to_delivery() -> None:
    events = [
        event("request:received", ALICE, {"text": "can you just fix the refunds"}, source="mention"),
        event(
            "task:queued",
            spec={"repo": "acme/shop", "kind": "fix"},
            policy="0123456789abcdef",
            decisions=[decision("request", "allow", "a-eng"), decision("run", "allow", "a-eng", "a-run")],
        ),
        event(
            "run:command:finished",
            argv=["pytest", "-k", "split payment"],
            exit_code=1,
            timed_out=False,
            seconds=1.5,
            log="ff" * 32,
        ),
        event("patch:computed", patch="ab" * 32, files=["modified billing/refunds.py 100644>100644 " + "c" * 40]),
        event("gates:judged", effect="review", rules=["r-bill"], needs="1 senior", findings=[]),
        event("hold:opened", kind="sign-off", needs="1 senior", excluded=[ALICE], why="billing is sensitive"),
        event("vote:refused", ALICE, choice="approve", reason="you asked for this yourself"),
        event("vote:cast", SAM, choice="approve", roles=["role:engineer", "role:senior"]),
        event("delivery:finished", patch="ab" * 32, file="cd" * 32, proof=""),
    ]
    told = story([Line(number, one) for number, one in enumerate(events, 1)], {SAM: "Sam Okafor"})
    assert told.splitlines() == [
        "   1  2026-01-31 12:00:00  U0ALICE asked: “can you just fix the refunds”",
        (
            "   2  2026-01-31 12:00:00  queued for acme/shop; policy 0123456789ab: "
            "request allow by a-eng; run allow by a-eng, a-run"
        ),
        "   3  2026-01-31 12:00:00  ran `pytest -k 'split payment'`: exit status 1, 1.5 s; log ffffffffffff",
        "   4  2026-01-31 12:00:00  patch abababababab computed: modified billing/refunds.py",
        "   5  2026-01-31 12:00:00  policy and gates on the patch: review, by r-bill; needs 1 senior",
        f"   6  2026-01-31 12:00:00  waiting for sign-off by 1 senior, not by {ALICE}: billing is sensitive",
        "   7  2026-01-31 12:00:00  U0ALICE tried to approve; refused: you asked for this yourself",
        "   8  2026-01-31 12:00:00  Sam Okafor voted approve, as role:engineer, role:senior",
        "   9  2026-01-31 12:00:00  delivered: patch abababababab, file cdcdcdcdcdcd",
    ]


def test_an_erased_request_is_said_to_be() -> None:
    assert describe(event("request:received", ALICE)) == "U0ALICE asked: “(erased)”"


def test_a_refusal_names_the_rule() -> None:
    refused = event("task:refused", outcome="secrets stay secret", decision=decision("edit", "deny", "d-secrets"))
    assert describe(refused) == "refused: secrets stay secret (edit deny by d-secrets)"
    unmatched = event("task:refused", outcome="nobody allows this", decision=decision("request", "deny"))
    assert describe(unmatched) == "refused: nobody allows this (request deny by no rule)"


def test_what_is_not_known_is_told_plainly() -> None:
    assert describe(event("moon:risen", phase="full")) == "Deputy: moon:risen phase=full"


@pytest.mark.parametrize("name", EventName)
def test_every_event_has_a_sentence(name: EventName) -> None:
    assert name in SENTENCES
    assert describe(event(name)) not in ("", name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["decision", "decisions", "spec", "argv", "files", "rules", "why", "outcome", "choice"])


@given(st.sampled_from([*EventName, "moon:risen"]), st.dictionaries(KEYS, JSON), st.text())
def test_law_any_event_is_one_plain_line(name: str, data: dict[str, JsonValue], text: str) -> None:
    told = describe(event(name, f"user:T1/{text}", {"text": text}, **data))
    assert told.isprintable()
    assert len(told) <= 300
