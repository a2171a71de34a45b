"""What the first release left behind goes on: its database opens, its tasks finish, its trail holds.

``tests/data/first_release.tar.xz`` was written by the release before tasks had runs of their own: a Deputy at work,
ended by ``kill -9``, with its database, its files, its policy, and the Slack workspace that it spoke in.
"""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy_playground.driver import Playground
from deputy_playground.limits import Rates
from deputy_playground.personas import CAST, CHANNELS
from deputy_playground.site import Site
from tests.e2e.conftest import ALICE, MORE_PEOPLE, SAM, SOURCE, SUE, RunningDeputy
from tests.support.scanner_home import scanner_home

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningDeputy, dict[str, str]]]:
    """Today's Deputy on what the first release left, and the threads by the state that their task was in."""
    folder = tmp_path_factory.mktemp("upgraded")
    with tarfile.open(SOURCE / "tests" / "data" / "first_release.tar.xz") as stored:
        stored.extractall(folder, filter="data")
    site = Site(folder)
    site.slack._listener.close()
    site.slack._shelf.close()
    members = tuple(person.id for person in MORE_PEOPLE)
    site.slack = Playground(
        folder / "slack",
        people=(*CAST, *MORE_PEOPLE),
        channels=[replace(channel, members=channel.members + members) for channel in CHANNELS],
        rates=Rates(posts_per_second=0, tiers=False),
    )
    scanner_home(site.home)
    with site:
        site.slack.wait_connected()
        yield RunningDeputy(site), json.loads((folder / "threads.json").read_text())


def test_open_tasks_go_on_where_they_were(upgraded: tuple[RunningDeputy, dict[str, str]]) -> None:
    yard, threads = upgraded
    # A worker was killed with one task in its hands and one in line behind it.
    yard.until(threads["running"], "Delivered", 90)
    yard.until(threads["queued"], "Delivered", 90)
    # One of two seniors had voted: the other's vote is all that is missing.
    yard.click(SAM, threads["signoff"], "Approve")
    yard.until(threads["signoff"], "Delivered", 90)
    votes = yard.events(task=yard.task(threads["signoff"]).id, name=EventName.VOTE_CAST)
    assert [vote.actor.rpartition("/")[2] for vote in votes] == [SUE, SAM]
    yard.click(SAM, threads["clearance"], "Approve")
    yard.until(threads["clearance"], "Delivered", 90)
    yard.click(ALICE, threads["question"], "acme/tiny")
    yard.until(threads["question"], "Delivered", 90)
    yard.is_well()


def test_what_had_ended_stays_as_it_was(upgraded: tuple[RunningDeputy, dict[str, str]]) -> None:
    yard, threads = upgraded
    delivered, refused = yard.task(threads["delivered"]), yard.task(threads["refused"])
    assert (delivered.status, refused.status) == (TaskStatus.DELIVERED, TaskStatus.REFUSED)
    assert delivered.run
    assert delivered.run.delivered_file
    assert refused.run is None
    yard.cli("task", "evidence", delivered.id, "--folder", str(yard.site.folder / "out"))
    assert {"patch.patch", "proof.json", "report.json"} <= {
        path.name for path in (yard.site.folder / "out" / delivered.id).iterdir()
    }


def test_the_trail_verifies_across_the_upgrade(upgraded: tuple[RunningDeputy, dict[str, str]]) -> None:
    yard, _ = upgraded
    yard.cli("audit", "verify")  # exit status 1 if a row is not what was written
