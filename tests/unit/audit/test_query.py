"""The query language says what it understood, or which word it did not."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.audit import Query, parse_query
from deputy.domain.errors import BadInput


def test_every_field() -> None:
    query = parse_query("task:D-7K2M9QXA actor:user:T1/U1 name:vote:* since:2026-01-01 limit:50")
    assert query == Query("D-7K2M9QXA", "user:T1/U1", "vote:*", datetime(2026, 1, 1, tzinfo=UTC), 50)


def test_nothing_given_matches_everything() -> None:
    assert parse_query("  ") == Query()


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("D-7K2M9QXA", Query(task="D-7K2M9QXA")),
        ("d-7k2m9qxa", Query(task="D-7K2M9QXA")),
        ("actor:T1/U1", Query(actor="user:T1/U1")),
        ("actor:deputy", Query(actor="deputy")),
        ("name:task:question:asked", Query(name="task:question:asked")),
        ("since:2026-01-31T09:30", Query(since=datetime(2026, 1, 31, 9, 30, tzinfo=UTC))),
        ("since:2026-01-31T09:30+02:00", Query(since=datetime(2026, 1, 31, 7, 30, tzinfo=UTC))),
    ],
)
def test_short_forms(text: str, query: Query) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("when:today", "`when:today` can't be understood"),
        ("vote", "use task, actor, name, since, limit"),
        ("task:", "each followed by a colon and a value"),
        ("task:shop", "a task looks like D-7K2M9QXA"),
        ("actor:Alice", "an actor looks like user:T1/U1"),
        ("name:vote:*:x", "a name looks like vote:cast"),
        ("since:yesterday", "a time looks like 2026-01-31"),
        ("limit:0", "from 1 to 1000"),
        ("limit:1001", "from 1 to 1000"),
        ("limit:²", "from 1 to 1000"),
        ("task:D-AAAA task:D-BBBB", "task is given twice"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_query(text)
    assert why in str(caught.value)
    assert "limit:50" in str(caught.value)


@given(st.text() | st.from_regex(r"(task|actor|name|since|limit):\S*", fullmatch=True))
def test_law_nothing_but_bad_input_comes_out(text: str) -> None:
    refused = ""
    try:
        parse_query(text)
    except BadInput as error:
        refused = str(error)
    assert len(refused) < 400
