"""How far a build is, told again and again: who listens ends it by raising."""

from collections.abc import Callable
from dataclasses import replace

from deputy.ports import BuildStep


class Progress:
    """Tells a listener. What the listener raises (``Cancelled``) goes through whoever told or asked."""

    def __init__(self, on_step: Callable[[BuildStep], None]) -> None:
        self._on_step = on_step
        # Before there are steps: a Python is looked for, a container started, the tree laid out in it.
        self._now = BuildStep(0, 0, "a builder")

    @property
    def now(self) -> BuildStep:
        """The step that is worked on."""
        return self._now

    def begin(self, step: BuildStep) -> None:
        """Another step begins."""
        self._now = step
        self.tell()

    def tell(self, output: bytes = b"") -> None:
        """Say what was printed meanwhile, or only that it goes on."""
        self._on_step(replace(self._now, output=output))

    def is_cancelled(self) -> bool:
        """Asked by whatever takes its time. Never true: a wish to stop is what the listener raises."""
        self.tell()
        return False
