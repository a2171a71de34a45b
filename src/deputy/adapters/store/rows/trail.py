"""The audit trail's rows: appending in order, reading for people, streaming for verification."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, cast, func, select, text
from sqlalchemy.orm import Session

from deputy import audit
from deputy.adapters.store.rows.tables import EVENTS, PERSONAL
from deputy.domain.events import Event
from deputy.ports import StoredEvent

# Arbitrary, but ours: whoever appends on Postgres takes it until the transaction ends.
_LOCK = 0x6465_7075_7479_02
_LOCK_IDLE = "60s"
_BATCH = 500
# Built once: every append uses them, and building takes longer than running them.
_NEWEST = select(EVENTS.c.seq, EVENTS.c.hash).order_by(EVENTS.c.seq.desc()).limit(1)
_ADD_EVENT = EVENTS.insert()
_ADD_PERSONAL = PERSONAL.insert()


def append(session: Session, events: list[Event]) -> None:
    """Append events in order; nobody else can append until the transaction ends."""
    lock(session)
    last = head(session)
    for event in events:
        salts = {name: secrets.token_bytes(audit.SALT_BYTES) for name in event.personal}
        row = audit.seal(event, last.seq + 1, last.hash, salts)
        _insert(session, row)
        last = audit.Head(row.seq, row.hash)


def lock(session: Session) -> None:
    """Let nobody else append, or take this lock, until the transaction ends; taken again, it changes nothing."""
    if session.get_bind().dialect.name == "postgresql":
        # A frozen process must not keep everybody else from appending: Postgres ends its transaction.
        idle = "set_config('idle_in_transaction_session_timeout', :idle, true)"
        session.execute(text(f"SELECT {idle}, pg_advisory_xact_lock(:key)"), {"idle": _LOCK_IDLE, "key": _LOCK})


def _insert(session: Session, row: audit.Row) -> None:
    values = {"seq": row.seq, "body": row.body, "prev": row.prev, "hash": row.hash, **row.columns}
    session.execute(_ADD_EVENT, values)
    for name, personal in row.personal.items():
        clear = {"seq": row.seq, "field": name, "salt": personal.salt, "value": json.dumps(personal.value)}
        session.execute(_ADD_PERSONAL, clear)


def head(session: Session | Connection) -> audit.Head:
    """The newest row's number and hash; number 0 and the genesis hash for an empty trail."""
    found = session.execute(_NEWEST).first()
    return audit.Head(found.seq, found.hash) if found else audit.Head(0, audit.GENESIS)


def read(
    session: Session, *, task: str, actor: str, name: str, since: datetime | None, limit: int
) -> tuple[StoredEvent, ...]:
    """The newest matching events, oldest of them first."""
    query = select(EVENTS)
    for column, wanted in ((EVENTS.c.task, task), (EVENTS.c.actor, actor)):
        query = query.where(column == wanted) if wanted else query
    if name.endswith("*"):
        # Not LIKE: it folds case on SQLite and gives "_" a meaning.
        query = query.where(func.substr(EVENTS.c.name, 1, len(name) - 1) == name[:-1])
    elif name:
        query = query.where(EVENTS.c.name == name)
    if since is not None:
        query = query.where(EVENTS.c.at >= audit.instant(since))
    found = session.execute(query.order_by(EVENTS.c.seq.desc()).limit(limit)).all()[::-1]
    personal = _personal(session, [row.seq for row in found])
    return tuple(_stored(row, personal.get(row.seq, {})) for row in found)


def _personal(session: Session, seqs: list[int]) -> dict[int, dict[str, audit.Personal]]:
    rows = session.execute(select(PERSONAL).where(PERSONAL.c.seq.in_(seqs)).order_by(PERSONAL.c.seq))
    return {seq: {row.field: _clear(row.salt, row.value) for row in group} for seq, group in groupby(rows, _seq)}


def _seq(row: Row[*tuple[object, ...]]) -> int:
    return int(row.seq)


def _stored(row: Row[*tuple[object, ...]], personal: Mapping[str, audit.Personal]) -> StoredEvent:
    sealed = audit.Row(row.seq, row.body, row.prev, row.hash, personal=personal)
    return StoredEvent(row.seq, row.body, row.hash, row.prev, audit.event_of(sealed))


def stream(connection: Connection) -> Iterator[audit.Row]:
    """Every row in order, as one statement sees them: whatever is stored, nothing here fails on it."""
    rows = connection.execution_options(yield_per=_BATCH).execute(_everything(connection.dialect.name))
    for _, group in groupby(rows, _seq):
        parts = list(group)
        first = parts[0]
        yield audit.Row(
            seq=first.seq,
            body=_text(first.body),
            prev=_text(first.prev),
            hash=_text(first.hash),
            columns={name: _text(getattr(first, name)) for name in audit.COLUMNS},
            personal={_text(part.field): _clear(part.salt, part.value) for part in parts if part.field is not None},
        )


def _everything(dialect: str) -> Select[*tuple[object, ...]]:
    columns: list[ColumnElement[Any]] = [EVENTS.c[name] for name in ("body", "prev", "hash", *audit.COLUMNS)]
    columns += [PERSONAL.c[name] for name in ("field", "salt", "value")]
    if dialect == "sqlite":
        # An edited SQLite file may hold any type, and bytes that are no UTF-8: read what is there, as bytes.
        columns = [cast(column, LargeBinary).label(column.name) for column in columns]
    joined = EVENTS.outerjoin(PERSONAL, EVENTS.c.seq == PERSONAL.c.seq)
    return select(EVENTS.c.seq, *columns).select_from(joined).order_by(EVENTS.c.seq, PERSONAL.c.field)


def _text(stored: object) -> str:
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)


def _clear(salt: object, value: object) -> audit.Personal:
    kept = _text(value)
    with suppress(ValueError, RecursionError):  # not what we wrote: its HMAC will say so
        kept = str(json.loads(kept))
    return audit.Personal(salt if isinstance(salt, bytes) else b"", kept)
