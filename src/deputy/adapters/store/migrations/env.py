"""Alembic's entry: runs the migrations on the connection that ``migration.migrate`` holds its lock on."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from deputy.adapters.store.rows.tables import PREFIX


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether autogenerate should look: the workflow engine's tables live beside ours on SQLite."""
    return kind != "table" or (name or "").startswith(PREFIX)


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        version_table="deputy_alembic_version",
        include_name=_is_ours,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
