"""``kill -9`` while a line moves: everybody's turn comes once, one after the other, and nobody is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from tests.e2e.conftest import ALICE, BEN, CHANNEL, NOTE, RunningDeputy, make_site
from tests.support.line_watch import most_at_once
from tests.support.postgres import postgres_server, postgres_url
from tests.support.process_image import ProcessImage
from tests.support.supervised import Supervised, crashing_image

__all__ = ["crashing_image", "postgres_server", "postgres_url"]
pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(600)]

# Whatever puts a run in line, calls it, frees its place, or tells of it.
POINTS = r"(line|req|run)\.(show-D-\w+|admit|start|judge)\.(done|recorded)"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def supervised(request: pytest.FixtureRequest, tmp_path: Path, crashing_image: ProcessImage) -> Iterator[Supervised]:
    points = tmp_path / "points"
    points.mkdir()
    environment = {"CRASH_POINTS": str(points), "CRASH_ONLY": POINTS}
    if request.param == "postgres":
        environment["DEPUTY_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    # A run may be begun as often as Deputy dies: with the three times of the starter limits it could count as poison.
    limits = {"active_total": 1, "active_per_repo": 1, "run_attempts": 100}
    site = make_site(tmp_path / "site", limits=limits, environment=environment)
    site._program = crashing_image.program
    site.prepare()
    site.slack.start()
    site.model.start()
    watched = Supervised(site)
    try:
        watched.revive()
        yield watched
    finally:
        site.__exit__(None, None, None)


def test_a_kill_wherever_the_line_moves_loses_nobody_and_calls_nobody_twice(
    supervised: Supervised, tmp_path: Path
) -> None:
    yard = RunningDeputy(supervised.site)
    people = [ALICE, ALICE, ALICE, BEN]
    threads = [supervised.site.slack.say(user, CHANNEL, f"<@U0DEPUTY> {NOTE}") for user in people]
    for thread in threads:
        supervised.until(supervised.thread_has(thread, "*Delivered*"), "a delivery")
    supervised.settle()
    tasks = [yard.task(thread) for thread in threads]
    assert {task.status for task in tasks} == {TaskStatus.DELIVERED}
    for task in tasks:
        assert [event.name for event in yard.events(task=task.id)].count(EventName.RUN_CALLED) == 1
    assert most_at_once(yard) == 1
    points = sorted(path.name for path in (tmp_path / "points").iterdir())
    print(f"\n{supervised.deaths} deaths at {len(points)} points: {', '.join(points)}")
    assert supervised.deaths == len(points)
    assert {point.partition(".")[0] for point in points} == {"line", "req", "run"}
