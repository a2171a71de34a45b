"""Figures over tasks, holds and votes."""

from datetime import UTC, datetime, timedelta

from deputy.domain.people import Actor
from deputy.domain.review.approval import Hold, HoldKind, HoldStatus, Vote, VoteChoice
from deputy.domain.tasks.request import Place
from deputy.domain.tasks.run import Run
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.domain.tasks.usage import Usage
from deputy.insights import Spread, spread, summary

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _task(status: TaskStatus, seconds: float = 0, cost: float = 0) -> Task:
    return Task(
        id="D-7K2M9QXA",
        request="r",
        requester=Actor(team="T0ACME", user="U0ALICE"),
        place=Place(team="T0ACME", channel="C0SHOP", thread="1"),
        text="t",
        status=status,
        created_at=START,
        updated_at=_at(seconds),
        runs=(Run(number=1, queued_at=START, usage=Usage(cost=cost, input_tokens=10, output_tokens=1)),),
    )


def _hold(name: str, status: HoldStatus) -> Hold:
    return Hold(
        id=name,
        task="D-7K2M9QXA",
        kind=HoldKind.SIGN_OFF,
        repo="acme/shop",
        digest="d",
        needs=(),
        excluded=(),
        why="w",
        nonce="n",
        opened_at=START,
        expires_at=_at(9999),
        status=status,
    )


def _vote(hold: str, seconds: float) -> Vote:
    return Vote(hold=hold, subject="s", choice=VoteChoice.APPROVE, digest="d", roles=(), at=_at(seconds))


def test_nothing_is_nothing() -> None:
    done = summary((), (), (), START)
    assert (done.total, done.active, done.cycle, done.cost_per_delivery, done.oldest_wait) == (
        0,
        0,
        Spread(),
        None,
        None,
    )


def test_outcomes_cost_and_cycle_time() -> None:
    tasks = [
        _task(TaskStatus.DELIVERED, 60, 0.25),
        _task(TaskStatus.DELIVERED, 180, 0.75),
        _task(TaskStatus.REFUSED, 1),
        _task(TaskStatus.BLOCKED, 1, 1.0),
        _task(TaskStatus.RUNNING),
    ]
    done = summary(tasks, (), (), START)
    assert (done.total, done.delivered, done.refused, done.by_status["blocked"], done.active) == (5, 2, 1, 1, 1)
    assert (done.cost, done.cost_per_delivery, done.tokens) == (2.0, 1.0, 55)
    assert done.cycle == Spread(2, 60.0, 180.0)


def test_review_time_ends_with_the_deciding_vote() -> None:
    holds = [_hold("a", HoldStatus.GRANTED), _hold("b", HoldStatus.OPEN), _hold("c", HoldStatus.EXPIRED)]
    votes = [_vote("a", 30), _vote("a", 90), _vote("b", 5), _vote("c", 5)]
    done = summary((), holds, votes, _at(100))
    assert done.review == Spread(1, 90.0, 90.0)
    assert done.oldest_wait == 100.0


def test_ranks_are_cases_that_happened() -> None:
    assert spread([float(n) for n in range(1, 11)]) == Spread(10, 5.0, 9.0)
