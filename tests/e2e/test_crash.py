"""``kill -9`` at every step of every workflow: each task ends once, nothing is said twice, nothing is left behind."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from deputy.adapters.store.store import open_store
from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy_playground.site import Site
from tests.support.postgres import postgres_server, postgres_url
from tests.support.process_image import ProcessImage
from tests.support.scanner_home import scanner_home
from tests.support.supervised import BOT, CHANNEL, Supervised, crashing_image

__all__ = ["crashing_image", "postgres_server", "postgres_url"]
pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(900)]

ALICE, SAM = "U0ALICE", "U0SAM"
SAMS_MESSAGES = "D0SAM"
LINT = "can you just fix the lint in `shop`"
REFUNDS = "can you just fix: refunds of split payments are rounded wrong, with a regression test, in `shop`"
SECRETS = "can you just rotate the key in `secrets/prod.env` of `shop`"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def supervised(request: pytest.FixtureRequest, tmp_path: Path, crashing_image: ProcessImage) -> Iterator[Supervised]:
    points = tmp_path / "points"
    points.mkdir()
    environment = {"CRASH_POINTS": str(points)}
    if request.param == "postgres":
        environment["DEPUTY_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    site = Site(
        tmp_path / "site",
        program=crashing_image.program,
        environment=environment,
        policies=_patient(tmp_path / "policies"),
    )
    site.prepare()
    scanner_home(site.home)
    site.slack.start()
    site.model.start()
    watched = Supervised(site)
    try:
        watched.revive()
        yield watched
    finally:
        site.__exit__(None, None, None)


def _patient(folder: Path) -> Path:
    """The starter policies, but a run may be begun more often than the three times after which it counts as poison."""
    shutil.copytree("policies", folder)
    limits = folder / "limits.toml"
    limits.write_text(limits.read_text().replace("run_attempts = 3", "run_attempts = 100"))
    return folder


def test_a_kill_at_every_step_changes_nothing(supervised: Supervised, tmp_path: Path) -> None:
    slack = supervised.site.slack
    threads = {text: slack.say(ALICE, CHANNEL, f"<@{BOT}> {text}") for text in (SECRETS, LINT, REFUNDS)}
    supervised.until(supervised.thread_has(threads[SECRETS], "Refused by policy"), "the refusal")
    supervised.until(supervised.thread_has(threads[LINT], "Delivered"), "the recipe's delivery")
    supervised.until(supervised.thread_has(threads[REFUNDS], "Waiting for sign-off"), "the wait for a senior")
    supervised.settle()

    def approve() -> bool:
        card = next(m for m in slack.thread(CHANNEL, threads[REFUNDS]) if any(b.label == "Approve" for b in m.buttons))
        slack.click(SAM, CHANNEL, card.ts, "Approve")
        return True

    supervised.until(_surviving(approve), "Sam's click")
    supervised.until(supervised.thread_has(threads[REFUNDS], "Delivered"), "the agent's delivery")
    supervised.settle()

    points = sorted(path.name for path in (tmp_path / "points").iterdir())
    _everything_once(supervised, threads)
    print(f"\n{supervised.deaths} deaths at {len(points)} points: {', '.join(points)}")
    assert supervised.deaths == len(points) >= 40


def _surviving(act: Callable[[], bool]) -> Callable[[], bool]:
    """Whether the act succeeds now: Slack shows a person a warning sign while the app is away, and they click again."""

    def is_done() -> bool:
        try:
            return act()
        except Exception:
            return False

    return is_done


def _everything_once(supervised: Supervised, threads: dict[str, str]) -> None:
    site = supervised.site
    environment = site.environment
    url = environment.get("DEPUTY_DATABASE_URL") or f"sqlite:///{site.home / 'deputy.sqlite'}"
    store = open_store(url, (site.home / "artifacts").as_uri())
    try:
        with store.transaction() as ledger:
            tasks = {task.place.thread: task for task in ledger.tasks()}
            events = ledger.events(limit=10_000)
        verdict = store.verify_audit()
    finally:
        store.close()
    assert verdict.is_intact, verdict.lines()
    assert {text: tasks[ts].status for text, ts in threads.items()} == {
        SECRETS: TaskStatus.REFUSED,
        LINT: TaskStatus.DELIVERED,
        REFUNDS: TaskStatus.DELIVERED,
    }
    for task in tasks.values():
        names = [e.event.name for e in events if e.event.task == task.id]
        ends = {EventName.DELIVERY_FINISHED, EventName.TASK_REFUSED, EventName.TASK_FAILED}
        assert len([name for name in names if name in ends]) == 1, names
        for once in (EventName.REQUEST_RECEIVED, EventName.RUN_STARTED, EventName.PATCH_COMPUTED, EventName.VOTE_CAST):
            assert names.count(once) <= 1, (once, names)
        _thread_is_tidy(site, task)
    told = [m for m in site.slack.messages(SAMS_MESSAGES) if m.user == BOT]
    assert len(told) == 1, [m.text for m in told]
    assert len([m for m in site.slack.whispers(SAM, CHANNEL) if "You approved" in m.text]) >= 1
    _nothing_left(site)


def _thread_is_tidy(site: Site, task: Task) -> None:
    ours = [m for m in site.slack.thread(CHANNEL, task.place.thread) if m.user == BOT]
    with_files = [m for m in ours if m.files]
    assert len(ours) == (2 if task.run and task.run.patch else 1), [m.text for m in ours]
    assert len(with_files) == (1 if task.run and task.run.patch else 0)
    if with_files:
        assert len(with_files[0].files) == 3


def _nothing_left(site: Site) -> None:
    client = docker.from_env()

    def ours() -> list[str]:
        containers = client.containers.list(all=True, ignore_removed=True, filters={"label": "deputy.home"})
        # Those that wait for the next task are the living Deputy's own.
        return [
            c.name
            for c in containers
            if c.labels.get("deputy.home") == _owner(site) and not c.name.startswith("deputy-waiting-")
        ]

    deadline = time.monotonic() + 60
    while ours() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert ours() == []


def _owner(site: Site) -> str:
    code = "from deputy.app.settings import load_settings; print(load_settings().owner)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=site.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
