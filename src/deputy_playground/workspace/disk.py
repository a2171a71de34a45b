"""Where the workspace keeps itself: one SQLite file and a folder of uploads, so that a restart keeps every thread."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from deputy_playground.wire import Json


class Shelf:
    """JSON records by kind and key, and bytes by name. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._uploads = folder / "uploads"
        self._uploads.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "workspace.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"
        )

    def put(self, kind: str, key: str, body: Json) -> None:
        """Keep a record, in place of an older one."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (kind, key, json.dumps(body)))

    def drop(self, kind: str, key: str) -> None:
        """Forget a record."""
        with self._lock:
            self._db.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Every record of a kind, by key."""
        with self._lock:
            rows = self._db.execute("SELECT key, body FROM record WHERE kind = ? ORDER BY key", (kind,)).fetchall()
        for key, body in rows:
            yield key, json.loads(body)

    def write(self, name: str, content: bytes) -> None:
        """Keep an upload's bytes."""
        (self._uploads / name).write_bytes(content)

    def read(self, name: str) -> bytes:
        """An upload's bytes."""
        return (self._uploads / name).read_bytes()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
