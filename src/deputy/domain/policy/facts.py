"""What a policy question is asked under, beside who, where and what: the facts that conditions look at."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from deputy.domain.changes.change import FileChange
from deputy.domain.tasks.request import TaskKind
from deputy.domain.value import Value

# A time with its zone, far enough from the calendar's ends to be reckoned with: conditions never raise.
Instant = Annotated[AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), le=datetime(3000, 1, 1, tzinfo=UTC))]


class FileSize(Value):
    """A changed path, and how many lines were added or removed there; none in a binary file."""

    path: str
    lines: int = Field(ge=0)


class Footprint(Value):
    """What one accepted task asked for and, once there is a patch, changed: what rolling counters add up.

    ``at`` is when it was asked for; ``out`` when its patch went out, None while it is on its way (that is: now).
    """

    task: str
    subject: str
    repo: str
    at: Instant
    out: Instant | None = None
    files: tuple[FileSize, ...] = ()


class Facts(Value):
    """The facts of a question. None means that a fact is not known.

    What is not known is held against the one who asks: a rule that allows under it does not apply, one that denies or
    asks for review does. Only while ``is_early`` is it the other way round, for a question that is asked before there
    is a patch and will be asked again when there is one. ``earlier`` are the footprints of other tasks, as far back as
    the policy's longest counter looks.
    """

    at: Instant | None = None
    kind: TaskKind | None = None
    channel: str | None = None
    budget: str | None = None
    patch: tuple[FileSize, ...] | None = None
    earlier: tuple[Footprint, ...] | None = None
    is_early: bool = False


UNKNOWN = Facts()


def sizes_of(files: tuple[FileChange, ...]) -> tuple[FileSize, ...]:
    """The size of each changed file."""
    return tuple(FileSize(path=file.path, lines=file.added_lines + file.removed_lines) for file in files)
