"""Opens the database: SQLite or Postgres, set up so that what is committed is there after a crash."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from deputy.domain.errors import BadInput, Unavailable

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
# The engine is shared with the workflow engine, which sizes its own polling by it.
POOL_SIZE = 20
_POSTGRES_NAMES = {"postgres", "postgresql", "postgresql+psycopg"}


def open_engine(database_url: str) -> Engine:
    """An engine for a SQLite file or a Postgres database. Connects to nothing yet; ``BadInput`` for another URL."""
    url = _parse(database_url)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    return create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "deputy"},
    )


def _parse(database_url: str) -> URL:
    todo = "set DEPUTY_DATABASE_URL to sqlite:////path/to/deputy.db or postgresql://user:password@host/database"
    try:
        url = make_url(database_url)
    except ArgumentError:
        # The URL itself may hold a password: it is not repeated.
        raise BadInput("the database URL can't be read", "it is not a URL", todo) from None
    if url.drivername in _POSTGRES_NAMES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise BadInput(f"databases of the kind {url.drivername} are not supported", "", todo)
    if not url.database or url.database == ":memory:":
        raise BadInput("a database in memory can't be used", "everything would be lost with the process", todo)
    return url


def _open_sqlite(url: URL) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the database folder {folder} can't be made", str(error.strerror), "correct DEPUTY_DATABASE_URL"
        ) from error
    engine = create_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "checkout", _restore_immediate)
    return engine


def _set_up_sqlite(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _restore_immediate(connection: SqliteConnection, _entry: ConnectionPoolEntry, _proxy: object) -> None:
    # The driver begins a transaction at the first write; a deferred one that has read before then fails at once,
    # whatever the busy timeout. SQLAlchemy sets "deferred" again after each use of AUTOCOMMIT, hence at every checkout.
    connection.isolation_level = "IMMEDIATE"


@contextmanager
def plain_errors(engine: Engine) -> Iterator[None]:
    """Turn "the database can't be reached or used now" into ``Unavailable``, in one sentence without a password."""
    try:
        yield
    except (DataError, IntegrityError, ProgrammingError):
        raise  # a broken rule or statement of ours: the database lives
    except (DBAPIError, PoolTimeout) as error:
        raise Unavailable(
            f"the database {describe(engine.url)} can't be used",
            _reason(error, engine.url),
            "start it, or correct DEPUTY_DATABASE_URL, then try again",
        ) from error


def describe(url: URL) -> str:
    """The database for people: without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.database} at {url.host or 'localhost'}:{url.port or 5432}"


def _reason(error: SQLAlchemyError, url: URL) -> str:
    text = str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    secret = str(url.password or "")
    return (first.replace(secret, "***") if secret else first).rstrip(".")
