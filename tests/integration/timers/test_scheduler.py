"""Jobs fire with their fire time, in one process of many, and a failing one fires again."""

import threading
from datetime import datetime

from deputy.adapters.timers import Scheduler
from deputy.domain.errors import Unavailable
from deputy.ports import Job


def test_a_job_fires_again_and_again_with_its_own_fire_times() -> None:
    fired: list[datetime] = []
    enough = threading.Event()

    def run(at: datetime) -> None:
        fired.append(at)
        if len(fired) >= 3:
            enough.set()

    timers = Scheduler(lambda: True)
    timers.start([Job("tick", 0.1, run)])
    assert enough.wait(10)
    timers.stop()
    count = len(fired)
    assert len(set(fired)) == count, "each fire has its own time"
    assert all(at.tzinfo is not None for at in fired)
    assert not enough.wait(0) or len(fired) == count


def test_only_who_leads_fires() -> None:
    fired: list[str] = []
    led = threading.Event()

    def fire(name: str) -> Job:
        def run(at: datetime) -> None:
            fired.append(name)
            if name == "leader" and fired.count("leader") >= 3:
                led.set()

        return Job("tick", 0.05, run)

    leader, follower = Scheduler(lambda: True), Scheduler(lambda: False)
    follower.start([fire("follower")])
    leader.start([fire("leader")])
    assert led.wait(10)
    leader.stop()
    follower.stop()
    assert "follower" not in fired


def test_a_fire_that_fails_does_not_end_the_job() -> None:
    tries: list[int] = []
    again = threading.Event()

    def run(at: datetime) -> None:
        tries.append(1)
        if len(tries) >= 2:
            again.set()
        raise Unavailable("the database is away")

    timers = Scheduler(lambda: True)
    timers.start([Job("tick", 0.05, run)])
    assert again.wait(10)
    timers.stop()
