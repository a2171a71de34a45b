"""What a worker looks after while it runs: who leads, which workers are dead, sandboxes kept ready, broken policy."""

import threading
from collections.abc import Callable

import structlog

from deputy.adapters.policies import Change
from deputy.adapters.store.leases import Lease, claim
from deputy.adapters.store.store import SqlStore
from deputy.app.clock import SystemClock
from deputy.app.composition.running import Deputy
from deputy.domain.errors import DeputyError
from deputy.flow.approvals.notices import queue_notice
from deputy.flow.engine import DurableEngine, DurableQueue
from deputy.flow.upkeep.warm_pool import WARM_POOL_SECONDS, fill_warm_pool

log = structlog.get_logger(__name__)

LEAD_CLAIM = "timers"
WATCH_SECONDS = 1.0


def leads(deputy: Deputy) -> Callable[[], bool]:
    """Whether this process fires the timers; it takes the lead when nobody has it."""
    mine: list[Lease] = []

    def has_lead() -> bool:
        if mine and not mine[-1].is_held():
            mine.clear()
        if not mine and (held := claim(deputy.store.engine, LEAD_CLAIM)):
            mine.append(held)
            deputy.claims.append(held)
        return bool(mine)

    return has_lead


def keep_warm_pool(deputy: Deputy) -> None:
    """Keep sandboxes ready in this worker until Deputy stops."""
    while not deputy.stopping.is_set():
        try:
            fill_warm_pool(deputy.services)
        except DeputyError as error:
            log.warning("worker.warm-pool", error=str(error))
        except Exception:
            # The thread's boundary: as for the watch below. When Deputy stops, its database is closed in between.
            if not deputy.stopping.is_set():
                log.exception("worker.warm-pool")
        deputy.stopping.wait(WARM_POOL_SECONDS)


def watch_workers(deputy: Deputy, me: str, mine: Lease) -> None:
    """Take over the work of dead workers, and keep this one's lease, until Deputy stops."""
    suspects: set[str] = set()
    while deputy.engine and not deputy.stopping.wait(WATCH_SECONDS):
        try:
            if not mine.is_held() and (again := claim(deputy.store.engine, me)):
                mine = again
                deputy.claims.append(again)
            suspects = _adopt_dead(deputy, deputy.engine, me, suspects)
        except Exception:
            # The thread's boundary: a database that blinks must not end the watch for good.
            log.exception("worker.watch")


def _adopt_dead(deputy: Deputy, engine: DurableEngine, me: str, suspects: set[str]) -> set[str]:
    """Take over the work of workers that are gone; returns those that may be.

    Who obtains the claim on another's name in two rounds running knows that it is dead. One round is not enough: after
    a restart of the database the living have lost their claims too, until they take them again.
    """
    found: set[str] = set()
    for executor in engine.executors() - {me}:
        held = claim(deputy.store.engine, executor)
        if held is None:
            continue
        if executor in suspects:
            log.info("worker.adopted", executor=executor, workflows=engine.adopt(executor))
        else:
            found.add(executor)
        held.release()
    return found


def policy_reporter(store: SqlStore, queue: DurableQueue, clock: SystemClock) -> Callable[[Change], None]:
    """Reports a broken or mended policy from a thread of its own: policy may be asked for inside a transaction."""

    def report(change: Change) -> None:
        def tell() -> None:
            queue_notice(store, queue, clock, change.digest, change.kept, change.why)

        threading.Thread(target=tell, name="policy-notice").start()

    return report
