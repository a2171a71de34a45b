"""The store (``ports.Store``): a database for rows and events, a folder or object store for blobs."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from deputy import audit
from deputy.adapters.store.artifacts.blobs import Blobs
from deputy.adapters.store.artifacts.checkpoints import Checkpoints
from deputy.adapters.store.artifacts.files import Files
from deputy.adapters.store.database import open_engine, plain_errors
from deputy.adapters.store.migration import check_migrated, migrate
from deputy.adapters.store.rows import guards, trail
from deputy.adapters.store.rows.ledger import SqlLedger
from deputy.domain.identifiers import Digest


def open_store(database_url: str, artifacts_url: str, *, is_migrating: bool = True) -> "SqlStore":
    """Open the store, bringing its tables up to date unless told not to.

    ``database_url`` is ``sqlite:///…`` or ``postgresql://…``; ``artifacts_url`` a ``file://`` URL, a path, or
    any URL that fsspec knows. Raises ``BadInput`` for a URL that can't be used and ``Unavailable`` for a dead database.
    """
    files = Files(artifacts_url)
    engine = open_engine(database_url)
    if is_migrating:
        migrate(engine)
    else:
        check_migrated(engine)
    return SqlStore(engine, files)


class SqlStore:
    """Rows and events in SQLite or Postgres, blobs by digest. Safe to share between threads."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine = engine
        self._blobs = Blobs(files)
        self._checkpoints = Checkpoints(files)
        self._inside = threading.local()

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, which the workflow engine shares. Never use it inside an open transaction."""
        return self._engine

    @contextmanager
    def transaction(self) -> Iterator[SqlLedger]:
        """A transaction that commits on leaving without an error. Not to be nested: the inner would wait for ever."""
        if getattr(self._inside, "is_open", False):
            raise RuntimeError("a transaction is open in this thread already: pass its ledger on")
        self._inside.is_open = True
        try:
            with plain_errors(self._engine), Session(self._engine) as session, session.begin():
                if self._engine.dialect.name == "sqlite":
                    # A transaction that reads first and writes later can't be made to wait: take the write lock now.
                    session.execute(text("BEGIN IMMEDIATE"))
                ledger = SqlLedger(session)
                yield ledger
                ledger.flush()
        finally:
            self._inside.is_open = False

    def put_blob(self, content: bytes) -> Digest:
        """Keep bytes; returns their SHA-256 in hex."""
        return Digest(self._blobs.put(content))

    def blob(self, digest: str) -> bytes:
        """The bytes, checked against the digest, or ``NotFound``."""
        return self._blobs.get(digest)

    def head(self) -> audit.Head:
        """The newest row of the audit trail, to be kept outside and given to ``verify_audit`` later."""
        with plain_errors(self._engine), self._engine.connect() as connection:
            return trail.head(connection)

    def keep_checkpoint(self, origin: str) -> audit.Checkpoint:
        """Compute the trail's checkpoint and keep it beside the blobs; ``origin`` names the installation.

        Reads the whole trail. ``verify_audit`` compares the trail with every checkpoint that is kept.
        """
        head = audit.Head(0, audit.GENESIS)

        def bodies() -> Iterator[bytes]:
            nonlocal head
            for row in self.export_events():
                head = audit.Head(row.seq, row.hash)
                yield row.body.encode()

        root = audit.merkle_root(bodies())
        checkpoint = audit.Checkpoint(origin, head, root)
        self._checkpoints.keep(checkpoint)
        return checkpoint

    def verify_audit(self, heads: Iterable[audit.Head] = ()) -> audit.Verdict:
        """Read the whole trail and name every row that isn't what was written; also the guards that are gone.

        The trail must still contain the given heads and those of the kept checkpoints.
        """
        kept, unreadable = self._checkpoints.heads()
        with plain_errors(self._engine), self._engine.connect() as connection:
            missing = (*guards.missing(connection), *unreadable)
            return audit.verify(trail.stream(connection), heads=(*heads, *kept), missing_guards=missing)

    def check_guards(self) -> tuple[str, ...]:
        """The triggers of the audit trail that are gone, switched off or changed; empty when all stand."""
        with plain_errors(self._engine), self._engine.connect() as connection:
            return guards.missing(connection)

    def export_events(self) -> Iterator[audit.Row]:
        """Every row of the trail in order, as stored, with the personal values that have not been erased."""
        with plain_errors(self._engine), self._engine.connect() as connection:
            yield from trail.stream(connection)

    def close(self) -> None:
        """Let go of the database's connections."""
        self._engine.dispose()
