"""One open transaction (``ports.Ledger``) on SQLite or Postgres."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from deputy import audit
from deputy.adapters.store.rows import trail
from deputy.adapters.store.rows.tables import (
    BUNDLE_FILES,
    BUNDLES,
    HOLDS,
    INCOMING,
    OUTCOMES,
    POSTS,
    TASKS,
    TURNS,
    VOTES,
)
from deputy.domain.errors import NotFound, Stale
from deputy.domain.events import Event
from deputy.domain.identifiers import TaskId
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote
from deputy.domain.tasks.request import Incoming
from deputy.domain.tasks.status import TaskStatus, check_transition
from deputy.domain.tasks.task import Task
from deputy.domain.tasks.usage import Turn
from deputy.domain.value import Value
from deputy.ports import Post, StoredEvent

_V = TypeVar("_V", bound=Value)
_FASTER = "somebody or something was faster"
_LOOK = "look at the card: it shows where the task stands now"


class SqlLedger:
    """Reads and writes on one session.

    Events wait until the commit: the trail's lock is then taken last and held shortest, so that two transactions can't
    wait for each other's rows.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pending: list[Event] = []

    @property
    def session(self) -> Session:
        """The SQLAlchemy session, for the engine's hand-over in the same transaction and nothing else."""
        return self._session

    def append(self, event: Event) -> None:
        """Append to the audit trail."""
        # Fails here, at the caller's line, rather than at the commit, when the event can't be written down.
        audit.seal(event, 0, audit.GENESIS, dict.fromkeys(event.personal, b""))
        self._pending.append(event)

    def lock(self) -> None:
        """Let nobody else past this point, or commit an event, until the end. On SQLite that is so from the start."""
        trail.lock(self._session)

    def flush(self) -> None:
        """Write the events that wait."""
        if self._pending:
            pending, self._pending = self._pending, []
            trail.append(self._session, pending)

    def add_incoming(self, incoming: Incoming) -> bool:
        """Store a snapshot; False when its key is known already."""
        row = {"key": incoming.key, "received_at": audit.instant(incoming.received_at)}
        return self._insert(INCOMING, row | _json(incoming))

    def incoming(self, key: str) -> Incoming:
        """The snapshot with this key, or ``NotFound``."""
        return self._one(Incoming, INCOMING, INCOMING.c.key == key, f"message {key}")

    def add_task(self, task: Task, event: Event) -> bool:
        """Store a new task and its event; False (and no event) when the id is known already."""
        return self._insert(TASKS, {"id": task.id} | _task_row(task), event)

    def task(self, task_id: TaskId) -> Task:
        """The task, or ``NotFound``."""
        return self._one(Task, TASKS, TASKS.c.id == task_id, f"task {task_id}")

    def tasks(
        self,
        *,
        statuses: Sequence[TaskStatus] = (),
        subject: str = "",
        repo: str = "",
        channel: str = "",
        thread: str = "",
        since: datetime | None = None,
        limit: int = 50,
    ) -> tuple[Task, ...]:
        """Tasks that match every given filter, newest first."""
        wanted = {"subject": subject, "repo": repo, "channel": channel, "thread": thread}
        conditions = [TASKS.c[name] == value for name, value in wanted.items() if value]
        if statuses:
            conditions.append(TASKS.c.status.in_([str(status) for status in statuses]))
        if since:
            conditions.append(TASKS.c.created_at >= audit.instant(since))
        newest = (TASKS.c.created_at.desc(), TASKS.c.id.desc())
        found = self._session.execute(select(TASKS.c.value).where(*conditions).order_by(*newest).limit(limit))
        return tuple(Task.model_validate_json(value) for value in found.scalars())

    def save_task(self, before: Task, after: Task, event: Event) -> Task:
        """Store ``after`` with the next version if ``before`` is still what is stored; else ``Stale``."""
        stored = self._session.execute(select(TASKS.c.version, TASKS.c.status).where(TASKS.c.id == before.id)).first()
        if stored is None:
            raise NotFound(f"there is no task {before.id}")
        current = TaskStatus(stored.status)
        if current is not after.status:
            check_transition(current, after.status)
        saved = after.model_copy(update={"id": before.id, "version": before.version + 1})
        is_unchanged = (TASKS.c.id == before.id) & (TASKS.c.version == before.version)
        if not self._update(TASKS, is_unchanged, _task_row(saved)):
            raise Stale(f"task {before.id} has changed meanwhile", _FASTER, _LOOK)
        self.append(event)
        return saved

    def add_turn(self, turn: Turn) -> bool:
        """Store an agent's turn; False when (task, run, number) is known already."""
        return self._insert(TURNS, {"task": turn.task, "run": turn.run, "number": turn.number} | _json(turn))

    def turns(self, task_id: str, run: int) -> tuple[Turn, ...]:
        """The persisted turns of a run, in order."""
        query = select(TURNS.c.value).where(TURNS.c.task == task_id, TURNS.c.run == run).order_by(TURNS.c.number)
        return tuple(Turn.model_validate_json(value) for value in self._session.execute(query).scalars())

    def add_hold(self, hold: Hold, event: Event) -> bool:
        """Store a hold and its event; False (and no event) when the id is known already."""
        row = {"id": hold.id, "task": hold.task, "kind": str(hold.kind), "opened_at": audit.instant(hold.opened_at)}
        return self._insert(HOLDS, row | {"status": str(hold.status)} | _json(hold), event)

    def hold(self, hold_id: str) -> Hold:
        """The hold, or ``NotFound``. On Postgres the row is locked until the transaction ends."""
        return self._one(Hold, HOLDS, HOLDS.c.id == hold_id, f"hold {hold_id}", is_locked=True)

    def holds(
        self, *, task: str = "", status: HoldStatus | None = None, kind: HoldKind | None = None
    ) -> tuple[Hold, ...]:
        """Holds that match every given filter, oldest first."""
        wanted = {"task": task, "status": str(status or ""), "kind": str(kind or "")}
        conditions = [HOLDS.c[name] == value for name, value in wanted.items() if value]
        query = select(HOLDS.c.value).where(*conditions).order_by(HOLDS.c.opened_at, HOLDS.c.id)
        return tuple(Hold.model_validate_json(value) for value in self._session.execute(query).scalars())

    def settle_hold(self, hold: Hold, status: HoldStatus, event: Event) -> None:
        """Compare-and-set from open; ``Stale`` when it is no longer open."""
        is_open = (HOLDS.c.id == hold.id) & (HOLDS.c.status == str(HoldStatus.OPEN))
        settled = hold.model_copy(update={"status": status})
        if not self._update(HOLDS, is_open, {"status": str(status)} | _json(settled)):
            raise Stale("this hold is no longer open", _FASTER, _LOOK)
        self.append(event)

    def add_vote(self, vote: Vote, event: Event) -> bool:
        """Store a vote and its event; False (and no event) when this person already voted on this hold."""
        row = {"hold": vote.hold, "subject": vote.subject, "at": audit.instant(vote.at)}
        return self._insert(VOTES, row | _json(vote), event)

    def votes(self, hold_id: str) -> tuple[Vote, ...]:
        """The votes on a hold, oldest first."""
        query = select(VOTES.c.value).where(VOTES.c.hold == hold_id).order_by(VOTES.c.at, VOTES.c.subject)
        return tuple(Vote.model_validate_json(value) for value in self._session.execute(query).scalars())

    def post(self, key: str) -> Post | None:
        """What we know of a message of ours."""
        row = self._session.execute(select(POSTS).where(POSTS.c.key == key)).first()
        if row is None:
            return None
        return Post(row.key, row.channel, row.thread, row.ts, tuple(json.loads(row.files)), row.content)

    def save_post(self, post: Post) -> None:
        """Insert or update by key."""
        values = asdict(post) | {"files": json.dumps(post.files)}
        if not self._insert(POSTS, values):
            self._update(POSTS, POSTS.c.key == post.key, values)

    def outcome(self, key: str) -> str | None:
        """What was kept under this key, or None."""
        return self._session.execute(select(OUTCOMES.c.value).where(OUTCOMES.c.key == key)).scalar()

    def keep_outcome(self, key: str, value: str) -> None:
        """Keep what a step came to; the first value stays."""
        self._insert(OUTCOMES, {"key": key, "value": value})

    def add_bundle(self, digest: str, files: Mapping[str, bytes]) -> bool:
        """Keep a policy bundle by digest; False when it is kept already."""
        if not self._insert(BUNDLES, {"digest": digest}):
            return False
        for path, content in files.items():
            self._insert(BUNDLE_FILES, {"digest": digest, "path": path, "content": content})
        return True

    def bundle(self, digest: str) -> dict[str, bytes]:
        """The files of a kept bundle, or ``NotFound``."""
        if not self._session.execute(select(BUNDLES.c.digest).where(BUNDLES.c.digest == digest)).first():
            raise NotFound(f"there is no policy bundle {digest}")
        query = select(BUNDLE_FILES.c.path, BUNDLE_FILES.c.content).where(BUNDLE_FILES.c.digest == digest)
        return {row.path: bytes(row.content) for row in self._session.execute(query)}

    def events(
        self, *, task: str = "", actor: str = "", name: str = "", since: datetime | None = None, limit: int = 200
    ) -> tuple[StoredEvent, ...]:
        """The newest matching events, oldest of them first. ``name`` may end in ``*``."""
        self.flush()
        return trail.read(self._session, task=task, actor=actor, name=name, since=since, limit=limit)

    def _insert(self, table: Table, row: Mapping[str, object], event: Event | None = None) -> bool:
        """Insert unless the key is known; the event only with the row."""
        build = postgresql.insert if self._session.get_bind().dialect.name == "postgresql" else sqlite.insert
        # The row comes back only if it went in; a row count is not dependable here on Postgres.
        statement = build(table).values(dict(row)).on_conflict_do_nothing().returning(*table.primary_key)
        try:
            is_new = self._session.execute(statement).first() is not None
        except IntegrityError as error:
            raise NotFound("what this belongs to is not stored", str(table.name), "store that first") from error
        if is_new and event:
            self.append(event)
        return is_new

    def _update(self, table: Table, condition: ColumnElement[bool], row: Mapping[str, object]) -> bool:
        statement = update(table).where(condition).values(dict(row))
        return bool(self._session.connection().execute(statement).rowcount)

    def _one(
        self, kind: type[_V], table: Table, condition: ColumnElement[bool], what: str, *, is_locked: bool = False
    ) -> _V:
        query = select(table.c.value).where(condition)
        value = self._session.execute(query.with_for_update() if is_locked else query).scalar()
        if value is None:
            raise NotFound(f"there is no {what}")
        return kind.model_validate_json(value)


def _json(value: Value) -> dict[str, object]:
    return {"value": value.model_dump_json()}


def _task_row(task: Task) -> dict[str, object]:
    return {
        "version": task.version,
        "status": str(task.status),
        "subject": task.requester.subject,
        "repo": task.spec.repo if task.spec else "",
        "channel": task.place.channel,
        "thread": task.place.thread,
        "created_at": audit.instant(task.created_at),
    } | _json(task)
