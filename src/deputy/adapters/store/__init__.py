"""Rows, events and blobs on SQLite or Postgres."""

from deputy.adapters.store.migration import migrate
from deputy.adapters.store.store import SqlStore, open_store

__all__ = ["SqlStore", "migrate", "open_store"]
