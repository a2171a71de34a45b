"""Scanners, models, clocks: what the workflows ask besides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from deputy.domain.review.scans import Scan
from deputy.domain.tasks.dialogue import Message, Reply, Tool


class Scanner(Protocol):
    """Other people's programs that look for what our gates can't know: credentials, workflows that can be abused."""

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        """What they see in the changed files of the patched tree (``head``) and did not in ``base``, by path.

        Never raises for what it is given: a scanner that can't run or breaks is in ``failed``.
        """

    def check(self) -> str:
        """One line that says which scanners are ready; ``Unavailable`` when none can look for credentials."""


class SecondOpinion(Protocol):
    """A second opinion on whether a request asks for harm. Its answer can only refuse more, never less."""

    def objection(self, text: str) -> str:
        """Why this must not be done, in a clause; empty when nothing is objected. ``Unavailable`` when it can't say."""


class Model(Protocol):
    """A language model. ``Unavailable`` when it can't be reached or is out of quota (says which)."""

    @property
    def name(self) -> str:
        """The model's name, for prices and the audit trail."""

    def reply(self, transcript: Sequence[Message], tools: Sequence[Tool], *, max_tokens: int, timeout: float) -> Reply:
        """The model's answer to a transcript."""


@dataclass(frozen=True)
class Job:
    """Work on a clock: ``id`` and the fire time make one run's key."""

    id: str
    every_seconds: float
    run: Callable[[datetime], None]


class Timers(Protocol):
    """Runs jobs by the clock, in one process of many."""

    def start(self, jobs: Sequence[Job]) -> None:
        """Start firing."""

    def stop(self) -> None:
        """Stop firing; a running job ends first."""


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """Now, in UTC, timezone-aware."""
