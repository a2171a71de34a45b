"""Reports how far a build is. The listener ends the build by raising an error."""

from collections.abc import Callable
from dataclasses import replace

from deputy.ports import BuildStep


class Progress:
    """Reports steps and output to a listener. An error that the listener raises (``Cancelled``) is passed on."""

    def __init__(self, on_step: Callable[[BuildStep], None]) -> None:
        self._on_step = on_step
        # Before the first step: a Python is found, a container is started, the tree is laid out in it.
        self._now = BuildStep(0, 0, "a builder")

    @property
    def now(self) -> BuildStep:
        """The step that runs now."""
        return self._now

    def begin(self, step: BuildStep) -> None:
        """Report that a step begins."""
        self._now = step
        self.report()

    def report(self, output: bytes = b"") -> None:
        """Report output, or only that the step goes on."""
        self._on_step(replace(self._now, output=output))

    def is_cancelled(self) -> bool:
        """For slow work that asks whether to stop. Always False: the listener stops it by raising."""
        self.report()
        return False
