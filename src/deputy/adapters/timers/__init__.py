"""Clock-driven jobs (APScheduler), one leader."""

from deputy.adapters.timers.clockwork import Clockwork

__all__ = ["Clockwork"]
