"""Our tables. Columns are what queries filter and order by; the value itself is JSON text beside them.

JSON stays text (not ``jsonb``): it comes back byte for byte, and may speak of NUL, which Postgres refuses elsewhere.
Times are fixed-width UTC text (``audit.instant``): text order is time order on every database.
"""

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

PREFIX = "deputy_"
_COUNTER = BigInteger().with_variant(Integer, "sqlite")


class IncomingRow(SQLModel, table=True):
    """What a person did in Slack, kept by its key."""

    __tablename__ = "deputy_incoming"
    key: str = Field(primary_key=True)
    received_at: str
    value: str = Field(sa_type=Text)


class TaskRow(SQLModel, table=True):
    """A task; ``version`` is what a save compares."""

    __tablename__ = "deputy_task"
    id: str = Field(primary_key=True)
    version: int
    status: str = Field(index=True)
    subject: str = Field(index=True)
    repo: str = Field(index=True)
    channel: str
    thread: str = Field(index=True)
    created_at: str = Field(index=True)
    value: str = Field(sa_type=Text)


class TurnRow(SQLModel, table=True):
    """One turn of an agent."""

    __tablename__ = "deputy_turn"
    task: str = Field(primary_key=True, foreign_key="deputy_task.id")
    run: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class HoldRow(SQLModel, table=True):
    """A wait for people."""

    __tablename__ = "deputy_hold"
    id: str = Field(primary_key=True)
    task: str = Field(index=True, foreign_key="deputy_task.id")
    kind: str
    status: str = Field(index=True)
    opened_at: str
    value: str = Field(sa_type=Text)


class VoteRow(SQLModel, table=True):
    """A vote; the key is what keeps it to one per person and hold."""

    __tablename__ = "deputy_vote"
    hold: str = Field(primary_key=True, foreign_key="deputy_hold.id")
    subject: str = Field(primary_key=True)
    at: str
    value: str = Field(sa_type=Text)


class PostRow(SQLModel, table=True):
    """A message of ours in Slack."""

    __tablename__ = "deputy_post"
    key: str = Field(primary_key=True)
    channel: str
    thread: str
    ts: str
    files: str = Field(sa_type=Text)
    content: str


class OutcomeRow(SQLModel, table=True):
    """What a step that must not happen twice came to."""

    __tablename__ = "deputy_outcome"
    key: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class BundleRow(SQLModel, table=True):
    """A policy bundle that was in force once."""

    __tablename__ = "deputy_bundle"
    digest: str = Field(primary_key=True)


class BundleFileRow(SQLModel, table=True):
    """A file of a policy bundle."""

    __tablename__ = "deputy_bundle_file"
    digest: str = Field(primary_key=True, foreign_key="deputy_bundle.digest")
    path: str = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)


class EventRow(SQLModel, table=True):
    """A row of the audit trail.

    No unique column but ``seq``: SQLite's INSERT OR REPLACE deletes the row that it collides with, unseen by triggers.
    """

    __tablename__ = "deputy_event"
    seq: int = Field(primary_key=True, sa_type=_COUNTER, sa_column_kwargs={"autoincrement": False})
    name: str = Field(index=True)
    at: str = Field(index=True)
    actor: str = Field(index=True)
    task: str = Field(index=True)
    body: str = Field(sa_type=Text)
    prev: str
    hash: str


class PersonalRow(SQLModel, table=True):
    """A personal value of an event, in clear (as JSON text). Deleting the row erases it; the trail keeps its HMAC."""

    __tablename__ = "deputy_event_personal"
    seq: int = Field(primary_key=True, sa_type=_COUNTER, sa_column_args=(ForeignKey("deputy_event.seq"),))
    field: str = Field(primary_key=True)
    salt: bytes = Field(sa_type=LargeBinary)
    value: str = Field(sa_type=Text)


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[PREFIX + name]


INCOMING = _table("incoming")
TASKS = _table("task")
TURNS = _table("turn")
HOLDS = _table("hold")
VOTES = _table("vote")
POSTS = _table("post")
OUTCOMES = _table("outcome")
BUNDLES = _table("bundle")
BUNDLE_FILES = _table("bundle_file")
EVENTS = _table("event")
PERSONAL = _table("event_personal")
