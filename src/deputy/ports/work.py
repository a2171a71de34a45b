"""How work starts: from the inbox, through the durable engine, or by the clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming
from deputy.ports.store import Ledger


class Inbox(Protocol):
    """Where listeners put what people do in Slack. It returns at once; workflows do the work."""

    def accept(self, incoming: Incoming) -> bool:
        """Keep the snapshot and start its workflow in one transaction; False when it is known already."""

    def knows_thread(self, channel: str, thread: str) -> bool:
        """Whether one of our tasks lives in this thread."""

    def note_edit(self, channel: str, message: str, actor: Actor, at: datetime) -> None:
        """Record that a message that became a task was edited or deleted. The task's snapshot stays as it was."""


class Queue(Protocol):
    """Hands work to the durable engine. A ``workflow_id`` starts once, however often it is handed over."""

    def enqueue(
        self,
        ledger: Ledger,
        workflow: str,
        workflow_id: str,
        *args: JsonValue,
        partition: str = "",
        delay_seconds: float = 0,
    ) -> None:
        """Start a workflow if, and only if, the ledger's transaction commits.

        ``partition`` names the part of the engine's queue that it goes to; empty for none. It starts after
        ``delay_seconds`` at the earliest.
        """


@dataclass(frozen=True)
class Job:
    """Work that repeats. ``id`` and the time at which it fires, which ``run`` gets, make the key of one execution."""

    id: str
    every_seconds: float
    run: Callable[[datetime], None]


class Timers(Protocol):
    """Fires jobs by the clock, in one process of many."""

    def start(self, jobs: Sequence[Job]) -> None:
        """Start firing these jobs."""

    def stop(self) -> None:
        """Stop firing. A job that is running ends first."""


class Clock(Protocol):
    """The time, so that tests can set it."""

    def now(self) -> datetime:
        """Now, in UTC, timezone-aware."""
