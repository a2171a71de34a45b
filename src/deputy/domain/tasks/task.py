"""A request on its way."""

from datetime import datetime

from deputy.domain.people import Actor
from deputy.domain.tasks.request import Clarification, Place, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.usage import Usage
from deputy.domain.value import Value


class Task(Value):
    """A request on its way. ``version`` counts saves: a save of a stale copy is refused.

    ``policy`` is the pinned bundle's digest, ``base`` the pinned commit,
    ``patch`` the digest of the tree change; ``change_file`` (the tree change itself), ``patch_file``, ``report_file``
    and ``proof_file`` are blob digests.
    ``outcome`` is the sentence for the user when the task has ended; ``feedback`` tells the next run what was wrong.
    ``called`` is the run that was last handed to the engine, at ``called_at``: a queued task with another ``run`` is in
    line.
    """

    id: str
    request: str
    actor: Actor
    place: Place
    text: str
    status: TaskStatus
    created_at: datetime
    updated_at: datetime
    version: int = 0
    spec: TaskSpec | None = None
    clarification: Clarification | None = None
    steerers: tuple[str, ...] = ()
    policy: str = ""
    base: str = ""
    run: int = 0
    worker: str = ""
    patch: str = ""
    tree: str = ""
    change_file: str = ""
    patch_file: str = ""
    report_file: str = ""
    proof_file: str = ""
    usage: Usage = Usage()
    cancel_by: str = ""
    outcome: str = ""
    feedback: str = ""
    called: int = 0
    called_at: datetime | None = None
