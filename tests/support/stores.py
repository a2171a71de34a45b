"""Stores on both databases, and values to put in them: import ``store_fixture`` and ``database_url_fixture``."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deputy.adapters.store import SqlStore, open_store
from deputy.domain.events import Event
from deputy.domain.people import Actor
from deputy.domain.policy.decision import ApprovalRequirement
from deputy.domain.review.approval import Hold, HoldKind, Vote, VoteChoice
from deputy.domain.tasks.request import Place, TaskKind, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ALICE = Actor(team="T0ACME", user="U0ALICE")
SAM = Actor(team="T0ACME", user="U0SAM")
PLACE = Place(team="T0ACME", channel="C0SHOP", thread="1700000000.000100")


@pytest.fixture(name="database_url", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind. The module must import ``postgres_server`` and ``postgres_url``, too."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deputy.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(name="store")
def store_fixture(database_url: str, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store on each kind of database."""
    opened = open_store(database_url, (tmp_path / "blobs").as_uri())
    yield opened
    opened.close()


def event(name: str = "task:queued", *, task: str = "D-AAAA", seconds: float = 0, actor: Actor = ALICE) -> Event:
    """An event with a fact and a personal value."""
    return Event(
        name=name,
        at=NOON + timedelta(seconds=seconds),
        actor=actor.subject,
        task=task,
        data={"seconds": seconds},
        personal={"text": f"{name} {seconds}"},
    )


def task(number: int = 0, status: TaskStatus = TaskStatus.RECEIVED, **changes: object) -> Task:
    """A task whose id, request and age come from the number."""
    fields: dict[str, object] = {
        "id": f"D-AAA{number}",
        "request": f"slack:{number}",
        "requester": ALICE,
        "place": PLACE,
        "text": "can you just fix the lint in `shop`",
        "status": status,
        "created_at": NOON + timedelta(seconds=number),
        "updated_at": NOON + timedelta(seconds=number),
        "spec": TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal="fix the lint"),
    }
    return Task.model_validate(fields | changes)


def hold(number: int = 0, task_id: str = "D-AAA0", **changes: object) -> Hold:
    """An open hold on a task."""
    fields: dict[str, object] = {
        "id": f"hold-{number}",
        "task": task_id,
        "kind": HoldKind.SIGN_OFF,
        "repo": "acme/shop",
        "digest": "ab" * 32,
        "needs": (ApprovalRequirement(role="role:senior"),),
        "excluded": (ALICE.subject,),
        "why": "billing is sensitive",
        "nonce": f"nonce-{number}",
        "opened_at": NOON + timedelta(seconds=number),
        "expires_at": NOON + timedelta(days=3),
    }
    return Hold.model_validate(fields | changes)


def vote(actor: Actor = SAM, hold_id: str = "hold-0", choice: VoteChoice = VoteChoice.APPROVE) -> Vote:
    """A vote on a hold."""
    return Vote(hold=hold_id, subject=actor.subject, choice=choice, digest="ab" * 32, roles=("role:senior",), at=NOON)
