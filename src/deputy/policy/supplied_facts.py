"""Facts as a person writes them, in a policy case or on the command line: what isn't said is not known."""

from pydantic import Field

from deputy.domain.policy.facts import Facts, FileSize, Instant
from deputy.domain.tasks.request import TaskKind
from deputy.domain.value import Value


class SuppliedFacts(Value):
    """What a question supposes. ``at`` is an ISO time with its zone; ``lines`` and ``files`` are the patch's size.

    The lines are all on the first of the paths; a patch of which only the files are given has no lines. Whoever gives
    a patch supposes that no other went before it, so that counters start from nothing.
    """

    kind: TaskKind | None = None
    channel: str | None = None
    at: Instant | None = None
    lines: int | None = Field(default=None, ge=0)
    files: int | None = Field(default=None, ge=1, le=100_000)
    budget: str | None = None

    def facts(self, paths: tuple[str, ...] = ()) -> Facts:
        """The facts of a question about these paths."""
        patch = self._patch(paths)
        earlier = None if patch is None else ()
        return Facts(at=self.at, kind=self.kind, channel=self.channel, budget=self.budget, patch=patch, earlier=earlier)

    def _patch(self, paths: tuple[str, ...]) -> tuple[FileSize, ...] | None:
        if self.lines is None and self.files is None:
            return None
        count = max(self.files or 1, len(paths))
        names = (*paths, *(f"file-{number}" for number in range(len(paths) + 1, count + 1)))
        return tuple(FileSize(path=name, lines=0 if place else self.lines or 0) for place, name in enumerate(names))
