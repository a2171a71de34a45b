"""Attacks on the audit trail with the database's own tools, and what verification says afterwards."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from deputy.adapters.store import SqlStore
from deputy.audit import Harm
from deputy.domain.errors import AuditBroken
from tests.support.postgres import postgres_server, postgres_url  # noqa: F401
from tests.support.stores import database_url_fixture, event, store_fixture  # noqa: F401

Attack = Callable[..., None]
FORGED = '{"actor":"user:T0ACME/U0GUS"}'


@pytest.fixture
def trail(store: SqlStore) -> SqlStore:
    """A trail of five rows."""
    with store.transaction() as ledger:
        for number in range(5):
            ledger.append(event("vote:cast", seconds=number))
    return store


@pytest.fixture
def attack(database_url: str) -> Attack:
    """Runs statements behind Deputy's back, on a connection that knows nothing of it."""

    def run(*statements: str) -> None:
        if database_url.startswith("sqlite"):
            with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection, connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            with psycopg.connect(database_url) as connection:
                for statement in statements:
                    connection.execute(statement)

    return run


@pytest.fixture
def unguarded(trail: SqlStore, attack: Attack) -> SqlStore:
    """The same trail after somebody with the right to do so dropped the triggers."""
    if trail.engine.dialect.name == "sqlite":
        attack(*(f"DROP TRIGGER {name}" for name in trail_guards(trail)))
    else:
        attack("ALTER TABLE deputy_event DISABLE TRIGGER ALL", "ALTER TABLE deputy_event_personal DISABLE TRIGGER ALL")
    return trail


def trail_guards(store: SqlStore) -> list[str]:
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return [row.name for row in rows]


COPY = "INSERT {} INTO deputy_event SELECT {}, name, at, actor, task, body, prev, hash FROM deputy_event WHERE seq = 2"
EVERYWHERE = [
    "UPDATE deputy_event SET body = 'x' WHERE seq = 2",
    "UPDATE deputy_event SET seq = 9 WHERE seq = 5",
    "DELETE FROM deputy_event WHERE seq = 5",
    "DELETE FROM deputy_event",
    COPY.format("", "7"),
    COPY.format("", "0"),
    COPY.format("", "NULL"),
    "UPDATE deputy_event_personal SET value = 'x' WHERE seq = 2",
]


@pytest.mark.parametrize("statement", EVERYWHERE)
def test_the_table_refuses_to_be_changed(trail: SqlStore, attack: Attack, statement: str) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.Error)) as caught:
        attack(statement)
    assert "append-only" in str(caught.value) or "null value" in str(caught.value)
    assert trail.verify_audit().is_intact


@pytest.mark.parametrize(
    "statement",
    [
        COPY.format("OR REPLACE", "2"),
        COPY.format("OR REPLACE", "5"),
        COPY.format("OR IGNORE", "9"),
        "REPLACE" + COPY.format("", "1").removeprefix("INSERT"),
        "UPDATE OR REPLACE deputy_event SET seq = 1 WHERE seq = 2",
        COPY.format("", "5") + " ON CONFLICT (seq) DO UPDATE SET body = 'x'",
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_refuses_to_replace(trail: SqlStore, attack: Attack, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        attack(statement)
    assert trail.verify_audit().is_intact


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statements",
    [
        ["TRUNCATE deputy_event CASCADE"],
        ["TRUNCATE deputy_event, deputy_event_personal"],
        ["SET session_replication_role = replica", "DELETE FROM deputy_event WHERE seq = 5"],
        [COPY.format("", "5") + " ON CONFLICT (seq) DO UPDATE SET body = 'x'"],
        ["MERGE INTO deputy_event e USING (SELECT 2 AS n) s ON e.seq = s.n WHEN MATCHED THEN DELETE"],
    ],
)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_postgres_refuses_the_ways_around_triggers(trail: SqlStore, attack: Attack, statements: list[str]) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        attack(*statements)
    assert trail.verify_audit().is_intact


def test_missing_guards_are_named(unguarded: SqlStore) -> None:
    verdict = unguarded.verify_audit()
    assert not verdict.is_intact
    assert verdict.damages == ()
    assert len(unguarded.check_guards()) == 4
    assert any(
        "A guard of the trail is missing or was changed: deputy_event_in_order" in line for line in verdict.lines()
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_guard_that_says_something_else_is_named(trail: SqlStore, attack: Attack) -> None:
    attack(
        "DROP TRIGGER deputy_event_no_update",
        "CREATE TRIGGER deputy_event_no_update BEFORE UPDATE ON deputy_event BEGIN SELECT 1; END",
    )
    assert trail.check_guards() == ("deputy_event_no_update",)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_guard_that_does_something_else_is_named(trail: SqlStore, attack: Attack) -> None:
    attack(
        "CREATE OR REPLACE FUNCTION deputy_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "DELETE FROM deputy_event_personal WHERE seq = 3",
        "DELETE FROM deputy_event WHERE seq = 3",
    )
    verdict = trail.verify_audit()
    assert set(verdict.missing_guards) == {
        "deputy_event_no_change",
        "deputy_event_no_truncate",
        "deputy_event_personal_no_update",
    }
    assert verdict.broken_rows == (3,)


def test_an_edited_row_is_named(unguarded: SqlStore, attack: Attack) -> None:
    attack("UPDATE deputy_event SET body = replace(body, 'U0ALICE', 'U0GUS') WHERE seq = 3")
    verdict = unguarded.verify_audit()
    assert [(damage.harm, damage.first) for damage in verdict.damages] == [(Harm.EDITED, 3)]
    assert "Row 3 was edited: its hash is not the hash of its content." in verdict.lines()


def test_an_edited_column_is_named(unguarded: SqlStore, attack: Attack) -> None:
    attack("UPDATE deputy_event SET actor = 'user:T0ACME/U0GUS', at = '1999' WHERE seq = 3")
    assert "Row 3 was edited: its columns actor, at differ from its content." in unguarded.verify_audit().lines()


def test_a_deleted_row_is_named(unguarded: SqlStore, attack: Attack) -> None:
    attack("DELETE FROM deputy_event_personal WHERE seq = 3", "DELETE FROM deputy_event WHERE seq = 3")
    assert "Row 3 was removed." in unguarded.verify_audit().lines()


def test_a_cut_tail_is_found_by_the_head_kept_outside(unguarded: SqlStore, attack: Attack) -> None:
    head = unguarded.head()
    attack("DELETE FROM deputy_event_personal WHERE seq > 3", "DELETE FROM deputy_event WHERE seq > 3")
    assert unguarded.verify_audit().damages == ()
    assert "Rows 4 to 5 were cut off the end: a checkpoint saw them." in unguarded.verify_audit([head]).lines()


def test_a_cut_tail_is_found_by_a_kept_checkpoint(unguarded: SqlStore, attack: Attack) -> None:
    checkpoint = unguarded.keep_checkpoint("deputy.example/acme")
    assert checkpoint.head == unguarded.head()
    assert unguarded.keep_checkpoint("deputy.example/acme") == checkpoint
    with unguarded.transaction() as ledger:
        ledger.append(event())
    assert unguarded.verify_audit().damages == ()
    attack("DELETE FROM deputy_event_personal WHERE seq > 3", "DELETE FROM deputy_event WHERE seq > 3")
    assert "Rows 4 to 5 were cut off the end: a checkpoint saw them." in unguarded.verify_audit().lines()


def test_a_checkpoint_that_was_spoilt_is_named(trail: SqlStore, tmp_path: Path) -> None:
    trail.keep_checkpoint("deputy.example/acme")
    (kept,) = (tmp_path / "blobs/checkpoints").iterdir()
    kept.write_bytes(b"\xff")
    assert trail.verify_audit().missing_guards == (f"checkpoints/{kept.name}",)


def test_two_rows_that_changed_places_are_named(unguarded: SqlStore, attack: Attack) -> None:
    attack(
        "DELETE FROM deputy_event_personal",
        "UPDATE deputy_event SET seq = 99 WHERE seq = 2",
        "UPDATE deputy_event SET seq = 2 WHERE seq = 4",
        "UPDATE deputy_event SET seq = 4 WHERE seq = 99",
    )
    lines = unguarded.verify_audit().lines()
    assert "Row 2 was moved: it was written as row 4." in lines
    assert "Row 4 was moved: it was written as row 2." in lines


def test_an_altered_personal_value_is_named(unguarded: SqlStore, attack: Attack) -> None:
    attack("""UPDATE deputy_event_personal SET value = '"I never said this"' WHERE seq = 2""")
    assert "Row 2 has another personal value than was written: text." in unguarded.verify_audit().lines()


def test_erasing_a_personal_value_is_lawful_and_counted(trail: SqlStore, attack: Attack) -> None:
    attack("DELETE FROM deputy_event_personal WHERE seq = 2")
    verdict = trail.verify_audit()
    assert verdict.is_intact
    assert verdict.erased == 1
    with trail.transaction() as ledger:
        assert [set(stored.event.personal) for stored in ledger.events()][:3] == [{"text"}, set(), {"text"}]


@pytest.mark.parametrize(
    "value",
    ["x''", "x'ff00'", "42", "1.5", "'not json'", f"'{FORGED}'", "'[]'", "'" + "[" * 5000 + "'"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rubbish_in_a_row_is_named_and_stops_nobody(unguarded: SqlStore, attack: Attack, value: str) -> None:
    attack(
        f"UPDATE deputy_event SET body = {value}, prev = {value}, hash = {value}, at = {value} WHERE seq = 3",
        f"UPDATE deputy_event_personal SET salt = {value}, value = {value} WHERE seq = 3",
    )
    assert 3 in unguarded.verify_audit().broken_rows
    assert len(list(unguarded.export_events())) == 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_demo_edits_the_plain_file(trail: SqlStore, database_url: str) -> None:
    path = Path(database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER deputy_event_no_update")
        connection.execute("UPDATE deputy_event SET body = replace(body, 'vote:cast', 'vote:lost') WHERE seq = 4")
    verdict = trail.verify_audit()
    assert verdict.broken_rows == (4,)
    assert verdict.missing_guards == ("deputy_event_no_update",)


def test_reading_a_broken_row_says_so(unguarded: SqlStore, attack: Attack) -> None:
    attack("UPDATE deputy_event SET body = 'gone' WHERE seq = 3")
    with pytest.raises(AuditBroken, match="Row 3 of the audit trail can't be read"), unguarded.transaction() as ledger:
        ledger.events()
