"""An inbox in memory and a clock on the wall, for listeners."""

import threading
from datetime import UTC, datetime

from deputy.domain.people import Actor
from deputy.domain.tasks.request import Incoming


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class MemoryInbox:
    """Keeps what it is given; ``broken`` makes it fail like a dead database."""

    def __init__(self) -> None:
        self.kept: dict[str, Incoming] = {}
        self.given: list[Incoming] = []
        self.edits: list[tuple[str, str, Actor]] = []
        self.threads: set[str] = set()
        self.broken = False
        self.changed = threading.Condition()

    def accept(self, incoming: Incoming) -> bool:
        if self.broken:
            raise OSError("database down")
        with self.changed:
            self.given.append(incoming)
            is_new = self.kept.setdefault(incoming.key, incoming) is incoming
            self.changed.notify_all()
        return is_new

    def knows_thread(self, channel: str, thread: str) -> bool:
        if self.broken:
            raise OSError("database down")
        return thread in self.threads

    def note_edit(self, channel: str, message: str, actor: Actor, at: datetime) -> None:
        with self.changed:
            self.edits.append((channel, message, actor))
