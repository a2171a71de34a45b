"""Exclusive claims on a name, given back by the operating system or the database when the process that has one dies.

They tell a dead worker from a slow one: who obtains the claim on another's name knows that the other is gone.
"""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from deputy.adapters.store.database import plain_errors


class Lease(Protocol):
    """A claim that this process has."""

    def is_held(self) -> bool:
        """Whether it still is ours: a database that was restarted has forgotten all its locks."""

    def release(self) -> None:
        """Give it back. Harmless the second time."""


class _FileClaim:
    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def is_held(self) -> bool:
        return self._descriptor is not None

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _SessionClaim:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_held(self) -> bool:
        # The lock lives as long as its session: once that has failed, a new one under the same object has no lock.
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            self.release()
        return not self._connection.closed

    def release(self) -> None:
        # Not back into the pool, where the lock would live on: a session's lock ends with the session.
        if not self._connection.closed:
            self._connection.invalidate()
            self._connection.close()


def claim(engine: Engine, name: str) -> Lease | None:
    """The claim on ``name``, or None while another live process (or this one) has it."""
    if engine.dialect.name == "sqlite":
        return _claim_file(Path(f"{engine.url.database}.{_safe(name)}.lock"))
    return _claim_session(engine, name)


def _safe(name: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in name)


def _claim_file(path: Path) -> Lease | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return _FileClaim(descriptor)


def _claim_session(engine: Engine, name: str) -> Lease | None:
    key = int.from_bytes(hashlib.sha256(f"deputy:{name}".encode()).digest()[:8], signed=True)
    with plain_errors(engine):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
            return _SessionClaim(connection)
        connection.close()
    return None
