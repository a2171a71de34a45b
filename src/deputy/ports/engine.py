"""Policy bundles, the durable engine, and the inbox that listeners fill."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming
from deputy.ports.store import Ledger

if TYPE_CHECKING:
    from deputy.policy import Bundle


class Policies(Protocol):
    """Where policy bundles come from."""

    def current(self) -> "Bundle":
        """The bundle in force now; ``BadPolicy`` when there has never been a good one."""

    def kept(self, digest: str) -> "Bundle":
        """A bundle that was in force before, or ``NotFound``."""


class Queue(Protocol):
    """Hands work to the durable engine. The same ``workflow_id`` starts once, however often it is handed over."""

    def enqueue(
        self,
        ledger: Ledger,
        workflow: str,
        workflow_id: str,
        *args: JsonValue,
        partition: str = "",
        delay_seconds: float = 0,
    ) -> None:
        """Start a workflow when, and only if, the ledger's transaction commits."""


class Inbox(Protocol):
    """Where listeners put what people do. Returns at once; the work is done by workflows."""

    def accept(self, incoming: Incoming) -> bool:
        """Keep the snapshot and start its workflow in one transaction; False when it was known already."""

    def knows_thread(self, channel: str, thread: str) -> bool:
        """Whether a task of ours lives in this thread."""

    def note_edit(self, channel: str, message: str, actor: Actor, at: datetime) -> None:
        """A message that became a task was edited or deleted: recorded; the snapshot stays."""
