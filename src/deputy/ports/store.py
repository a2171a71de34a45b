"""Where rows, events, blobs and policy bundles live."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deputy.domain.events import Event
from deputy.domain.identifiers import Digest, TaskId
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote
from deputy.domain.tasks.request import Incoming
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.domain.tasks.usage import Turn

if TYPE_CHECKING:
    from deputy.policy import Bundle


@dataclass(frozen=True)
class StoredEvent:
    """An event as it is stored in the audit trail.

    ``seq`` counts from 1. ``body`` is the stored RFC 8785 text. ``hash`` and ``prev`` are SHA-256 in hex: of this
    event, and of the one before it.
    """

    seq: int
    body: str
    hash: str
    prev: str
    event: Event


@dataclass(frozen=True)
class Post:
    """A message that we posted in Slack. ``ts`` is empty until Slack has answered the first post.

    ``files`` are the ids of its files. ``content`` is a digest of what it shows; empty while that is not known, as
    between an update and Slack's answer.
    """

    key: str
    channel: str
    thread: str
    ts: str = ""
    files: tuple[str, ...] = ()
    content: str = ""


class Ledger(Protocol):
    """One open transaction. Everything done on it is committed together, or not at all."""

    @property
    def session(self) -> object:
        """The database session. Only the engine uses it, to start a workflow in the same transaction."""

    def append(self, event: Event) -> None:
        """Append to the audit trail."""

    def lock(self) -> None:
        """Lock out all other writers until the end of the transaction: what is read from now on stays as it is.

        Call it before the first row is changed, so that no two transactions wait for each other.
        """

    def add_incoming(self, incoming: Incoming) -> bool:
        """Store a snapshot; False when its key is known already."""

    def incoming(self, key: str) -> Incoming:
        """The snapshot with this key, or ``NotFound``."""

    def add_task(self, task: Task, event: Event) -> bool:
        """Store a new task and its event; False (and no event) when the id is known already."""

    def task(self, task_id: TaskId) -> Task:
        """The task, or ``NotFound``."""

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
        """Tasks that match every given filter, newest first. ``since`` is about their creation."""

    def save_task(self, before: Task, after: Task, event: Event) -> Task:
        """Compare-and-set: store ``after`` with ``version + 1`` and append ``event``; returns what was stored.

        Raises ``Stale`` when the stored version is not ``before.version`` or the status table forbids the step.
        """

    def add_turn(self, turn: Turn) -> bool:
        """Store an agent's turn; False when (task, run, number) is known already."""

    def turns(self, task_id: str, run: int) -> tuple[Turn, ...]:
        """The persisted turns of a run, in order."""

    def add_hold(self, hold: Hold, event: Event) -> bool:
        """Store a hold and its event; False (and no event) when the id is known already."""

    def hold(self, hold_id: str) -> Hold:
        """The hold, or ``NotFound``. On Postgres the row is locked until the transaction ends."""

    def holds(
        self, *, task: str = "", status: HoldStatus | None = None, kind: HoldKind | None = None
    ) -> tuple[Hold, ...]:
        """Holds that match every given filter, oldest first."""

    def settle_hold(self, hold: Hold, status: HoldStatus, event: Event) -> None:
        """Compare-and-set from open; ``Stale`` when it is no longer open."""

    def add_vote(self, vote: Vote, event: Event) -> bool:
        """Store a vote and its event; False (and no event) when this person already voted on this hold."""

    def votes(self, hold_id: str) -> tuple[Vote, ...]:
        """The votes on a hold, oldest first."""

    def post(self, key: str) -> Post | None:
        """What is stored about the message with this key; None when there is none."""

    def save_post(self, post: Post) -> None:
        """Insert or update by key."""

    def outcome(self, key: str) -> str | None:
        """The outcome that is kept under this key, or None."""

    def keep_outcome(self, key: str, value: str) -> None:
        """Keep a step's outcome in the transaction of the step. A repeated step finds it; the first value stays."""

    def add_bundle(self, digest: str, files: Mapping[str, bytes]) -> bool:
        """Keep a policy bundle by digest; False when it is kept already."""

    def bundle(self, digest: str) -> dict[str, bytes]:
        """The files of a kept bundle, or ``NotFound``."""

    def events(
        self, *, task: str = "", actor: str = "", name: str = "", since: datetime | None = None, limit: int = 200
    ) -> tuple[StoredEvent, ...]:
        """The newest matching events, oldest of them first. ``name`` may end in ``*``."""


class Store(Protocol):
    """The database and the blobs next to it."""

    def transaction(self) -> AbstractContextManager[Ledger]:
        """A transaction that commits on leaving without an error."""

    def put_blob(self, content: bytes) -> Digest:
        """Keep bytes; returns their SHA-256 in hex."""

    def blob(self, digest: str) -> bytes:
        """The bytes, checked against the digest, or ``NotFound``."""

    def keep_checkpoint(self, origin: str) -> object:
        """Keep the trail's head outside the database, next to the blobs, so that a cut-off tail is found later."""


class Policies(Protocol):
    """Where policy bundles come from."""

    def current(self) -> "Bundle":
        """The bundle in force now; ``BadPolicy`` when there has never been a good one."""

    def kept(self, digest: str) -> "Bundle":
        """A bundle that was in force before; ``NotFound`` when there is none with this digest."""
