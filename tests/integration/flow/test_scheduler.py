"""The line in the database: what is handed over, when, in which order, and who is told; on SQLite and on Postgres."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.store import SqlStore
from deputy.domain.errors import BadPolicy, NotFound
from deputy.domain.events import Event, EventName
from deputy.domain.people import Actor
from deputy.domain.policy.config import Limits, RepoConfig, SandboxSize
from deputy.domain.tasks.request import Place, TaskKind, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.requests.control import ask_to_cancel, status_text
from deputy.flow.state.enqueue_run import enqueue_run
from deputy.flow.state.scheduler import claim_of, is_in_line, keep_line_moving, spot_of
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_line, view_of
from deputy.flow.state.tasks import advance, end
from deputy.flow.upkeep.housekeeping import jobs, sweep_failures
from deputy.ports import Card, Ledger, Post
from deputy.scheduling import ResourceRequest
from tests.support.postgres import postgres_server, postgres_url
from tests.support.steps import DirectSteps
from tests.support.stores import NOON, database_url_fixture, store_fixture

__all__ = ["database_url_fixture", "postgres_server", "postgres_url", "store_fixture"]

_S = TaskStatus
GIB = 1024**3
REPOS = {
    "acme/shop": RepoConfig(name="acme/shop", url="shop"),
    "acme/site": RepoConfig(name="acme/site", url="site"),
    "acme/big": RepoConfig(name="acme/big", url="big", sandbox=SandboxSize(cpus=6, memory=6 * GIB)),
}


@dataclass
class Handed:
    """A queue that remembers what was handed over, if its transaction is committed."""

    workflows: list[tuple[str, str, tuple[object, ...], str]] = field(default_factory=list)

    def enqueue(
        self, ledger: Ledger, workflow: str, name: str, *args: object, partition: str = "", **_: object
    ) -> None:
        json.dumps(args)
        self.workflows.append((workflow, name, args, partition))

    @property
    def runs(self) -> list[str]:
        return [name.split(":")[1] for workflow, name, _, _ in self.workflows if workflow == "run_task"]

    def shown(self) -> list[list[str]]:
        return [cast("list[str]", args[0]) for workflow, _, args, _ in self.workflows if workflow == "show_line"]


class QueueWorld:
    """A store, a policy that can be changed, and people who ask."""

    def __init__(self, store: SqlStore, **limits: float) -> None:
        self.store, self.queue, self.now = store, Handed(), NOON
        self.limits = Limits.model_validate({"active_total": 2, "active_per_repo": 2, **limits})
        self.cards: list[tuple[str, Card]] = []
        self.has_policy = True
        parts = {
            "store": store,
            "queue": self.queue,
            "clock": SimpleNamespace(now=lambda: self.now),
            "policies": SimpleNamespace(current=self.bundle),
            "chat": SimpleNamespace(show=lambda _place, key, card: self.cards.append((key, card))),
            "team": "T0ACME",
            "bot_user": "U0DEPUTY",
        }
        self.services = Services(**cast("Any", {name: parts.get(name) for name in Services.__dataclass_fields__}))

    def bundle(self) -> object:
        if not self.has_policy:
            raise BadPolicy("there is no policy in force")

        def repo(name: str) -> RepoConfig:
            if name not in REPOS:
                raise NotFound(f"no repository {name}")
            return REPOS[name]

        return SimpleNamespace(limits=self.limits, repo=repo, decide=lambda *_: SimpleNamespace(effect=None))

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with self.store.transaction() as ledger:
            yield ledger

    def ask(self, task_id: str, user: str = "", repo: str = "acme/shop") -> None:
        """A task is put in line; without a ``user``, its first letter says who asks. A second passes."""
        person = user or {"A": "U0ALICE", "B": "U0BEN", "C": "U0CORA"}[task_id[0]]
        self.now += timedelta(seconds=1)
        task = Task(
            id=task_id,
            request=task_id,
            requester=Actor(team="T0ACME", user=person),
            place=Place(team="T0ACME", channel="C0SHOP", thread=task_id),
            text="can you just fix the lint",
            status=_S.RECEIVED,
            created_at=self.now,
            updated_at=self.now,
            spec=TaskSpec(repo=repo, kind=TaskKind.FIX, goal="fix the lint"),
        )
        with self.ledger() as ledger:
            ledger.add_task(task, self.said(task_id, EventName.REQUEST_RECEIVED))
            enqueue_run(self.services, ledger, task, self.said(task_id, EventName.TASK_QUEUED))

    def said(self, task_id: str, name: EventName) -> Event:
        return Event(name=name, at=self.now, actor="deputy", task=task_id)

    def move(self, task_id: str, status: TaskStatus) -> None:
        """The task's own workflow moves it on."""
        self.now += timedelta(seconds=1)
        with self.ledger() as ledger:
            advance(self.services, ledger, ledger.task(task_id), status, self.said(task_id, EventName.RUN_STARTED))

    def finish(self, task_id: str, status: TaskStatus = _S.FAILED) -> None:
        self.now += timedelta(seconds=1)
        with self.ledger() as ledger:
            end(self.services, ledger, ledger.task(task_id), status, "It is over.")

    def task(self, task_id: str) -> Task:
        with self.ledger() as ledger:
            return ledger.task(task_id)

    def place(self, task_id: str) -> str:
        with self.ledger() as ledger:
            return status_text(self.services, ledger, ledger.task(task_id))


@pytest.fixture
def office(store: SqlStore) -> QueueWorld:
    return QueueWorld(store)


def test_what_has_room_is_handed_over_at_once_and_the_rest_waits_as_rows(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "A3"):
        office.ask(task_id)
    assert office.queue.workflows[0] == ("run_task", "run:A1:1", ("A1", 1), "acme/shop")
    assert office.queue.runs == ["A1", "A2"]
    assert [(office.task(t).run.dispatched_at is not None, is_in_line(office.task(t))) for t in ("A1", "A2", "A3")] == [
        (1, False),
        (1, False),
        (0, True),
    ]
    with office.ledger() as ledger:
        called = ledger.events(name=EventName.RUN_CALLED)
    assert [(stored.event.task, stored.event.data) for stored in called] == [
        ("A1", {"run": 1, "waited": 0}),
        ("A2", {"run": 1, "waited": 0}),
    ]


def test_a_run_that_ends_hands_the_next_one_over_in_fair_order(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "A3", "A4", "B1"):
        office.ask(task_id)
    office.move("A1", _S.RUNNING)
    assert office.queue.runs == ["A1", "A2"]
    office.move("A1", _S.VERIFYING)
    assert office.queue.runs == ["A1", "A2"]
    office.move("A1", _S.HELD_FOR_SIGNOFF)  # waits for people, in nobody's way
    assert office.queue.runs == ["A1", "A2", "B1"]
    office.finish("A2")
    assert office.queue.runs == ["A1", "A2", "B1", "A3"]


@pytest.mark.parametrize("status", [_S.BLOCKED, _S.DELIVERING, _S.HELD_FOR_SIGNOFF, _S.FAILED, _S.CANCELLED])
def test_every_way_out_of_a_run_makes_room(office: QueueWorld, status: TaskStatus) -> None:
    for task_id in ("A1", "A2", "A3"):
        office.ask(task_id)
    office.move("A1", _S.RUNNING)
    office.move("A1", _S.VERIFYING)
    office.move("A1", status)
    assert office.queue.runs[-1] == "A3"


def test_a_run_that_is_refused_at_its_start_makes_room(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "A3"):
        office.ask(task_id)
    office.finish("A1", _S.REFUSED)
    assert office.queue.runs[-1] == "A3"


def test_a_run_that_is_to_be_tried_again_gets_in_line_with_the_others(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "B1"):
        office.ask(task_id)
    office.move("A1", _S.RUNNING)
    office.move("A1", _S.VERIFYING)
    with office.ledger() as ledger:
        task = enqueue_run(office.services, ledger, ledger.task("A1"), office.said("A1", EventName.RUN_RETRIED))
    assert [run.dispatched_at is not None for run in task.runs] == [True, False]
    assert is_in_line(task)
    assert office.queue.runs == ["A1", "A2", "B1"]
    office.finish("A2")
    assert [name for _, name, *_ in office.queue.workflows if name.startswith("run:A1")] == ["run:A1:1", "run:A1:2"]
    assert [run.number for run in office.task("A1").runs if run.dispatched_at] == [1, 2]


def test_a_lost_run_makes_room_when_it_is_swept(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "A3"):
        office.ask(task_id)
    sweep_failures(office.services, cast("Any", SimpleNamespace(unfinished=lambda: {"run:A1:1": "ERROR"})))
    assert office.task("A1").status is _S.FAILED
    assert office.queue.runs[-1] == "A3"


def test_who_leaves_the_line_is_not_handed_over_and_the_others_move_up(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "B1", "C1"):
        office.ask(task_id)
    assert office.place("C1").startswith("C1: 2nd in line. ")
    with office.ledger() as ledger:
        said = ask_to_cancel(office.services, ledger, ledger.task("B1"), "user:T0ACME/U0BEN")
    assert said == "B1 is cancelled."
    assert office.queue.shown()[-1] == ["C1"]
    assert office.place("C1").startswith("C1: 1st in line. ")
    office.finish("A1")
    assert office.queue.runs == ["A1", "A2", "C1"]


def test_a_task_that_an_operator_marked_is_not_handed_over(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "B1", "C1"):
        office.ask(task_id)
    with office.ledger() as ledger:
        task = ledger.task("B1")
        marked = task.model_copy(update={"cancel_by": "operator:cli"})
        ledger.save_task(task, marked, office.said("B1", EventName.TASK_CANCEL_ASKED))
    office.finish("A1")
    assert office.queue.runs == ["A1", "A2", "C1"]


def test_a_changed_limit_takes_effect_when_the_line_is_looked_at(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "B1", "B2", "C1"):
        office.ask(task_id)
    office.limits = office.limits.model_copy(update={"active_total": 4, "active_per_repo": 4})
    keep_line_moving(office.services)
    assert office.queue.runs == ["A1", "A2", "B1", "C1"]
    assert office.queue.shown()[-1] == ["B1", "C1", "B2"]
    office.limits = office.limits.model_copy(update={"active_total": 1})
    office.finish("A1")
    keep_line_moving(office.services)
    assert len(office.queue.runs) == 4


def test_what_a_crash_missed_is_handed_over_by_the_clock(office: QueueWorld) -> None:
    office.has_policy = False  # nothing could be decided at that moment
    office.ask("A1")
    assert office.queue.runs == []
    office.has_policy = True
    (job,) = [job for job in jobs(office.services) if job.id == "line"]
    job.run(office.now)
    job.run(office.now)
    assert office.queue.runs == ["A1"]


def test_without_a_policy_a_run_still_ends(office: QueueWorld) -> None:
    office.ask("A1")
    office.has_policy = False
    office.finish("A1")
    assert office.task("A1").status is _S.FAILED


def test_claims_are_the_sizes_of_sandboxes(office: QueueWorld) -> None:
    bundle = cast("Any", office.bundle())
    assert claim_of(bundle, "acme/big") == ResourceRequest(6, 6 * GIB)
    assert claim_of(bundle, "acme/shop") == ResourceRequest(2, 2 * GIB)
    assert claim_of(bundle, "acme/gone") == ResourceRequest(2, 2 * GIB)


def test_a_large_task_waits_for_its_share_and_is_overtaken_for_a_while_only(store: SqlStore) -> None:
    office = QueueWorld(store, active_total=9, active_per_repo=9, total_cpus=8)
    office.ask("A1")
    office.ask("A2")
    office.ask("B1", repo="acme/big")
    office.ask("C1")
    assert office.queue.runs == ["A1", "A2", "C1"]  # 4 of 8 cores were taken: B1 does not fit, C1 does
    assert office.place("B1").startswith("B1: 1st in line. ")
    assert office.place("B1").endswith("It needs 6 cores, and 2 of 8 are free.")
    office.now += timedelta(minutes=10)
    office.ask("C2")
    office.finish("A1")
    assert office.queue.runs == ["A1", "A2", "C1"]
    assert office.place("C2").endswith("B1 needs more room, has waited for long, and goes first.")
    office.finish("A2")
    assert office.queue.runs == ["A1", "A2", "C1", "B1"]
    office.finish("C1")
    assert office.queue.runs == ["A1", "A2", "C1", "B1", "C2"]


def test_what_can_never_start_any_more_is_refused_with_what_to_do(store: SqlStore) -> None:
    office = QueueWorld(store, active_total=1, total_cpus=8)
    office.ask("A1")
    office.ask("B1", repo="acme/big")
    office.limits = office.limits.model_copy(update={"total_cpus": 4.0})
    keep_line_moving(office.services)
    refused = office.task("B1")
    assert refused.status is _S.REFUSED
    assert refused.outcome.startswith("Work in acme/big can't be started here: its sandbox takes 6 cores")
    assert ["B1"] in office.queue.shown()


# ------------------------------------------------------------------------------------------------ many at once


def test_however_many_dispatch_at_once_no_limit_is_exceeded_and_nothing_is_handed_over_twice(store: SqlStore) -> None:
    office = QueueWorld(store, active_total=3, active_per_repo=3)
    for number in range(12):
        office.ask(f"{'ABC'[number % 3]}{number}")
    first = list(office.queue.runs)
    assert len(first) == 3
    barrier = threading.Barrier(6)

    def act(number: int) -> None:
        barrier.wait(10)
        if number < 3:
            with office.ledger() as ledger:
                end(office.services, ledger, ledger.task(first[number]), _S.FAILED, "It is over.")
        else:
            keep_line_moving(office.services)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(6)))
    assert len(office.queue.runs) == len(set(office.queue.runs)) == 6
    with office.ledger() as ledger:
        queued = ledger.tasks(statuses=(_S.QUEUED,))
    assert sum(not is_in_line(task) for task in queued) == 3


def test_a_task_that_is_cancelled_while_others_dispatch_makes_nobody_fail(store: SqlStore) -> None:
    office = QueueWorld(store, active_total=1, active_per_repo=1)
    for number in range(9):
        office.ask(f"{'ABC'[number % 3]}{number}")
    barrier = threading.Barrier(8)

    def act(number: int) -> None:
        barrier.wait(10)
        with office.ledger() as ledger:
            if number == 7:
                end(office.services, ledger, ledger.task("A0"), _S.FAILED, "It is over.")
                return
            task = ledger.task(f"{'ABC'[(number + 1) % 3]}{number + 1}")
            ask_to_cancel(office.services, ledger, task, task.requester.subject)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(8)))
    with office.ledger() as ledger:
        tasks = ledger.tasks()
    alive = [task for task in tasks if task.status is _S.QUEUED]
    assert [(task.id, task.run_number, task.run.dispatched_at is not None) for task in alive] == [("C8", 1, True)]


# ------------------------------------------------------------------------------------------------ cards


def test_cards_of_those_who_wait_say_the_place_and_what_for(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "A3", "B1", "A4"):
        office.ask(task_id)
    card = office_card(office, "B1")
    assert (card.status, card.notes) == ("1st in line", ("2 runs are under way, the limit is 2.",))
    card = office_card(office, "A4")
    assert card.status == "3rd in line"
    assert card.notes == ("2 runs are under way, the limit is 2; another task of the same person goes first.",)
    assert office_card(office, "A1").status == "Starting"
    office.move("A1", _S.RUNNING)
    assert (office_card(office, "A1").status, office_card(office, "A1").notes) == ("Working", ())


def office_card(office: QueueWorld, task_id: str) -> Card:
    from deputy.flow.state.cards import compose

    return compose(view_of(office.services, task_id))


def test_whose_turn_has_come_and_the_first_ten_whose_place_has_changed_are_shown_anew(office: QueueWorld) -> None:
    for number in range(16):
        office.ask(f"A{number:02}", user=f"U{number:02}")
    # The newcomers change nobody's place, and their own cards are shown by what put them in line.
    assert office.queue.shown() == []
    office.finish("A00")
    # First of all whose turn has come: fetching its repository may take long, and its card said "1st in line".
    assert office.queue.shown() == [[f"A{number:02}" for number in (2, *range(3, 13))]]
    office.move("A01", _S.RUNNING)
    assert len(office.queue.shown()) == 1
    with office.ledger() as ledger:
        ask_to_cancel(office.services, ledger, ledger.task("A07"), "user:T0ACME/U07")
    assert office.queue.shown()[1] == [f"A{number:02}" for number in (8, 9, 10, 11, 12, 13)]


def test_a_card_is_brought_up_to_date_when_it_is_there_and_no_run_shows_it(office: QueueWorld) -> None:
    for task_id in ("A1", "A2", "B1", "C1"):
        office.ask(task_id)
    office.move("A1", _S.RUNNING)
    with office.ledger() as ledger:
        for task_id in ("A1", "B1"):
            ledger.save_post(Post(f"card:{task_id}", "C0SHOP", task_id, ts="1.1"))
    steps = DirectSteps()
    show_line(office.services, steps, ["A1", "B1", "C1"])
    assert steps.names == ["show-A1", "show-B1", "show-C1"]
    assert [(key, card.status) for key, card in office.cards] == [("card:B1", "1st in line")]


def test_the_head_of_the_line_is_shown_by_the_clock_whatever_was_missed(office: QueueWorld) -> None:
    (job,) = [job for job in jobs(office.services) if job.id == "line-cards"]
    office.ask("A1")
    job.run(office.now)
    assert office.queue.shown() == []
    for task_id in ("A2", "B1", "C1"):
        office.ask(task_id)
    job.run(office.now)
    assert office.queue.shown() == [["B1", "C1"]]


def test_who_was_served_longest_ago_is_next_even_if_what_they_had_is_over(office: QueueWorld) -> None:
    office.ask("B1")
    office.finish("B1")
    office.ask("A1")
    office.finish("A1")
    for task_id in ("C1", "C2", "A2", "B2"):
        office.ask(task_id)
    with office.ledger() as ledger:
        spots = [spot_of(office.services, ledger, ledger.task(task_id)) for task_id in ("A2", "B2")]
    assert [spot.number for spot in spots if spot] == [2, 1]


def test_a_newcomer_is_not_taken_for_one_who_was_never_served(office: QueueWorld) -> None:
    for task_id in ("C1", "B1"):
        office.ask(task_id)
        office.finish(task_id)
    for task_id in ("A1", "A2", "C2", "A3"):
        office.ask(task_id)
    office.limits = office.limits.model_copy(update={"active_total": 3, "active_per_repo": 3})
    office.ask("B2")
    assert office.queue.runs[-1] == "C2"
