"""Tasks with a run, for tests that need one in a certain state."""

from datetime import UTC, datetime
from typing import Unpack

from deputy.domain.identifiers import Digest, TaskId
from deputy.domain.people import Actor
from deputy.domain.tasks.request import Place, TaskKind, TaskSpec
from deputy.domain.tasks.run import Run, RunChanges
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE = Actor(team="T0ACME", user="U0ALICE")
PLACE = Place(team="T0ACME", channel="C0SHOP", thread="1.1")
SPEC = TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal="fix the lint in `shop`")


def make_task(
    name: str = "D-AAAAAAAA",
    status: TaskStatus = TaskStatus.RUNNING,
    *,
    at: datetime = NOON,
    run: int = 0,
    requester: Actor = ALICE,
    spec: TaskSpec | None = SPEC,
    text: str = "<@U0DEPUTY> can you just fix the lint in `shop`",
    **left: Unpack[RunChanges],
) -> Task:
    """A task asked for at ``at``; with run ``run``, the first when a run field is named, in the state of ``left``."""
    number = run or bool(left)
    runs = (Run(number=number, queued_at=at).updated(**left),) if number else ()
    return Task(
        id=TaskId(name),
        request=f"slack:{name}",
        requester=requester,
        place=PLACE,
        text=text,
        status=status,
        created_at=at,
        updated_at=at,
        spec=spec,
        runs=runs,
    )


def with_patch(base: str, tree: str, *, change: str = "c" * 64, policy: str = "d" * 64) -> RunChanges:
    """The fields of a run whose work left a tree."""
    return {"base": base, "tree": tree, "change": Digest(change), "policy": Digest(policy)}
