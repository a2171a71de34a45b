"""The Bolt app without a network: whatever arrives is answered, and an answer means that it was kept or is useless."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.adapters.slack.identity import Identity
from deputy.adapters.slack.receiving.app import ACCEPTED, MALFORMED, NOT_ACCEPTED, build_app, dispatch
from deputy.domain.errors import Unavailable
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming
from tests.support.examples import examples

HOME = Identity(team="T0ACME", user="U0DEPUTY", bot="B0DEPUTY")


class Still:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)


class Inbox:
    error: Exception | None = None

    def accept(self, incoming: Incoming) -> bool:
        if self.error is not None:
            raise self.error
        return True

    def knows_thread(self, channel: str, thread: str) -> bool:
        return False

    def note_edit(self, channel: str, message: str, actor: Actor, at: datetime) -> None:
        pass


INBOX = Inbox()
APP = build_app(INBOX, HOME, Still(), signing_secret=None, background=ThreadPoolExecutor(1))
NAMES = [
    *("type", "event", "event_callback", "message", "app_mention", "block_actions", "view_submission", "actions"),
    *("authorizations", "team", "id", "user", "channel", "text", "ts", "command", "trigger_id", "container", "view"),
]
VALUES = st.recursive(
    st.sampled_from([None, True, 3, "", *NAMES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_every_payload_is_answered_for_good(payload: dict[str, Any]) -> None:
    assert dispatch(APP, mode="socket_mode", body=payload, headers={}).status in {ACCEPTED, MALFORMED}


@pytest.mark.parametrize("error", [Unavailable("the database can't be reached"), RuntimeError("boom"), ValueError()])
def test_what_was_not_kept_is_not_acknowledged(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(INBOX, "error", error)
    event = {"type": "app_mention", "channel": "C0SHOP", "user": "U0ALICE", "ts": "2.2", "text": "<@U0DEPUTY> hi"}
    payload = {"type": "event_callback", "team_id": "T0ACME", "event": event}
    assert dispatch(APP, mode="socket_mode", body=payload, headers={}).status == NOT_ACCEPTED
    command = {"command": "/deputy", "user_id": "U0ALICE", "team_id": "T0ACME", "trigger_id": "1.2", "text": "help"}
    answer = dispatch(APP, mode="socket_mode", body=command, headers={})
    assert answer.status == ACCEPTED
    assert str(error) in answer.body or "nothing was done" in answer.body
    assert "boom" not in answer.body
