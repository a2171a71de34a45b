"""The workflow engine and the store on one SQLAlchemy engine: one transaction for both, or neither."""

import time
from collections.abc import Iterator

import pytest
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy import text

from deputy.adapters.store import SqlStore, open_store
from tests.support.postgres import postgres_server, postgres_url  # noqa: F401
from tests.support.stores import database_url_fixture, event, store_fixture, task  # noqa: F401

OPTIONS = {"workflow_name": "note", "queue_name": "store-test"}
notes: list[str] = []


@pytest.fixture
def client(store: SqlStore) -> Iterator[DBOSClient]:
    """A launched engine with one workflow, and a client, on the store's own engine."""
    notes.clear()
    DBOS(
        config={
            "name": "store-test",
            "system_database_engine": store.engine,
            "executor_id": "test",
            "application_version": "1",
            "serializer": DBOSPortableJSONSerializer(),
            "run_admin_server": False,
        }
    )

    @DBOS.workflow(name="note")
    def note(word: str) -> None:
        notes.append(word)

    DBOS.launch()
    DBOS.register_queue("store-test", polling_interval_sec=0.05)
    found = DBOSClient(system_database_engine=store.engine, serializer=DBOSPortableJSONSerializer(), lazy=True)
    yield found
    found.destroy()
    DBOS.destroy(destroy_registry=True)


def wait_for(count: int, seconds: float = 10) -> list[str]:
    end = time.monotonic() + seconds
    while len(notes) < count and time.monotonic() < end:
        time.sleep(0.02)
    return sorted(notes)


def test_a_hand_over_commits_with_our_rows(store: SqlStore, client: DBOSClient) -> None:
    with store.transaction() as ledger:
        ledger.add_task(task(), event("request:received"))
        client.enqueue_in_transaction(ledger.session, {**OPTIONS, "workflow_id": "run:1"}, "hello")
        assert notes == []
    assert wait_for(1) == ["hello"]
    assert store.verify_audit().rows == 1


def test_a_hand_over_rolls_back_with_our_rows(store: SqlStore, client: DBOSClient) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as ledger:  # noqa: PT012
        ledger.add_task(task(), event("request:received"))
        client.enqueue_in_transaction(ledger.session, {**OPTIONS, "workflow_id": "run:1"}, "lost")
        raise ZeroDivisionError
    with store.transaction() as ledger:
        client.enqueue_in_transaction(ledger.session, {**OPTIONS, "workflow_id": "run:2"}, "kept")
    assert wait_for(1) == ["kept"]
    assert client.list_workflows(workflow_ids=["run:1"]) == []
    with store.transaction() as ledger:
        assert ledger.tasks() == ()


def test_the_same_hand_over_twice_starts_one_workflow(store: SqlStore, client: DBOSClient) -> None:
    for word in ("first", "second"):
        with store.transaction() as ledger:
            client.enqueue_in_transaction(ledger.session, {**OPTIONS, "workflow_id": "run:1"}, word)
    assert wait_for(1) == ["first"]
    time.sleep(0.3)
    assert notes == ["first"]


def test_the_engines_tables_are_left_alone_by_our_migrations(
    store: SqlStore, client: DBOSClient, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = open_store(database_url, tmp_path_factory.mktemp("blobs").as_uri())
    is_sqlite = store.engine.dialect.name == "sqlite"
    query = "SELECT count(*) FROM workflow_status" if is_sqlite else "SELECT count(*) FROM dbos.workflow_status"
    with again.engine.connect() as connection:
        assert connection.execute(text(query)).scalar() == 0
    again.close()
