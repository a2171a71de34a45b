"""Timers on APScheduler (``ports.Timers``). Every process may have one; only the one that holds the lead fires."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job as ScheduledJob
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from deputy.domain.errors import DeputyError
from deputy.ports import Job

log = structlog.get_logger(__name__)


class _Inline(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no types
    """Runs a job in the scheduler's own thread with its fire time: a job only hands work over, which is quick."""

    def __init__(self, has_lead: Callable[[], bool]) -> None:
        super().__init__()
        self._has_lead = has_lead

    def _do_submit_job(self, job: ScheduledJob, run_times: list[datetime]) -> None:
        try:
            if self._has_lead():
                job.func(*job.args).run(run_times[-1])
        except DeputyError as error:
            # A fire that fails is not lost: every job looks at the whole state again at its next fire.
            log.warning("timer.failed", job=job.id, error=str(error))
        finally:
            self._run_job_success(job.id, [])


def _itself(job: Job) -> Job:
    """What APScheduler is given to call: our executor runs the job with its fire time, which APScheduler can't."""
    return job


class Scheduler:
    """Fires jobs at fixed intervals while this process holds the lead."""

    def __init__(self, has_lead: Callable[[], bool]) -> None:
        """``has_lead`` is asked at each fire, and may take the lead when nobody has it."""
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": _Inline(has_lead)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    def start(self, jobs: Sequence[Job]) -> None:
        """Start firing."""
        for job in jobs:
            every = IntervalTrigger(seconds=job.every_seconds, timezone="UTC")
            self._scheduler.add_job(_itself, every, args=(job,), id=job.id)
        self._scheduler.start()

    def stop(self) -> None:
        """Stop firing; a running job ends first."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
