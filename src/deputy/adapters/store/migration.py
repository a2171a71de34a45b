"""Brings the tables to this release's shape, in one transaction that only one process at a time is in."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from deputy.adapters.store.database import plain_errors
from deputy.domain.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "deputy_alembic_version"
# The newest revision. Alembic, which takes a quarter of a second to load, is only needed where a database is older.
HEAD = "v0003"
# Arbitrary, but ours: any process that migrates this database takes the same lock.
_LOCK = 0x6465_7075_7479_01


def migrate(engine: Engine) -> None:
    """Migrate to the newest revision. ``Unavailable`` when the database is dead, or newer than this release."""
    with plain_errors(engine), engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    from alembic import command
    from alembic.util import CommandError

    config = configuration()
    with plain_errors(engine), engine.begin() as connection:
        _wait_alone(connection)
        if _revision(connection) == HEAD:
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise Unavailable(
                "the database can't be migrated", str(error), "use the release of Deputy that wrote it, or a newer one"
            ) from error


def check_migrated(engine: Engine) -> None:
    """``Unavailable`` unless the tables have this release's shape."""
    with plain_errors(engine), engine.connect() as connection:
        current = _revision(connection)
    if current != HEAD:
        raise Unavailable(
            "the database has not the tables of this release",
            f"it is at revision {current or 'none'}",
            "open it once with migrations on, as `deputy serve` does",
        )


def configuration() -> "Config":
    """Alembic's configuration: the migrations inside this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "deputy.adapters.store:migrations")
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()
    return revision


def _wait_alone(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("BEGIN IMMEDIATE"))
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
