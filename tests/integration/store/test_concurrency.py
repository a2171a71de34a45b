"""Many at once: threads on one store, processes on one database."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from deputy.adapters.store import SqlStore, open_store
from deputy.audit import Head
from deputy.domain.errors import Stale
from deputy.domain.people import Actor
from deputy.domain.review.approval import HoldStatus, VoteChoice
from deputy.ports import Ledger
from tests.support.postgres import postgres_server, postgres_url  # noqa: F401
from tests.support.stores import ALICE, SAM, database_url_fixture, event, hold, store_fixture, task, vote  # noqa: F401

T = TypeVar("T")
THREADS = 8


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """Run ``act`` in so many threads, let go together."""
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait(10)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.fixture
def held(store: SqlStore) -> SqlStore:
    """A store with a task and an open hold on it."""
    with store.transaction() as ledger:
        ledger.add_task(task(), event("request:received"))
        ledger.add_hold(hold(), event("hold:opened"))
    return store


def test_threads_append_an_unbroken_chain(store: SqlStore) -> None:
    def append(number: int) -> None:
        for turn in range(10):
            with store.transaction() as ledger:
                ledger.append(event("run:turn:finished", task=f"D-{number}", seconds=turn))
                ledger.append(event("run:command:finished", task=f"D-{number}", seconds=turn))

    at_once(THREADS, append)
    verdict = store.verify_audit()
    assert verdict.is_intact
    assert verdict.rows == THREADS * 20
    with store.transaction() as ledger:
        mine = [stored.event.data["seconds"] for stored in ledger.events(task="D-3", name="run:turn:*")]
    assert mine == list(range(10))


def test_verification_sees_one_moment_while_others_append(store: SqlStore) -> None:
    done = threading.Event()

    def append(number: int) -> None:
        if number:
            while not done.is_set():
                with store.transaction() as ledger:
                    ledger.append(event())
            return
        try:
            for _ in range(10):
                head: Head = store.head()
                verdict = store.verify_audit([head])
                assert verdict.is_intact, verdict.lines()
        finally:
            done.set()

    at_once(3, append)


def test_of_two_saves_of_one_version_one_wins(held: SqlStore) -> None:
    def save(number: int) -> str:
        try:
            with held.transaction() as ledger:
                return ledger.save_task(task(), task(admitted_under=f"p{number}"), event("task:queued")).policy
        except Stale:
            return ""

    results = at_once(THREADS, save)
    winners = [policy for policy in results if policy]
    assert len(winners) == 1
    with held.transaction() as ledger:
        assert ledger.task("D-AAA0").policy == winners[0]
        assert len(ledger.events(name="task:queued")) == 1


def test_one_person_clicking_many_times_has_one_vote(held: SqlStore) -> None:
    def cast(number: int) -> bool:
        choice = VoteChoice.DENY if number % 2 else VoteChoice.APPROVE
        with held.transaction() as ledger:
            return ledger.add_vote(vote(choice=choice), event("vote:cast"))

    assert at_once(THREADS, cast).count(True) == 1
    with held.transaction() as ledger:
        assert len(ledger.votes("hold-0")) == 1
        assert len(ledger.events(name="vote:cast")) == 1


def test_the_vote_that_completes_a_quorum_sees_the_others(held: SqlStore) -> None:
    def cast(number: int) -> int:
        voter = Actor(team="T0ACME", user=f"U{number}")
        with held.transaction() as ledger:
            ledger.hold("hold-0")
            ledger.add_vote(vote(voter), event("vote:cast", actor=voter))
            votes = len(ledger.votes("hold-0"))
            if votes == THREADS:
                ledger.settle_hold(hold(), HoldStatus.GRANTED, event("hold:granted"))
            return votes

    assert sorted(at_once(THREADS, cast)) == list(range(1, THREADS + 1))
    with held.transaction() as ledger:
        assert ledger.hold("hold-0").status is HoldStatus.GRANTED


def test_rows_and_trail_touched_in_either_order_never_deadlock(held: SqlStore) -> None:
    def trail_first(ledger: Ledger) -> None:
        ledger.append(event("run:begun"))
        before = ledger.task("D-AAA0")
        ledger.save_task(before, before, event())

    def rows_first(ledger: Ledger) -> None:
        before = ledger.task("D-AAA0")
        ledger.save_task(before, before, event())
        ledger.append(event("run:begun"))

    def work(number: int) -> int:
        stale = 0
        for _ in range(10):
            try:
                with held.transaction() as ledger:
                    (rows_first if number % 2 else trail_first)(ledger)
            except Stale:
                stale += 1
        return stale

    stale = sum(at_once(4, work))
    with held.transaction() as ledger:
        assert ledger.task("D-AAA0").version == 40 - stale
    assert held.verify_audit().is_intact


def test_the_same_blob_from_many_threads_is_one_whole_file(store: SqlStore, tmp_path: Path) -> None:
    content = b"evidence" * 50_000
    assert len(set(at_once(THREADS, lambda _: store.put_blob(content)))) == 1
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


def test_processes_that_start_together_migrate_once(database_url: str, tmp_path: Path) -> None:
    script = (
        "import sys; from deputy.adapters.store import open_store\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(open_store(sys.argv[1], sys.argv[2]).check_guards())"
    )
    argv = [sys.executable, "-c", script, database_url, (tmp_path / "blobs").as_uri()]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(argv, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in started]
    assert [out for out, _ in ended] == ["()\n"] * 3, ended
    open_store(database_url, (tmp_path / "blobs").as_uri(), is_migrating=False).close()
