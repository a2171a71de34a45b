"""Deputy's workflows in process: a real store, real policy, real git; a chat that records, and steps that can crash.

No Docker, no durable engine, no network: work and checks run in plain folders. What is handed over is kept in the
store's own transaction, as the engine does, and run by ``run``.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy import text

from deputy.adapters.delivery import ThreadDelivery
from deputy.adapters.repos import GitRepos
from deputy.adapters.slack.posting.blocks import render
from deputy.adapters.store.store import SqlStore, open_store
from deputy.domain.errors import NotFound, Unavailable
from deputy.domain.events import Event
from deputy.domain.people import Actor, Person
from deputy.domain.tasks.request import Incoming, Place, Source
from deputy.domain.tasks.task import Task
from deputy.flow.requests.inbox import DurableInbox
from deputy.flow.state.services import Services
from deputy.flow.state.steps import Patience, outcome_of, value_of
from deputy.flow.workflows import workflows
from deputy.policy import Bundle, load
from deputy.ports import Attachment, Button, Card, Ledger, Model, Post, SecondOpinion
from tests.support.origin import Origin
from tests.support.plain_sandbox import PlainSandboxes
from tests.support.plain_scanner import PlainScanner
from tests.support.slack_double import check_blocks

STARTER = Path(__file__).parents[2] / "policies"
TEAM, BOT, CHANNEL = "T0ACME", "U0DEPUTY", "C0SHOP"
ALICE, SAM, CORA = "U0ALICE", "U0SAM", "U0CORA"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECIPES = """
[recipe.note]
title = "Write a note"
kind = "docs"
patterns = ['''write a note about (?P<what>[a-z]+)''']
commands = [["cp", "README.md", "{what}.md"]]
[recipe.note.arguments]
what = '''[a-z]{1,20}'''

[recipe.rate]
title = "Write down a rate"
kind = "docs"
patterns = ['''write down a rate''']
commands = [["cp", "README.md", "billing/rates.txt"]]
"""
TINY = """
[repo."acme/tiny"]
url = "tiny"
aliases = ["tiny"]

[[repo."acme/tiny".checks]]
name = "readme"
kind = "lint"
run = ["grep", "-q", "Tiny", "README.md"]
"""
NOTE = "can you just write a note about birds in `tiny`"
RATE = "can you just write down a rate in `tiny`"


class Crash(BaseException):
    """The process is gone: nothing after this runs, and what was not recorded has not been recorded."""


@dataclass
class Clock:
    """A clock that a test moves."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class Chat:
    """What people see, each key once; cards and messages have to be within Slack's limits."""

    store: SqlStore
    cards: dict[str, Card] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    whispers: list[tuple[str, str]] = field(default_factory=list)
    direct: dict[str, tuple[str, str, Card | None]] = field(default_factory=dict)
    files: dict[str, tuple[Attachment, ...]] = field(default_factory=dict)
    is_down: bool = False

    def show(self, place: Place, key: str, card: Card) -> None:
        self._be_up()
        check_blocks(list(render(card)[0]))
        self._once(place, key)
        self.cards[key] = card

    def say(self, place: Place, key: str, text: str, people: Sequence[str] = ()) -> None:
        self._be_up()
        if self._once(place, key):
            self.said.append(text)

    def whisper(self, place: Place, user: str, text: str, reply_url: str = "") -> None:
        self._be_up()
        self.whispers.append((user, text))

    def notify(self, user: str, key: str, text: str, card: Card | None = None) -> None:
        self._be_up()
        self._once(Place(team=TEAM, channel=f"D{user}", thread=""), key)
        self.direct[key] = (user, text, card)

    def attach(self, place: Place, key: str, files: Sequence[Attachment], comment: str) -> None:
        self._be_up()
        if self._once(place, key):
            self.said.append(comment)
            self.files[key] = tuple(files)

    def permalink(self, place: Place, message: str) -> str:
        return f"https://slack.example/{place.channel}/{message}"

    def person(self, actor: Actor) -> Person:
        self._be_up()
        if actor.user == "U0NOBODY":
            raise NotFound("there is no such user")
        return Person(actor=actor, name=actor.user, is_guest=actor.user == "U0GUS")

    def _once(self, place: Place, key: str) -> bool:
        with self.store.transaction() as ledger:
            if ledger.post(key):
                return False
            ledger.save_post(Post(key, place.channel, place.thread, "1.1"))
            return True

    def _be_up(self) -> None:
        if self.is_down:
            raise Unavailable("Slack does not answer", "it is down", "try later")


class Policies:
    """One bundle, which a test may replace."""

    def __init__(self, files: dict[str, bytes], store: SqlStore) -> None:
        self.files, self._store = files, store
        self._loaded: dict[int, Bundle] = {}

    def current(self) -> Bundle:
        key = id(self.files)
        if key not in self._loaded:
            self._loaded[key] = load(self.files)
        return self._loaded[key]

    def kept(self, digest: str) -> Bundle:
        current = self.current()
        if current.digest == digest:
            return current
        with self._store.transaction() as ledger:
            return load(ledger.bundle(digest))


@dataclass
class Queue:
    """What is handed over, in the transaction that hands it over; each id once."""

    clock: Clock

    def enqueue(
        self,
        ledger: Ledger,
        workflow: str,
        workflow_id: str,
        *args: JsonValue,
        partition: str = "",
        delay_seconds: float = 0,
    ) -> None:
        del partition
        due = (self.clock.now() + timedelta(seconds=delay_seconds)).isoformat()
        ledger.keep_outcome(f"queue:{workflow_id}", json.dumps([workflow, due, list(args)]))


@dataclass
class RecordedSteps:
    """Steps with the outcomes that were recorded; ``crash_after`` names one that is done and then lost."""

    workflow: str
    recorded: dict[str, object]
    crash_after: Callable[[str], bool] = lambda _: False

    def __call__(
        self, name: str, act: Callable[[], object], *, returns: type[object] | None = None, tries: int = 0
    ) -> object:
        del tries
        key = f"{self.workflow}/{name}"
        if key not in self.recorded:
            outcome = outcome_of(name, act, returns, Patience(attempts=1))
            if self.crash_after(key):
                raise Crash
            self.recorded[key] = json.loads(json.dumps(outcome))
        return value_of(dict(self.recorded[key]), returns)  # type: ignore[call-overload]


class NoEngine:
    """The durable engine's books, where everything ended well."""

    def unfinished(self) -> dict[str, str]:
        return {}

    def forget_finished(self, before_iso: str) -> int:
        del before_iso
        return 0


class DeputyUnderTest:
    """A whole Deputy without its engine: ``say`` and ``click`` as people do, ``run`` until nothing is left to do."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(f"sqlite:///{folder}/deputy.sqlite", str(folder / "artifacts"))
        self.clock = Clock()
        self.chat = Chat(self.store)
        self.origin = Origin(folder / "tiny")
        self.origin.commit(("100644", b"README.md", b"# Tiny\n"), ("100644", b"billing/rates.txt", b"3\n5\n"))
        repos = GitRepos(folder / "git")
        files = {str(p.relative_to(STARTER)): p.read_bytes() for p in STARTER.rglob("*") if p.is_file()}
        files["recipes.toml"] += RECIPES.encode()
        files["repos.toml"] += TINY.encode()
        self.policies = Policies({name: content for name, content in files.items() if "/" not in name}, self.store)
        self.services = Services(
            store=self.store,
            queue=Queue(self.clock),
            chat=self.chat,
            delivery=ThreadDelivery(self.chat, repos, self.store),
            repos=repos,
            sandboxes=PlainSandboxes(),
            environments=_Nothing(),  # type: ignore[arg-type] - no repository here has an environment
            gateway=_Nothing(),  # type: ignore[arg-type] - nor a network
            scanner=PlainScanner(),
            policies=self.policies,
            model=_no_model,
            screen=_no_opinion,
            clock=self.clock,
            locate=lambda url: str(folder / url),
            secret=lambda _: "",
            team=TEAM,
            bot_user=BOT,
            image="",
        )
        self.inbox = DurableInbox(self.store, self.services.queue, TEAM)
        self.recorded: dict[str, object] = {}
        self.ended: set[str] = set()
        self.crash_after: Callable[[str], bool] = lambda _: False
        self._number = 0

    def close(self) -> None:
        self.store.close()

    # ------------------------------------------------------------------------------------------------ people

    def say(self, words: str, user: str = ALICE, *, thread: str = "", source: Source = Source.MENTION) -> str:
        """Write to Deputy; returns the thread."""
        at = self._moment()
        return self._accept(source, user, thread or at, at, text=f"<@{BOT}> {words}")

    def click(self, user: str, label: str, thread: str) -> str:
        """Press a button of the card; what only this person is told for it."""
        button = next(button for button in self.card(thread).buttons if button.label == label)
        return self.press(user, button, thread)

    def press(self, user: str, button: Button, thread: str) -> str:
        """The same with a button of one's own, or an old one."""
        before = len(self.chat.whispers)
        self._accept(Source.CLICK, user, thread, self._moment(), action=button.action, value=button.value)
        self.run()
        return "\n".join(said for who, said in self.chat.whispers[before:] if who == user)

    def command(self, words: str, user: str = ALICE) -> str:
        """``/deputy …``; the answer."""
        before = len(self.chat.whispers)
        self._accept(Source.COMMAND, user, "", self._moment(), text=words)
        self.run()
        return "\n".join(said for _, said in self.chat.whispers[before:])

    def _accept(self, source: Source, user: str, thread: str, message: str, **given: str) -> str:
        incoming = Incoming(
            key=f"slack:{TEAM}:{CHANNEL}:{message}",
            source=source,
            actor=Actor(team=TEAM, user=user),
            place=Place(team=TEAM, channel=CHANNEL, thread=thread),
            message=message,
            received_at=self.clock.now(),
            **given,
        )
        self.inbox.accept(incoming)
        return thread

    def _moment(self) -> str:
        self._number += 1
        return f"1700000000.{self._number:06}"

    # ------------------------------------------------------------------------------------------------ Deputy

    def run(self) -> None:
        """Run everything that is due until nothing is; after a crash, whatever had begun is taken up again."""
        while due := [each for each in self._queued() if each[0] not in self.ended and each[2] <= self.clock.now()]:
            workflow_id, name, _, args = due[0]
            body = workflows(self.services, NoEngine())[name][1]
            try:
                body(RecordedSteps(workflow_id, self.recorded, self.crash_after), *args)
            except Crash:
                continue
            self.ended.add(workflow_id)

    def later(self, **delta: float) -> None:
        """Some time passes."""
        self.clock.at += timedelta(**delta)
        self.run()

    def _queued(self) -> list[tuple[str, str, datetime, list[JsonValue]]]:
        query = text("SELECT key, value FROM deputy_outcome WHERE key LIKE 'queue:%' ORDER BY rowid")
        with self.store.engine.connect() as connection:
            rows = [(key.removeprefix("queue:"), json.loads(value)) for key, value in connection.execute(query)]
        return [(key, name, datetime.fromisoformat(due), args) for key, (name, due, args) in rows]

    # ------------------------------------------------------------------------------------------------ looking

    def task(self, thread: str) -> Task:
        with self.store.transaction() as ledger:
            return ledger.tasks(channel=CHANNEL, thread=thread)[0]

    def card(self, thread: str) -> Card:
        return self.chat.cards[f"card:{self.task(thread).id}"]

    def events(self, **wanted: str) -> list[Event]:
        with self.store.transaction() as ledger:
            return [stored.event for stored in ledger.events(limit=1000, **wanted)]

    def names(self, thread: str) -> list[str]:
        return [event.name for event in self.events(task=self.task(thread).id)]


class _Nothing:
    """What nothing here may ask for."""


def _no_model() -> Model:
    raise Unavailable("no model is configured", "", "ask your Deputy's operator to set it")


def _no_opinion() -> SecondOpinion:
    raise Unavailable("no model is configured", "", "ask your Deputy's operator to set it")
