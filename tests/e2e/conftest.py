"""Deputy for real, with more people and quick deterministic work, for tests that look through users' eyes."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from unittest import mock

import pytest
import structlog

from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.cli import main
from deputy.domain.events import Event, EventName
from deputy.domain.tasks.task import Task
from deputy_playground.driver import Playground, Seen
from deputy_playground.limits import Rates
from deputy_playground.personas import CAST, CHANNELS, Persona
from deputy_playground.site import Site, make_repository
from deputy_playground.workspace.payloads import block_actions
from tests.support.scanner_home import scanner_home

T = TypeVar("T")
SOURCE = Path(__file__).parents[2]
ALICE, SAM, CORA, GUS, STRANGE, DANA = "U0ALICE", "U0SAM", "U0CORA", "U0GUS", "U0STRANGE", "U0DANA"
BEN, SUE, PAT = "U0BEN", "U0SUE", "U0PAT"
BOT, CHANNEL = "U0DEPUTY", "C0SHOP"
MORE_PEOPLE = (
    Persona(BEN, "Ben Holm", "ben", "Engineer", 100),
    Persona(SUE, "Sue Park", "sue", "Senior engineer", 180),
    Persona(PAT, "Pat Quill", "pat", "Knows nobody", 300),
)
ROLES = """
g, user:T0ACME/U0BEN, role:engineer, acme/*
g, user:T0ACME/U0SUE, role:senior, acme/*
"""
# Quick work whose patch is known beforehand: the people and the outages are what is tried here.
RECIPES = """
[recipe.nap]
title = "Nap"
kind = "other"
patterns = ['''nap for (?P<seconds>[0-9]+) seconds''']
commands = [["sleep", "{seconds}"]]
[recipe.nap.arguments]
seconds = '''[0-9]{1,3}'''

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
url = "remotes/tiny.git"
aliases = ["tiny"]
hidden = ["secrets/**"]

[[repo."acme/tiny".checks]]
name = "readme"
kind = "lint"
run = ["grep", "-q", "Tiny", "README.md"]
"""
RATE = "can you just write down a rate in `tiny`"
NOTE = "can you just write a note about birds in `tiny`"
NAP = "can you just nap for 60 seconds in `tiny`"


class RunningDeputy:
    """A site with one Deputy and everything that a test asks of it."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def slack(self) -> Playground:
        return self.site.slack

    # ------------------------------------------------------------------------------------------------ acting

    def ask(self, text: str, user: str = ALICE, *, channel: str = CHANNEL, thread: str | None = None) -> str:
        """Mention Deputy; returns the message, which starts the thread when none is given."""
        return self.slack.say(user, channel, f"<@{BOT}> {text}", thread)

    def click(self, user: str, thread: str, label: str) -> None:
        card = next(m for m in self.slack.thread(CHANNEL, thread) if any(b.label == label for b in m.buttons))
        self.slack.click(user, CHANNEL, card.ts, label)

    def send_click(self, user: str, message: str, action: str, value: str, at: str = "") -> None:
        """A click payload of one's own making: another value, or an old one again."""
        slack, place = self.slack, self.slack.workspace.channel(CHANNEL)
        element = {"type": "button", "action_id": action, "value": value, "action_ts": at or f"{time.time():.6f}"}
        shown = slack.workspace.message(CHANNEL, message)
        reply = f"{slack.url}/actions/{slack.site.hooks.reply(user, CHANNEL, shown.get('thread_ts', ''), message)}"
        person = slack.workspace.person(user)
        payload = block_actions(person, place, shown, element, slack.site.hooks.trigger(user), reply, {})
        slack._server.run(slack.site.sockets.ask("interactive", payload))

    def whispered(self, user: str, act: Callable[[], object], seconds: float = 20) -> str:
        """What only this person is told because of the act."""
        before = {m.ts for m in self.slack.whispers(user, CHANNEL)}
        act()
        new = self.wait(
            lambda: [m for m in self.slack.whispers(user, CHANNEL) if m.ts not in before], f"word to {user}", seconds
        )
        return "\n".join(m.text for m in new)

    def held(self, text: str = RATE, user: str = ALICE) -> str:
        """Ask for something that needs a senior; returns the thread when it waits for one."""
        thread = self.ask(text, user)
        self.until(thread, "Waiting for sign-off")
        return thread

    # ------------------------------------------------------------------------------------------------ looking

    def said(self, thread: str, channel: str = CHANNEL) -> list[str]:
        return [m.text for m in self.slack.thread(channel, thread) if m.user == BOT]

    def wait(self, answer: Callable[[], T | None], what: str, seconds: float = 20) -> T:
        """What ``answer`` gives once it gives something."""
        deadline = time.monotonic() + seconds
        while not (found := answer()):
            assert time.monotonic() < deadline, f"within {seconds:g} s there was no {what}"
            time.sleep(0.05)
        return found

    def until(self, thread: str, what: str, seconds: float = 25, channel: str = CHANNEL) -> Seen:
        """Deputy's message in the thread that contains ``what``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self.slack.thread(channel, thread):
                if message.user == BOT and what in message.text:
                    return message
            time.sleep(0.05)
        raise AssertionError(f"{what!r} did not come within {seconds:g} s. Said so far: {self.said(thread, channel)}")

    def replied(self, thread: str, sentence: str, seconds: float = 30) -> None:
        """Deputy says exactly this, once."""
        self.until(thread, sentence, seconds)
        assert [text.strip() for text in self.said(thread)].count(sentence) == 1, self.said(thread)

    def card(self, thread: str) -> Seen:
        return next(m for m in self.slack.thread(CHANNEL, thread) if m.user == BOT and "D-" in m.text)

    def store(self) -> SqlStore:
        url = self.site.environment.get("DEPUTY_DATABASE_URL") or f"sqlite:///{self.site.home / 'deputy.sqlite'}"
        return open_store(url, (self.site.home / "artifacts").as_uri())

    def tasks(self, thread: str) -> list[Task]:
        with contextlib.closing(self.store()) as store, store.transaction() as ledger:
            return list(ledger.tasks(channel=CHANNEL, thread=thread, limit=50))

    def task(self, thread: str) -> Task:
        return self.wait(lambda: self.tasks(thread), "task")[0]

    def events(self, *, task: str = "", name: str = "", actor: str = "") -> list[Event]:
        with contextlib.closing(self.store()) as store, store.transaction() as ledger:
            return [s.event for s in ledger.events(task=task, name=name, actor=actor, limit=10_000)]

    def names(self, thread: str) -> list[str]:
        return [event.name for event in self.events(task=self.task(thread).id)]

    def subject_events(self, user: str, name: EventName, team: str = "T0ACME") -> list[Event]:
        return self.events(actor=f"user:{team}/{user}", name=name)

    def cli(self, *words: str, status: int = 0, **environment: str) -> str:
        """Run ``deputy`` in this process; what it printed on standard output, or on standard error when it failed."""
        out, err = io.StringIO(), io.StringIO()
        told = {**self.site.environment, "COLUMNS": "200", **environment}
        with (
            mock.patch.dict(os.environ, told, clear=True),
            mock.patch.object(sys, "argv", ["deputy", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            ended = _status(main)
        structlog.reset_defaults()
        assert ended == status, (ended, out.getvalue(), err.getvalue())
        assert "Traceback" not in out.getvalue() + err.getvalue()
        return err.getvalue() if status and err.getvalue() else out.getvalue()

    def containers(self, task: str) -> list[str]:
        named = f"name=deputy-{task.lower()}"
        found = subprocess.run(["docker", "ps", "-aq", "--filter", named], check=True, capture_output=True, text=True)
        return found.stdout.split()

    def log(self) -> str:
        return (self.site.folder / "deputy.log").read_text(encoding="utf-8", errors="replace")

    def is_well(self) -> None:
        """Deputy is alive, nothing broke inside it, and nobody was shown a traceback."""
        assert self.site.deputy is not None
        assert self.site.deputy.poll() is None, self.log()[-3000:]
        assert "Traceback" not in self.log(), self.log()[-5000:]
        assert "Deputy itself failed" not in self.slack.export_text()


def _status(program: Callable[[], None]) -> int:
    try:
        program()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def policies(
    folder: Path, *, csv: str = "", limits: Mapping[str, float] | None = None, more: Mapping[str, str] | None = None
) -> Path:
    """The starter policies with more people, quick recipes, roomy limits, and ``more`` at the end of its files."""
    shutil.copytree(SOURCE / "policies", folder)
    added = {"policy.csv": ROLES + csv, "recipes.toml": RECIPES, "repos.toml": TINY}
    for name in {*added, *(more or {})}:
        with (folder / name).open("a") as file:
            file.write(added.get(name, "") + (more or {}).get(name, ""))
    roomy = {"active_per_person": 50, "active_per_repo": 8, "active_total": 8, **(limits or {})}
    text = (folder / "limits.toml").read_text()
    text = re.sub(rf"^(?:{'|'.join(roomy)}) = .*\n", "", text, flags=re.MULTILINE)
    lines = "".join(f"{key} = {value}\n" for key, value in roomy.items())
    (folder / "limits.toml").write_text(text.replace("[limits]\n", f"[limits]\n{lines}", 1))
    return folder


def make_site(
    folder: Path,
    *,
    csv: str = "",
    limits: Mapping[str, float] | None = None,
    more: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    rates: Rates | None = None,
) -> Site:
    """A site that is not started yet, with everybody in the channel."""
    given = policies(folder / "given", csv=csv, limits=limits, more=more)
    site = Site(folder, policies=given, environment=environment or {})
    site.slack._listener.close()
    site.slack._shelf.close()
    members = tuple(person.id for person in MORE_PEOPLE)
    site.slack = Playground(
        folder / "slack",
        people=(*CAST, *MORE_PEOPLE),
        channels=[replace(channel, members=channel.members + members) for channel in CHANNELS],
        rates=rates or Rates(posts_per_second=0, tiers=False),
    )
    scanner_home(site.home)
    _tiny(folder, site.home / "remotes" / "tiny.git")
    return site


def _tiny(folder: Path, remote: Path) -> None:
    files = folder / "tiny"
    (files / "billing").mkdir(parents=True)
    (files / "README.md").write_text("# Tiny\n")
    (files / "billing" / "rates.txt").write_text("3\n5\n")
    remote.parent.mkdir(parents=True)
    make_repository(files, remote)


def push(site: Site, path: str, content: str) -> str:
    """A colleague pushes a commit to ``acme/tiny``; the new tip."""

    def write(clone: Path) -> None:
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(content)

    return _push(site, f"Change {path}", write)


def drop(site: Site, path: str) -> str:
    """A colleague removes a file or folder from ``acme/tiny``, if it is there; the new tip."""

    def remove(clone: Path) -> None:
        shutil.rmtree(clone / path, ignore_errors=True)
        if not (clone / path).is_dir():
            (clone / path).unlink(missing_ok=True)

    return _push(site, f"Remove {path}", remove)


def _push(site: Site, message: str, change: Callable[[Path], None]) -> str:
    clone = site.folder / f"clone-{time.time_ns()}"
    who = ["-c", "user.name=Ben", "-c", "user.email=ben@acme.example"]
    quiet = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}

    def git(*words: str) -> str:
        argv = ["git", *who, *words]
        done = subprocess.run(argv, cwd=clone, env=quiet, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    subprocess.run(["git", "clone", "-q", str(site.home / "remotes" / "tiny.git"), str(clone)], env=quiet, check=True)
    change(clone)
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)
    git("push", "-q", "origin", "HEAD:main")
    return git("rev-parse", "HEAD")


@contextlib.contextmanager
def running(folder: Path, **options: object) -> Iterator[RunningDeputy]:
    """A site of one's own."""
    site = make_site(folder, **options)  # type: ignore[arg-type]
    with site:
        site.slack.wait_connected()
        yield RunningDeputy(site)


@pytest.fixture(scope="session")
def shared_yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    """One Deputy for every test (of an xdist worker) that leaves it as it was."""
    with running(tmp_path_factory.mktemp("yard")) as yard:
        yield yard


@pytest.fixture
def yard(shared_yard: RunningDeputy) -> Iterator[RunningDeputy]:
    """The shared Deputy, which is to be well before and after."""
    shared_yard.is_well()
    yield shared_yard
    shared_yard.is_well()


__all__: Sequence[str] = ("shared_yard", "yard")
