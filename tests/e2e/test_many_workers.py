"""Postgres: one process listens, two work. A worker that is killed in the middle of a run is known to be dead, and the
other finishes its work; the limits and the "once" hold.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deputy.adapters.store.store import open_store
from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy_playground.site import Site
from tests.support.postgres import postgres_server, postgres_url
from tests.support.scanner_home import scanner_home

__all__ = ["postgres_server", "postgres_url"]
pytestmark = [pytest.mark.docker, pytest.mark.postgres]

ALICE, BOT, CHANNEL = "U0ALICE", "U0DEPUTY", "C0SHOP"


class Fleet:
    """A site without ``serve``: processes are started one by one."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        with (self.site.folder / f"{command}-{len(self.processes)}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "deputy.app.cli", command],
                env=self.site.environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.processes.append(process)
        assert process.stdout is not None
        assert b"ready" in process.stdout.readline(), f"{command} did not start"
        return process

    def until(self, is_so: Callable[[], bool], what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"{what} did not happen"
            time.sleep(0.05)


@pytest.fixture
def fleet(tmp_path: Path, postgres_url: str) -> Iterator[Fleet]:
    site = Site(tmp_path / "site", environment={"DEPUTY_DATABASE_URL": postgres_url})
    site.prepare()
    scanner_home(site.home)
    site.slack.start()
    site.model.start()
    ships = Fleet(site)
    try:
        yield ships
    finally:
        for process in ships.processes:
            process.kill()
            process.wait()
        site.model.stop()
        site.slack.stop()


def test_the_living_finish_what_the_dead_began(fleet: Fleet, postgres_url: str) -> None:
    slack = fleet.site.slack
    fleet.start("bot")
    first = fleet.start("worker")
    slack.wait_connected()
    thread = slack.say(ALICE, CHANNEL, f"<@{BOT}> can you just fix the lint in `shop`")

    def says(text: str) -> Callable[[], bool]:
        return lambda: any(m.user == BOT and text in m.text for m in slack.thread(CHANNEL, thread))

    fleet.until(says("Working"), "the start of the run")
    first.kill()
    first.wait()
    fleet.start("worker")
    fleet.until(says("Delivered"), "the delivery by the other worker")

    store = open_store(postgres_url, (fleet.site.home / "artifacts").as_uri())
    with store.transaction() as ledger:
        (task,) = ledger.tasks()
        names = [stored.event.name for stored in ledger.events(task=task.id)]
    assert store.verify_audit().is_intact
    store.close()
    assert task.status is TaskStatus.DELIVERED
    assert names.count(EventName.RUN_STARTED) == 1
    assert names.count(EventName.DELIVERY_FINISHED) == 1
    ours = [m for m in slack.thread(CHANNEL, thread) if m.user == BOT]
    assert len(ours) == 2, [m.text for m in ours]


def test_a_listener_alone_keeps_requests_for_a_later_worker(fleet: Fleet) -> None:
    slack = fleet.site.slack
    fleet.start("bot")
    slack.wait_connected()
    thread = slack.say(ALICE, CHANNEL, f"<@{BOT}> can you just rotate the key in `secrets/prod.env` of `shop`")
    time.sleep(1)
    assert [m for m in slack.thread(CHANNEL, thread) if m.user == BOT] == []
    fleet.start("worker")
    fleet.until(
        lambda: any("Refused by policy" in m.text for m in slack.thread(CHANNEL, thread)), "the refusal by the worker"
    )
