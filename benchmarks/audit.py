"""One event per transaction into the hash-chained trail, against a plain INSERT of the same bytes, equally durable."""

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from benchmarks.measuring import Comparison, Series, Setting, each, in_turns, one, timed
from deputy.adapters.store import SqlStore, open_store
from deputy.domain.events import Event, EventName

PER_ROUND, ROWS = 20, 5_000
COLUMNS = ("body", "prev", "hash", "name", "at", "actor", "task")
EVERYTHING = "SELECT body, prev FROM deputy_event ORDER BY seq"
NEWEST = f"SELECT {', '.join(COLUMNS)} FROM deputy_event ORDER BY seq DESC LIMIT 1"


def measure(setting: Setting) -> Sequence[Comparison]:
    """Appending, then verifying what is there."""
    store = open_store(f"sqlite:///{setting.folder / 'deputy.sqlite'}", (setting.folder / "artifacts").as_uri())
    plain = _plain_database(setting.folder / "plain.sqlite")
    try:
        _fill(store, setting.amount(ROWS, tiny=10))
        return _appending(setting, store, plain, _newest(store)), _verifying(setting, store)
    finally:
        plain.close()
        store.close()


def _appending(setting: Setting, store: SqlStore, plain: sqlite3.Connection, row: tuple[str, ...]) -> Comparison:
    numbers, amount = count(1_000_000), setting.amount(PER_ROUND)
    insert = f"INSERT INTO events VALUES (?, {', '.join('?' * len(row))})"

    def append() -> None:
        with store.transaction() as ledger:
            ledger.append(_event(next(numbers)))

    def insert_plainly() -> None:
        plain.execute("BEGIN IMMEDIATE")
        plain.execute(insert, (next(numbers), *row))
        plain.execute("COMMIT")

    append()
    insert_plainly()
    ours, theirs = in_turns(setting.repeat, each(amount, append), each(amount, insert_plainly))
    return Comparison(
        Series("an event appended (chained, guarded, indexed)", ours),
        Series("a plain INSERT (WAL, synchronous=FULL)", theirs),
        is_rate=True,
        notes=(f"{sum(map(len, row))} bytes a row; one transaction each, on disk when it returns",),
    )


def _verifying(setting: Setting, store: SqlStore) -> Comparison:
    rows = store.head().seq

    def verify() -> float:
        taken = timed(lambda: _must_be_intact(store))
        return taken / rows

    def read() -> float:
        with store.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            return timed(lambda: [_hash(*row) for row in raw.execute(EVERYTHING)]) / rows

    ours, theirs = in_turns(min(setting.repeat, 5), one(verify), one(read))
    return Comparison(
        Series("a row verified (chain, columns, personal data)", ours),
        Series("a row read and hashed, nothing compared", theirs),
        is_rate=True,
        notes=(f"{rows:,} rows in {ours[0] * rows:.2f} s",),
    )


def _must_be_intact(store: SqlStore) -> None:
    verdict = store.verify_audit()
    if not verdict.is_intact:
        raise AssertionError(verdict.lines())


def _hash(body: str, prev: str) -> str:
    return hashlib.sha256(prev.encode() + hashlib.sha256(body.encode()).digest()).hexdigest()


def _event(number: int) -> Event:
    return Event(
        name=EventName.RUN_COMMAND,
        at=datetime.now(UTC),
        actor="deputy",
        task="D-7K2M9QXA",
        data={"run": 1, "argv": ["ruff", "check", "--fix", "."], "exit_code": 0, "seconds": 0.123, "number": number},
    )


def _fill(store: SqlStore, amount: int) -> None:
    with store.transaction() as ledger:
        for number in range(amount):
            ledger.append(_event(number))


def _newest(store: SqlStore) -> tuple[str, ...]:
    with store.engine.connect() as connection:
        row = connection.exec_driver_sql(NEWEST).one()
        return tuple(str(value) for value in row)


def _plain_database(path: Path) -> sqlite3.Connection:
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute("PRAGMA journal_mode=WAL")
    plain.execute("PRAGMA synchronous=FULL")
    plain.execute(f"CREATE TABLE events (seq INTEGER PRIMARY KEY, {', '.join(f'{name} TEXT' for name in COLUMNS)})")
    return plain
