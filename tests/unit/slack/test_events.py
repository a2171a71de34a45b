"""Payloads as values: who, where, which key; and what is dropped."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.adapters.slack.events import Edit, read_clicks, read_command, read_edit, read_message
from deputy.adapters.slack.identity import Identity
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming, Source
from tests.support.examples import examples

HOME = Identity(team="T0ACME", user="U0DEPUTY", bot="B0DEPUTY", enterprise=None)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
MENTION = "<@U0DEPUTY> can you just fix the lint"


def body(kind: str = "message", outer: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    inner = {"type": kind, "channel": "C0SHOP", "user": "U0ALICE", "ts": "2.2", "text": "hi", "channel_type": "channel"}
    return {"team_id": "T0ACME", "event": inner | fields} | (outer or {})


def read(payload: dict[str, Any], home: Identity = HOME, threads: tuple[str, ...] = ("1.1",)) -> Incoming | None:
    return read_message(payload, home, lambda _, thread: thread in threads, NOW)


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"kind": "app_mention", "text": MENTION}, Source.MENTION),
        ({"text": MENTION}, Source.MENTION),
        ({"text": "<@U0DEPUTY|deputy> hi"}, Source.MENTION),
        ({"text": MENTION, "thread_ts": "1.1"}, Source.MENTION),
        ({"channel": "D0ALICE", "channel_type": "im"}, Source.DIRECT),
        ({"channel": "D0ALICE", "channel_type": "im", "thread_ts": "1.1"}, Source.THREAD),
        ({"thread_ts": "1.1"}, Source.THREAD),
        ({"thread_ts": "1.1", "subtype": "thread_broadcast"}, Source.THREAD),
        ({"text": MENTION, "subtype": "file_share"}, Source.MENTION),
        ({"thread_ts": "9.9"}, None),
        ({}, None),
        ({"text": "<@U0DEPUTYX> hi"}, None),
    ],
)
def test_what_counts_as_said_to_us(fields: dict[str, Any], source: Source | None) -> None:
    incoming = read(body(**fields))
    assert (incoming.source if incoming else None) == source


def test_the_thread_is_the_first_message() -> None:
    started, replied = read(body(text=MENTION)), read(body(text=MENTION, thread_ts="1.1"))
    assert started is not None
    assert replied is not None
    assert (started.place.thread, replied.place.thread, replied.message) == ("2.2", "1.1", "2.2")


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B0OTHER"},
        {"bot_profile": {"id": "B0OTHER"}},
        {"subtype": "bot_message"},
        {"user": "U0DEPUTY"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"user": ""},
        {"ts": 5},
        {"subtype": "channel_join"},
        {"subtype": "message_replied"},
        {"hidden": True},
    ],
)
def test_what_is_dropped(fields: dict[str, Any]) -> None:
    assert read(body(**({"text": MENTION} | fields))) is None


@pytest.mark.parametrize(
    ("fields", "outer", "team"),
    [
        ({"team": "T0ACME"}, {}, "T0ACME"),
        ({}, {}, "T0ACME"),
        ({"team": "T0OTHER"}, {}, "T0OTHER"),
        ({"team": "T0ACME", "user_team": "T0OTHER"}, {}, "T0OTHER"),
        ({"user_team": "T0OTHER", "source_team": "T0OTHER"}, {"is_ext_shared_channel": True}, "T0OTHER"),
        ({"team": "T0ACME", "user_profile": {"team": "T0OTHER"}}, {}, "T0OTHER"),
        ({"user_team": "E0OTHER"}, {"is_ext_shared_channel": True}, "E0OTHER"),
        ({}, {"is_ext_shared_channel": True, "team_id": "T0OTHER"}, "T0OTHER"),
        ({"team": "T0ACME"}, {"is_ext_shared_channel": True}, "T0ACME"),
    ],
)
def test_a_stranger_keeps_their_own_workspace(fields: dict[str, Any], outer: dict[str, Any], team: str) -> None:
    incoming = read(body(outer=outer, text=MENTION, **fields))
    assert incoming is not None
    assert incoming.actor.team == team
    # The key and the place stay ours: the same message seen twice is one.
    assert incoming.key == "slack:T0ACME:C0SHOP:2.2"
    assert incoming.place.team == "T0ACME"


def test_the_enterprise_is_kept_for_our_own_people_only() -> None:
    home = Identity("T0ACME", "U0DEPUTY", "B1", enterprise="E0ACME")
    ours, theirs = read(body(text=MENTION), home), read(body(text=MENTION, team="T0OTHER"), home)
    assert ours is not None
    assert theirs is not None
    assert (ours.actor.enterprise, theirs.actor.enterprise) == ("E0ACME", None)
    own_org = read(body(text=MENTION, user_team="E0ACME"), home)
    assert own_org is not None
    assert own_org.actor.team == "T0ACME"


def test_an_org_wide_app_acts_for_the_authorised_workspace() -> None:
    home = Identity("E0ACME", "U0DEPUTY", "B1", enterprise="E0ACME", is_org_wide=True)
    incoming = read(body(text=MENTION, team="T2", outer={"authorizations": [{"team_id": "T2"}]}), home)
    assert incoming is not None
    assert (incoming.key, incoming.actor.team) == ("slack:T2:C0SHOP:2.2", "T2")


def test_what_no_database_can_store_is_replaced() -> None:
    incoming = read(body(text=f"{MENTION}\ud83d \x00 😀"))
    assert incoming is not None
    assert incoming.text == f"{MENTION}\ufffd \ufffd 😀"


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return body(subtype="message_changed", user=None, ts="3.3", previous_message=before, message=after)


def test_an_edit_is_told_apart_from_an_unfurl() -> None:
    old = {"user": "U0ALICE", "ts": "2.2", "text": "fix it"}
    expected = Edit("C0SHOP", "2.2", Actor(team="T0ACME", user="U0ALICE"))
    assert read_edit(changed(old, old | {"text": "delete it"}), HOME) == expected
    assert read_edit(changed(old, old | {"attachments": [{"title": "unfurled"}]}), HOME) is None
    assert read_edit(changed(old | {"bot_id": "B1"}, old | {"bot_id": "B1", "text": "x"}), HOME) is None
    assert read_edit(body(text=MENTION), HOME) is None
    assert read(changed(old, old | {"text": MENTION})) is None


def test_a_deletion_is_an_edit() -> None:
    gone = body(
        subtype="message_deleted", deleted_ts="2.2", previous_message={"user": "U0ALICE", "ts": "2.2", "text": "x"}
    )
    assert read_edit(gone, HOME) == Edit("C0SHOP", "2.2", Actor(team="T0ACME", user="U0ALICE"))


def test_a_tombstone_is_a_deletion_by_the_author() -> None:
    before = {"user": "U0ALICE", "ts": "2.2", "text": "x"}
    stone = {"user": "USLACKBOT", "ts": "2.2", "text": "This message was deleted.", "subtype": "tombstone"}
    assert read_edit(changed(before, stone), HOME) == Edit("C0SHOP", "2.2", Actor(team="T0ACME", user="U0ALICE"))


def click(**fields: Any) -> dict[str, Any]:
    return {
        "team": {"id": "T0ACME"},
        "user": {"id": "U0SAM", "team_id": "T0ACME"},
        "container": {"message_ts": "2.2", "channel_id": "C0SHOP", "thread_ts": "1.1"},
        "actions": [{"action_id": "deputy.approve", "value": "n0nce", "action_ts": "4.4"}],
        "response_url": "https://hooks.example/1",
    } | fields


def test_a_click() -> None:
    (incoming,) = read_clicks(click(), HOME, NOW)
    assert incoming.key == "slack:click:T0ACME:C0SHOP:2.2:4.4:U0SAM:deputy.approve"
    assert (incoming.action, incoming.value, incoming.place.thread) == ("deputy.approve", "n0nce", "1.1")
    assert incoming.reply_url == "https://hooks.example/1"
    assert incoming.source is Source.CLICK


def test_a_strangers_click_keeps_their_workspace() -> None:
    (incoming,) = read_clicks(click(user={"id": "U0STRANGE", "team_id": "T0OTHER"}), HOME, NOW)
    assert incoming.actor == Actor(team="T0OTHER", user="U0STRANGE")


def test_a_menu_answers_with_what_was_chosen() -> None:
    menu = {"action_id": "deputy.answer", "action_ts": "4.4", "selected_option": {"value": "acme/shop"}}
    (incoming,) = read_clicks(click(actions=[menu]), HOME, NOW)
    assert incoming.value == "acme/shop"


@pytest.mark.parametrize(
    "fields", [{"actions": [{"action_id": "other.ok"}]}, {"actions": None}, {"user": {}}, {"container": {}}]
)
def test_clicks_that_are_not_ours(fields: dict[str, Any]) -> None:
    assert read_clicks(click(**fields), HOME, NOW) == ()


def test_a_command() -> None:
    typed = {"command": "/deputy", "text": "audit D-7K2M9QXA", "user_id": "U0CORA", "team_id": "T0ACME"}
    incoming = read_command(typed | {"trigger_id": "1.2.3", "channel_id": "C0SHOP"}, HOME, NOW)
    assert incoming is not None
    assert incoming.key == "slack:command:T0ACME:1.2.3"
    assert (incoming.text, incoming.action, incoming.place.thread) == ("audit D-7K2M9QXA", "/deputy", "")
    assert read_command(typed, HOME, NOW) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["event", "user", "id", "channel", "ts", "text", "actions", "message", "container", "team"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.dictionaries(st.sampled_from(["event", "actions", "user", "container", "team", "authorizations"]), JSON))
def test_reading_never_raises(payload: dict[str, Any]) -> None:
    read(payload)
    read_edit(payload, HOME)
    read_clicks(payload, HOME, NOW)
    read_command(payload, HOME, NOW)
