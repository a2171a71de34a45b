"""Where a patch that may go out is handed over: a thread, a folder, a code host."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deputy.domain.changes.change import TreeChange
from deputy.domain.tasks.run import RunResult
from deputy.domain.tasks.task import Task
from deputy.ports.repos import CommitText, RepoSource


@dataclass(frozen=True)
class Fitness:
    """Whether a destination can still take a patch. ``tip`` is the commit that it was compared with.

    ``moved`` are the paths of the patch that have changed there since the patch's base; it fits when there are none.
    """

    tip: str
    moved: tuple[str, ...] = ()


@dataclass(frozen=True)
class Artifact:
    """A file that is handed over."""

    name: str
    title: str
    content: bytes


@dataclass(frozen=True)
class Handover:
    """A patch that was decided on, with everything that goes out with it.

    ``key`` names the hand-over: a second one with the same key finds the first. ``text`` is the commit message.
    ``evidence`` and ``logs`` are files as bytes; ``announcement`` is the sentence for people.
    """

    key: str
    task: Task
    result: RunResult
    change: TreeChange
    text: CommitText
    evidence: bytes
    logs: bytes
    announcement: str


class Delivery(Protocol):
    """A destination for patches. Policy, votes and roles are no business of its: the workflow has looked at them.

    Every method raises ``Unavailable`` when the destination can't be reached.
    """

    def fitness(self, source: RepoSource, change: TreeChange) -> Fitness:
        """Compare a patch with what is at the destination now."""

    def artifacts(self, handover: Handover) -> tuple[Artifact, ...]:
        """The files to hand over, the patch first; its bytes are the same at each call."""

    def hand_over(self, handover: Handover, artifacts: Sequence[Artifact]) -> None:
        """Hand the files over, once for each key."""

    def has_begun(self, key: str) -> bool:
        """Whether the hand-over with this key has begun: then it is finished, whatever has changed since."""
