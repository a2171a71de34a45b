"""Opening a store: shapes of URLs, dead databases, migrations. Each failure is one sentence without a password."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from deputy.adapters.store import SqlStore, open_store
from deputy.adapters.store.migration import VERSION_TABLE
from deputy.domain.errors import BadInput, DeputyError, NotFound, Unavailable
from deputy.ports import Post
from tests.support.postgres import postgres_server, postgres_url  # noqa: F401
from tests.support.stores import database_url_fixture, event, store_fixture, task  # noqa: F401

SECRET = "example-only-phrase"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refusal(url: str, tmp_path: Path, kind: type[DeputyError]) -> str:
    with pytest.raises(kind) as caught:
        open_store(url, (tmp_path / "blobs").as_uri())
    sentence = str(caught.value)
    assert SECRET not in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "it is not a URL"),
        (f"postgresql//deputy:{SECRET}@host", "it is not a URL"),
        (f"mysql://deputy:{SECRET}@localhost/deputy", "kind mysql are not supported"),
        ("sqlite://", "A database in memory can't be used"),
        ("sqlite:///:memory:", "A database in memory can't be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained(url: str, why: str, tmp_path: Path) -> None:
    sentence = refusal(url, tmp_path, BadInput)
    assert why in sentence
    assert "Set DEPUTY_DATABASE_URL to sqlite:///" in sentence


def test_a_server_that_is_not_there_is_explained(tmp_path: Path) -> None:
    port = free_port()
    sentence = refusal(f"postgresql://deputy:{SECRET}@127.0.0.1:{port}/shop", tmp_path, Unavailable)
    assert sentence.startswith(f"The database shop at 127.0.0.1:{port} can't be used: ")
    assert sentence.endswith("Start it, or correct DEPUTY_DATABASE_URL, then try again.")


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_explained(postgres_url: str, tmp_path: Path) -> None:  # noqa: F811
    url = postgres_url.replace("postgresql://deputy@", f"postgres://deputy:{SECRET}@") + "_missing"
    assert "does not exist" in refusal(url, tmp_path, Unavailable)


@pytest.mark.postgres
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_name_postgres_works(postgres_url: str, scheme: str, tmp_path: Path) -> None:  # noqa: F811
    store = open_store(postgres_url.replace("postgresql", scheme, 1), str(tmp_path))
    assert store.verify_audit().is_intact
    store.close()


@pytest.mark.postgres
def test_tables_in_another_schema_are_guarded_too(postgres_url: str, tmp_path: Path) -> None:  # noqa: F811
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SCHEMA acme")
    store = open_store(f"{postgres_url}?options=-csearch_path%3Dacme", str(tmp_path))
    with store.transaction() as ledger:
        ledger.append(event())
    assert store.verify_audit().is_intact
    store.close()


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "deputy.db"
    path.write_bytes(b"not a database at all" * 100)
    assert "file is not a database" in refusal(f"sqlite:///{path}", tmp_path, Unavailable)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't be made" in refusal(f"sqlite:///{tmp_path}/file/deputy.db", tmp_path, Unavailable)


def test_missing_folders_are_made(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/new/folder/deputy.db", str(tmp_path)).close()
    assert (tmp_path / "new/folder/deputy.db").exists()


def test_artifacts_that_cannot_be_kept_are_explained(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="The artifacts URL can't be used"):
        open_store(f"sqlite:///{tmp_path}/deputy.db", "moon://crater")
    (tmp_path / "file").write_text("")
    store = open_store(f"sqlite:///{tmp_path}/deputy.db", (tmp_path / "file").as_uri())
    with pytest.raises(Unavailable, match="The artifact store can't be used"):
        store.put_blob(b"x")


def test_sqlite_is_set_up_to_keep_what_it_committed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/deputy.db", str(tmp_path))
    with store.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_used_autocommit_connection_goes_back_to_waiting_transactions(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/deputy.db", str(tmp_path))
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT"):
        pass
    with store.engine.connect() as connection:
        assert connection.connection.dbapi_connection.isolation_level == "IMMEDIATE"


def test_a_locked_sqlite_file_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deputy.adapters.store.database.BUSY_SECONDS", 0)
    store = open_store(f"sqlite:///{tmp_path}/deputy.db", str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "deputy.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="can't be used: database is locked"), store.transaction():
            pass
    with store.transaction() as ledger:
        ledger.append(event())


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_connection_that_dies_is_explained_and_replaced(store: SqlStore, database_url: str) -> None:
    with pytest.raises(Unavailable, match="can't be used"), store.transaction() as ledger:  # noqa: PT012
        ledger.add_task(task(), event())
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deputy'")
    with store.transaction() as ledger:
        assert ledger.tasks() == ()


# ------------------------------------------------------------------------------------------------- migrations


def test_opening_again_keeps_everything(store: SqlStore, database_url: str, tmp_path: Path) -> None:
    with store.transaction() as ledger:
        ledger.append(event())
    again = open_store(database_url, str(tmp_path))
    assert again.verify_audit() == store.verify_audit()
    again.close()


def test_the_migrations_make_the_tables_that_the_code_expects(store: SqlStore) -> None:
    def ours(_thing: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "table" or (name or "").startswith("deputy_")

    options = {"include_object": ours, "version_table": VERSION_TABLE}
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []
        assert all(name.startswith("deputy_") for name in inspect(connection).get_table_names())


def test_a_database_of_an_earlier_release_is_brought_up_to_date(
    store: SqlStore, database_url: str, tmp_path: Path
) -> None:
    post = Post("card:D-AAA0", "C0SHOP", "1.2", "9.9")
    with store.transaction() as ledger:
        ledger.save_post(post)
    with store.engine.begin() as connection:
        connection.execute(text("ALTER TABLE deputy_post DROP COLUMN content"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'v0001'"))
    with closing(open_store(database_url, (tmp_path / "blobs").as_uri())) as again, again.transaction() as ledger:
        assert ledger.post(post.key) == post


def test_a_database_that_was_never_migrated_is_explained(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="it is at revision none"):
        open_store(database_url, str(tmp_path), is_migrating=False)


def test_a_database_from_a_later_release_is_explained(store: SqlStore, database_url: str, tmp_path: Path) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = 'v9999'")
    with pytest.raises(Unavailable, match="Use the release of Deputy that wrote it"):
        open_store(database_url, str(tmp_path))


# ------------------------------------------------------------------------------------------------- blobs


def test_a_changed_blob_is_not_handed_out_and_can_be_put_again(store: SqlStore, tmp_path: Path) -> None:
    digest = store.put_blob(b"evidence")
    path = tmp_path / "blobs" / digest[:2] / f"{digest}.z"
    for rubbish in (b"", b"rubbish", path.read_bytes()[:-1]):
        path.write_bytes(rubbish)
        with pytest.raises(DeputyError, match=f"Artifact {digest} is not what was stored"):
            store.blob(digest)
    store.put_blob(b"evidence")
    assert store.blob(digest) == b"evidence"


def test_blobs_are_compressed_and_leave_no_drafts(store: SqlStore, tmp_path: Path) -> None:
    store.put_blob(b"log line\n" * 10_000)
    (kept,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert kept.stat().st_size < 1000


def test_an_object_store_by_url_works_too(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/deputy.db", "memory://deputy-test")
    digest = store.put_blob(b"evidence")
    assert store.blob(digest) == b"evidence"
    with pytest.raises(NotFound):
        store.blob("00" * 32)
