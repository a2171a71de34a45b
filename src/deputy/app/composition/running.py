"""A running Deputy: what it is made of, and how it stops."""

import threading
from dataclasses import dataclass, field

from deputy.adapters.slack.receiving.listener import Listener
from deputy.adapters.store.leases import Lease
from deputy.adapters.store.store import SqlStore
from deputy.adapters.timers import Scheduler
from deputy.flow.engine import DurableEngine
from deputy.flow.state.services import Services


@dataclass
class Deputy:
    """A running Deputy: any of listener, worker and timers. ``stop`` ends them in order."""

    services: Services
    store: SqlStore
    listener: Listener | None = None
    engine: DurableEngine | None = None
    timers: Scheduler | None = None
    claims: list[Lease] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Stop hearing, then firing, then working; what is unfinished is taken up at the next start."""
        self.stopping.set()
        if self.listener:
            self.listener.stop()
        if self.timers:
            self.timers.stop()
        if self.engine:
            self.engine.stop()
        self.services.sandboxes.close()
        for held in self.claims:
            held.release()
        self.store.close()
