"""A claim has one holder, and the death of a process gives it back: that is how the living know the dead."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from deputy.adapters.store.leases import claim
from deputy.adapters.store.store import SqlStore, open_store
from tests.support.postgres import postgres_server, postgres_url
from tests.support.stores import database_url_fixture, store_fixture

__all__ = ["database_url_fixture", "postgres_server", "postgres_url", "store_fixture"]

HOLD = """
import sys, time
from deputy.adapters.store.leases import claim
from deputy.adapters.store.store import open_store
store = open_store(sys.argv[1], sys.argv[2])
held = claim(store.engine, "worker-7")
print("held" if held else "taken", flush=True)
time.sleep(60)
"""


def test_a_claim_has_one_holder(store: SqlStore) -> None:
    first = claim(store.engine, "timers")
    assert first is not None
    assert claim(store.engine, "timers") is None
    other = claim(store.engine, "another name")
    assert other is not None
    first.release()
    first.release()
    again = claim(store.engine, "timers")
    assert again is not None
    again.release()
    other.release()


def test_a_killed_process_gives_its_claim_back(store: SqlStore, database_url: str, tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, database_url, str(tmp_path / "blobs")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        assert claim(store.engine, "worker-7") is None
    finally:
        holder.kill()
        holder.wait()
    mine = None
    for _ in range(100):
        if mine := claim(store.engine, "worker-7"):
            break
        time.sleep(0.05)
    assert mine is not None
    mine.release()


@pytest.mark.postgres
def test_a_database_that_restarts_forgets_claims_and_their_holders_notice(postgres_url: str, tmp_path: Path) -> None:
    store = open_store(postgres_url, (tmp_path / "blobs").as_uri())
    mine = claim(store.engine, "worker-7")
    assert mine is not None
    assert mine.is_held()
    with store.engine.connect() as connection:
        # Of this database alone: other tests share the server.
        ours = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ended = text(f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND {ours}")
        assert connection.execute(ended).all()
    assert not mine.is_held()
    again = claim(store.engine, "worker-7")
    assert again is not None
    assert again.is_held()
    again.release()
    assert not again.is_held()
    store.close()
