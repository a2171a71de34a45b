"""One attempt at a task, as a value."""

from datetime import datetime
from enum import StrEnum
from typing import TypedDict, Unpack

from deputy.domain.identifiers import Digest
from deputy.domain.tasks.usage import Usage
from deputy.domain.value import Value


class RunStart(StrEnum):
    """Which tree a run starts from: its base commit, or the tree that the run before it left."""

    BASE = "base"
    PREVIOUS = "previous"


class PartStatus(StrEnum):
    """Where a part of a run stands."""

    WAITING = "waiting"
    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"


class RunChanges(TypedDict, total=False):
    """The fields of a run that change while it is on its way; a test compares them with ``Run``."""

    dispatched_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    base: str | None
    policy: Digest | None
    worker: str | None
    work: PartStatus
    checks: PartStatus
    gates: PartStatus
    tree: str | None
    patch: Digest | None
    change: Digest | None
    summary: str | None
    evidence: Digest | None
    report: Digest | None
    delivered_file: Digest | None
    usage: Usage


class Run(Value):
    """One attempt at a task. What is not there yet, or never will be, is None.

    ``number`` counts a task's runs from 1. ``base`` is the pinned commit and ``tree`` the git tree that the work left;
    ``policy`` is the digest of the pinned bundle. ``patch`` is the digest of the tree change, None also where nothing
    was changed. ``change`` (the tree change itself), ``evidence``, ``report`` and ``delivered_file`` are blobs.
    ``summary`` is what the worker says of its work: a claim. ``feedback`` is what the run before was blocked for.
    """

    number: int
    start: RunStart = RunStart.BASE
    feedback: str | None = None
    queued_at: datetime
    dispatched_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    base: str | None = None
    policy: Digest | None = None
    worker: str | None = None
    work: PartStatus = PartStatus.WAITING
    checks: PartStatus = PartStatus.WAITING
    gates: PartStatus = PartStatus.WAITING
    tree: str | None = None
    patch: Digest | None = None
    change: Digest | None = None
    summary: str | None = None
    evidence: Digest | None = None
    report: Digest | None = None
    delivered_file: Digest | None = None
    usage: Usage = Usage()

    @property
    def result(self) -> "RunResult | None":
        """What the work left; None before it has left anything."""
        if self.base is None or self.tree is None or self.policy is None or self.change is None:
            return None
        return RunResult(run=self, base=self.base, tree=self.tree, policy=self.policy, change=self.change)

    def updated(self, **changes: Unpack[RunChanges]) -> "Run":
        """The run with these fields changed."""
        return self.model_copy(update=dict(changes))

    def ended(self, at: datetime) -> "Run":
        """The run at its end: a part that was still active has failed."""
        parts = ("work", "checks", "gates")
        failed = {part: PartStatus.FAILED for part in parts if getattr(self, part) is PartStatus.ACTIVE}
        return self.model_copy(update={**failed, "ended_at": self.ended_at or at})


class RunResult(Value):
    """What a run's work left: a tree on its base, under a pinned policy. ``change`` is the blob of the difference."""

    run: Run
    base: str
    tree: str
    policy: Digest
    change: Digest

    @property
    def patch(self) -> Digest | None:
        """The digest of the tree change; None where nothing was changed."""
        return self.run.patch
