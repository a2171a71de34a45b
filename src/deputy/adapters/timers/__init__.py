"""Clock-driven jobs (APScheduler), one leader."""

from deputy.adapters.timers.scheduler import Scheduler

__all__ = ["Scheduler"]
