"""What a policy question is asked under, beside who, where and what: the facts that conditions look at."""

from datetime import datetime

from deputy.domain.values import FileChange, TaskKind, Value


class FileSize(Value):
    """A changed path, and how many lines were added or removed there."""

    path: str
    lines: int


class Footprint(Value):
    """What one accepted task asked for and, once there is a patch, changed: what rolling counters add up."""

    task: str
    subject: str
    repo: str
    at: datetime
    files: tuple[FileSize, ...] = ()


class Facts(Value):
    """The facts of a question. None means that a fact is not known.

    What is not known is held against the one who asks: a rule that allows under it does not apply, one that denies or
    asks for review does. Only while ``is_early`` is it the other way round, for a question that is asked before there
    is a patch and will be asked again when there is one. ``earlier`` are the footprints of other tasks, as far back as
    the policy's longest counter looks.
    """

    at: datetime | None = None
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
