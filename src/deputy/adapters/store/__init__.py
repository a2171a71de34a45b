"""Rows, audit trail and blobs (SQLModel; SQLite or Postgres)."""
