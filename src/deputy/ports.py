"""What the workflows need from the world, as Protocols. Adapters implement these; nothing else crosses a room's door.

Every effect takes a key or a name that is the same on the second try, and then finds the first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import JsonValue

from deputy.domain.config import Environment
from deputy.domain.dialogue import CommandResult, Message, Reply, Tool
from deputy.domain.status import TaskStatus
from deputy.domain.values import (
    Actor,
    Event,
    Hold,
    HoldKind,
    HoldStatus,
    Incoming,
    Person,
    Place,
    Scan,
    Task,
    TreeChange,
    Turn,
    Vote,
)

if TYPE_CHECKING:
    from deputy.policy import Bundle

# ---------------------------------------------------------------------------------------------------------- store


@dataclass(frozen=True)
class StoredEvent:
    """An event as it stands in the trail: ``seq`` counts from 1; ``body`` is stored RFC 8785 text; ``hash`` is hex."""

    seq: int
    body: str
    hash: str
    prev: str
    event: Event


@dataclass(frozen=True)
class Post:
    """A message of ours in Slack. ``ts`` is empty between the intent to post and Slack's answer."""

    key: str
    channel: str
    thread: str
    ts: str = ""
    files: tuple[str, ...] = ()


class Ledger(Protocol):
    """One open transaction. Everything done on it is committed together, or not at all."""

    @property
    def session(self) -> object:
        """The database session, for the engine's hand-over in the same transaction and nothing else."""

    def append(self, event: Event) -> None:
        """Append to the audit trail."""

    def lock(self) -> None:
        """Keep what is read from here on from changing: nobody else gets past this, or commits an event, until the end.

        To be called before the first row is changed, so that no two transactions wait for each other.
        """

    def add_incoming(self, incoming: Incoming) -> bool:
        """Store a snapshot; False when its key is known already."""

    def incoming(self, key: str) -> Incoming:
        """The snapshot with this key, or ``NotFound``."""

    def add_task(self, task: Task, event: Event) -> bool:
        """Store a new task and its event; False (and no event) when the id is known already."""

    def task(self, task_id: str) -> Task:
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
        """What we know of a message of ours."""

    def save_post(self, post: Post) -> None:
        """Insert or update by key."""

    def outcome(self, key: str) -> str | None:
        """What was kept under this key, or None."""

    def keep_outcome(self, key: str, value: str) -> None:
        """Keep what a step came to, in the transaction that did it: done again, the step finds it. The first stays."""

    def add_bundle(self, digest: str, files: Mapping[str, bytes]) -> bool:
        """Keep a policy bundle by digest; False when it is kept already."""

    def bundle(self, digest: str) -> dict[str, bytes]:
        """The files of a kept bundle, or ``NotFound``."""

    def events(
        self, *, task: str = "", actor: str = "", name: str = "", since: datetime | None = None, limit: int = 200
    ) -> tuple[StoredEvent, ...]:
        """The newest matching events, oldest of them first. ``name`` may end in ``*``."""


class Store(Protocol):
    """Where rows, events and blobs live."""

    def transaction(self) -> AbstractContextManager[Ledger]:
        """A transaction that commits on leaving without an error."""

    def put_blob(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256 in hex."""

    def blob(self, digest: str) -> bytes:
        """The bytes, checked against the digest, or ``NotFound``."""

    def keep_checkpoint(self, origin: str) -> object:
        """Keep the trail's head outside the database, beside the blobs, so that a cut-off tail is found later."""


# ---------------------------------------------------------------------------------------------------------- policy


class Policies(Protocol):
    """Where policy bundles come from."""

    def current(self) -> "Bundle":
        """The bundle in force now; ``BadPolicy`` when there has never been a good one."""

    def kept(self, digest: str) -> "Bundle":
        """A bundle that was in force before, or ``NotFound``."""


# ---------------------------------------------------------------------------------------------------------- engine


class Queue(Protocol):
    """Hands work to the durable engine. The same ``workflow_id`` starts once, however often it is handed over."""

    def enqueue(
        self,
        ledger: Ledger,
        workflow: str,
        workflow_id: str,
        *args: JsonValue,
        partition: str = "",
        delay_seconds: float = 0,
    ) -> None:
        """Start a workflow when, and only if, the ledger's transaction commits."""


class Inbox(Protocol):
    """Where listeners put what people do. Returns at once; the work is done by workflows."""

    def accept(self, incoming: Incoming) -> bool:
        """Keep the snapshot and start its workflow in one transaction; False when it was known already."""

    def knows_thread(self, channel: str, thread: str) -> bool:
        """Whether a task of ours lives in this thread."""

    def note_edit(self, channel: str, message: str, actor: Actor, at: datetime) -> None:
        """A message that became a task was edited or deleted: recorded; the snapshot stays."""


# ---------------------------------------------------------------------------------------------------------- chat


@dataclass(frozen=True)
class Fact:
    """A label and its value on a card. ``people`` are Slack user ids, rendered as mentions."""

    label: str
    value: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One line of a card's progress. ``mark`` is ``done``, ``now``, ``wait``, ``fail`` or ``todo``."""

    mark: str
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Button:
    """``action`` is the action id, ``value`` opaque; ``style`` is empty, ``primary`` or ``danger``."""

    action: str
    value: str
    label: str
    style: str = ""
    confirm: str = ""


@dataclass(frozen=True)
class Card:
    """What a task's message shows. All strings are plain text: the adapter escapes them and keeps Slack's limits."""

    headline: str
    status: str
    tone: str = "working"  # working | asking | waiting | good | bad
    facts: tuple[Fact, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    code: str = ""
    buttons: tuple[Button, ...] = ()
    footer: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file for the thread."""

    name: str
    title: str
    content: bytes


class Chat(Protocol):
    """Slack, as the workflows need it. ``key`` makes a post happen once, across crashes too.

    Every method raises ``Unavailable`` when Slack can't be reached and ``BadInput`` when Slack refuses what we sent.
    """

    def show(self, place: Place, key: str, card: Card) -> None:
        """Post the card with this key in the thread, or update it in place."""

    def say(self, place: Place, key: str, text: str, people: Sequence[str] = ()) -> None:
        """Post a plain sentence in the thread, once. ``people`` (user ids) are mentioned before it."""

    def whisper(self, place: Place, user: str, text: str, reply_url: str = "") -> None:
        """Show a sentence to one person only (ephemeral); by ``reply_url`` where there is one."""

    def notify(self, user: str, key: str, text: str, card: Card | None = None) -> None:
        """Send a direct message, once; with a card, a later call brings the message up to date."""

    def attach(self, place: Place, key: str, files: Sequence[Attachment], comment: str) -> None:
        """Upload files into the thread, once."""

    def permalink(self, place: Place, message: str) -> str:
        """A link to a message, or an empty string when Slack has none."""

    def person(self, actor: Actor) -> Person:
        """Look a user up now (not from a cache). ``NotFound`` when there is no such user."""


# ---------------------------------------------------------------------------------------------------------- repos


@dataclass(frozen=True)
class RepoSource:
    """Where a repository comes from: ``url`` is anything git can clone; ``branch`` may be empty for the default one."""

    name: str
    url: str
    branch: str = ""


@dataclass(frozen=True)
class TreeFile:
    """A file of a result tree: git mode (``100644``, ``100755``, ``120000``), content (for a link, its target)."""

    path: str
    mode: str
    content: bytes


@dataclass(frozen=True)
class StoredFile:
    """A file as git keeps it: mode (as in ``TreeFile``), blob id, content."""

    mode: str
    blob: str
    content: bytes


# Files by path, as they go into a sandbox.
Tree = Mapping[str, StoredFile]


@dataclass(frozen=True)
class TreeDelta:
    """What a sandbox says has changed against what went in. Hostile input: bounded, then judged as git trees."""

    written: tuple[TreeFile, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommitText:
    """The message of a patch: subject, body and trailers (``Requested-by`` and the like)."""

    subject: str
    body: str
    trailers: tuple[tuple[str, str], ...]
    author: str = "Deputy <deputy@localhost>"
    at: datetime | None = None


class Repos(Protocol):
    """Git, on the host, in repositories that no sandbox ever touched."""

    def refresh(self, source: RepoSource) -> str:
        """Fetch into the cached mirror; returns the commit at the branch's tip. ``Unavailable`` when it can't."""

    def checkout(self, repo: str, treeish: str, hidden: Sequence[str]) -> Tree:
        """The files of a commit or tree, without history and without paths matching the hidden globs."""

    def read(self, repo: str, treeish: str, path: str) -> bytes | None:
        """A file's bytes in a commit or tree, or None where there is none."""

    def blobs(self, repo: str, ids: Collection[str]) -> Mapping[str, bytes]:
        """The content of blobs by id, all in one go; ``NotFound`` when one is missing."""

    def paths(self, repo: str, treeish: str) -> tuple[str, ...]:
        """Every path of a tree."""

    def import_delta(self, repo: str, base: str, delta: TreeDelta) -> str:
        """Write the delta onto the base commit's tree (in the mirror's object store); returns the new tree id."""

    def diff(self, repo: str, base: str, tree: str) -> TreeChange:
        """``git diff-tree -r -z --raw --no-renames`` between the base commit's tree and the tree."""

    def show_diff(self, repo: str, base: str, tree: str, paths: Sequence[str] = ()) -> str:
        """The readable diff, always as text."""

    def patch(self, repo: str, base: str, tree: str, text: CommitText) -> bytes:
        """A mail-format patch that ``git am`` applies on the base; the same arguments give the same bytes."""


# ---------------------------------------------------------------------------------------------------------- sandbox


@dataclass(frozen=True)
class SandboxLimits:
    """Bounds of one sandbox. Sizes in bytes, ``cpus`` in cores, ``seconds`` for its whole life."""

    memory: int = 2 * 1024**3
    cpus: float = 2.0
    processes: int = 256
    disk: int = 1024**3
    inodes: int = 200_000
    seconds: int = 1800
    output: int = 1024**2


@dataclass(frozen=True)
class SandboxSpec:
    """``name`` is the same on a second try (``deputy-{task}-{run}-{purpose}``); ``tree`` is what the workspace holds.

    ``stock`` names what a waiting sandbox may be used for it: those of one stock were filled with the same hidden paths
    left out; empty for none. ``links`` are workspace paths that lead to folders of the image (by absolute path), and
    are no part of the result. ``git`` makes a repository with one commit inside. ``gateway`` is a folder of this host
    with the socket of an open gateway to allowed hosts; empty for no network at all.
    """

    name: str
    task: str
    image: str
    tree: Tree
    env: Mapping[str, str] = field(default_factory=dict)
    limits: SandboxLimits = SandboxLimits()
    git: bool = False
    stock: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    gateway: str = ""


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried from inside a sandbox; ``said`` is how it ended."""

    name: str
    is_shut: bool
    said: str = ""


class Sandbox(Protocol):
    """A sealed machine with the workspace inside. Leaving its ``with`` block kills and removes it.

    ``SandboxFailed`` means that the sandbox failed, never that a command did.
    """

    @property
    def name(self) -> str:
        """The sandbox's name."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 120,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Callable[[bytes], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> CommandResult:
        """Run a command in the workspace; nothing that it started is alive afterwards. Raises ``Cancelled``."""

    def read(self, path: str, *, limit: int = 1024**2) -> bytes:
        """A workspace file's bytes; ``NotFound`` when it isn't a readable file inside the workspace."""

    def write(self, path: str, content: bytes) -> None:
        """Write a workspace file, making folders; ``BadInput`` when the path leaves the workspace."""

    def delta(self) -> TreeDelta:
        """What changed against the tree that went in; ``OutOfBudget`` over the caps."""

    def close(self) -> None:
        """Kill, remove and make sure that it is gone. Harmless the second time."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Sandboxes(Protocol):
    """Makes sandboxes. A left-over one of the same name is removed first."""

    def start(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> Sandbox:
        """A started sandbox; ``Unavailable`` when the engine or image isn't there (says what to do).

        Raises ``Cancelled`` within a second when that is wanted meanwhile, and leaves nothing then.
        """

    def sweep(self, is_live: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove every sandbox of ours whose task ``is_live`` denies; returns their names."""

    def remaining(self, task: str) -> tuple[str, ...]:
        """The names of the task's sandboxes that the engine still knows; empty is the proof that nothing is alive."""

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Keep a started, filled sandbox waiting for each of these (names do not count), and no others.

        Returns at once: they are made in the background, and never while a task waits for its own.
        """

    def probe(self) -> tuple[Attempt, ...]:
        """Try from inside a sandbox what must not work."""

    def check(self) -> str:
        """One line that says which engine and image are ready; ``Unavailable`` otherwise."""

    def close(self) -> None:
        """Remove what waits, and keep nothing ready from now on. Tasks' sandboxes are their own to close."""


# --------------------------------------------------------------------------------------------------------- environments


# Where an environment's image has the workspace folders that it keeps, each below its workspace path.
KEPT_FOLDER = "/opt/deputy/kept"


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment to be built: ``key`` names its content, ``base`` the image it is built on.

    ``tree`` is the commit that setup runs in, without hidden paths; ``secrets`` are values by variable name.
    """

    repo: str
    key: str
    base: str
    environment: Environment
    tree: Tree
    secrets: Mapping[str, str] = field(default_factory=dict)
    gateway: str = ""
    disk: int = 8 * 1024**3


@dataclass(frozen=True)
class BuildStep:
    """How far a build is: step ``number`` of ``total`` is ``text``; ``output`` is what it just printed."""

    number: int
    total: int
    text: str
    output: bytes = b""


class Environments(Protocol):
    """Images with a repository's dependencies inside, kept by key."""

    def base_id(self, image: str) -> str:
        """What the image is, by content; ``Unavailable`` when the engine does not have it."""

    def find(self, repo: str, key: str) -> str:
        """The name of the image that was built for this key; empty when there is none."""

    def build(self, spec: EnvironmentSpec, on_step: Callable[[BuildStep], None]) -> str:
        """Build it (once, however many ask) and return the image's name.

        ``BadInput`` names the failing command, with the tail of its output. ``on_step`` is also called in between,
        again and again: what it raises ends the build.
        """

    def prune(self, repo: str, keep: int) -> tuple[str, ...]:
        """Remove all but the newest images of a repository that nothing uses; returns their names."""


# ---------------------------------------------------------------------------------------------------------- network


@dataclass(frozen=True)
class NetworkUse:
    """What went to one host and port: ``sent`` and ``received`` in bytes; ``refused`` says why nothing may."""

    host: str
    port: int
    connections: int = 0
    sent: int = 0
    received: int = 0
    refused: str = ""


class Gateway(Protocol):
    """The only way out of a sandbox: an allowlisting proxy on a Unix socket."""

    def open(self, hosts: Sequence[str]) -> "AbstractContextManager[OpenGateway]":
        """A proxy that connects to these hosts and no others, until the block is left."""


class OpenGateway(Protocol):
    """A gateway that is open now."""

    @property
    def folder(self) -> str:
        """The folder with its socket, for ``SandboxSpec.gateway``."""

    def uses(self) -> tuple[NetworkUse, ...]:
        """What it has been used for so far, by host and port, refusals included."""


# ---------------------------------------------------------------------------------------------------------- scanners


class Scanner(Protocol):
    """Other people's programs that look for what our gates can't know: credentials, workflows that can be abused."""

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        """What they see in the changed files of the patched tree (``head``) and did not in ``base``, by path.

        Never raises for what it is given: a scanner that can't run or breaks is in ``failed``.
        """

    def check(self) -> str:
        """One line that says which scanners are ready; ``Unavailable`` when none can look for credentials."""


class Screen(Protocol):
    """A second opinion on whether a request asks for harm. Its answer can only refuse more, never less."""

    def objection(self, text: str) -> str:
        """Why this must not be done, in a clause; empty when nothing is objected. ``Unavailable`` when it can't say."""


# ---------------------------------------------------------------------------------------------------------- model


class Model(Protocol):
    """A language model. ``Unavailable`` when it can't be reached or is out of quota (says which)."""

    @property
    def name(self) -> str:
        """The model's name, for prices and the audit trail."""

    def reply(self, transcript: Sequence[Message], tools: Sequence[Tool], *, max_tokens: int, timeout: float) -> Reply:
        """The model's answer to a transcript."""


# ---------------------------------------------------------------------------------------------------------- timers


@dataclass(frozen=True)
class Job:
    """Work on a clock: ``id`` and the fire time make one run's key."""

    id: str
    every_seconds: float
    run: Callable[[datetime], None]


class Timers(Protocol):
    """Runs jobs by the clock, in one process of many."""

    def start(self, jobs: Sequence[Job]) -> None:
        """Start firing."""

    def stop(self) -> None:
        """Stop firing; a running job ends first."""


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """Now, in UTC, timezone-aware."""
