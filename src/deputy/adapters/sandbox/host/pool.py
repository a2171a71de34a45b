"""Warm sandboxes: started and filled before anybody asks, each for one sandbox of one task, and never used again.

Warmth is never a reason to fail: when anything goes wrong with a waiting sandbox, it is thrown away and a new one is
started.
"""

import operator
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import structlog

from deputy.adapters.sandbox.channel.client import SandboxClient
from deputy.adapters.sandbox.engine import labels
from deputy.adapters.sandbox.host.launching import Launching
from deputy.adapters.sandbox.host.start_limiter import StartLimiter
from deputy.domain.errors import Cancelled, DeputyError
from deputy.ports import SandboxLimits, SandboxSpec

log = structlog.get_logger(__name__)

# Nothing waits for longer, so that images and Deputy's own program inside do not go stale. Who renews it every minute
# is done long before its label lets another process take it for left behind.
WAIT_SECONDS = 900.0
_GRACE_SECONDS = 300.0
# A replacement would slow down the first commands of who just took one.
_PAUSE_SECONDS = 1.0


class Kind(NamedTuple):
    """What a waiting sandbox can't change any more, and what must be equal for what may be known in it."""

    stock: str
    image: str
    limits: SandboxLimits
    env: tuple[tuple[str, str], ...]
    git: bool
    links: tuple[tuple[str, str], ...]


def kind_of(spec: SandboxSpec, image_id: str) -> Kind:
    """The spec's kind. How long it may live is counted from when it is taken, so that does not matter."""
    limits = replace(spec.limits, seconds=0)
    return Kind(
        spec.stock, image_id, limits, tuple(sorted(spec.env.items())), spec.git, tuple(sorted(spec.links.items()))
    )


@dataclass(frozen=True, eq=False)
class _Waiting:
    kind: Kind
    spec: SandboxSpec
    box: SandboxClient
    container: str
    since: float

    def is_old(self) -> bool:
        return time.monotonic() - self.since > WAIT_SECONDS


class Pool:
    """Keeps sandboxes waiting. One thread tends them, and only while there is something to do."""

    def __init__(self, launching: Launching, gate: StartLimiter, owner: str) -> None:
        self._launching, self._gate, self._owner = launching, gate, owner
        self._lock = threading.Lock()
        self._asked: tuple[SandboxSpec, ...] | None = None
        self._plan: list[tuple[Kind, SandboxSpec]] = []
        self._waiting: list[_Waiting] = []
        self._taken_at = 0.0
        self._tending: threading.Thread | None = None
        self._closing = threading.Event()

    # ------------------------------------------------------------------------------------------------ taking

    def take(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> SandboxClient | None:
        """A waiting sandbox that has become the spec's; None when there is none that could. Raises ``Cancelled``."""
        found = self._find(spec)
        if found is None:
            return None
        try:
            # The rename comes first: from here on the engine knows whose it is, whatever happens to this process.
            self._launching.rename(found.container, spec.name)
            found.box.fill(spec, is_cancelled)
        except Cancelled:
            raise
        except DeputyError as error:
            log.warning("sandbox.warm.unfit", name=spec.name, error=str(error))
            found.box.discard()
            return None
        except BaseException:
            found.box.discard()
            raise
        finally:
            self._wake()
        return found.box

    def _find(self, spec: SandboxSpec) -> _Waiting | None:
        """Take one out that fits. A spec whose name does not tell its task gets none (see ``labels.task_of``)."""
        if not spec.stock or spec.gateway or labels.task_in(spec.name) != spec.task:
            return None
        with self._lock:
            may_fit = any(waiting.spec.stock == spec.stock for waiting in self._waiting)
        kind = self._kind(spec) if may_fit else None
        with self._lock:
            found = next((waiting for waiting in self._waiting if waiting.kind == kind and not waiting.is_old()), None)
            if found:
                self._waiting.remove(found)
                self._taken_at = time.monotonic()
        return found

    # ------------------------------------------------------------------------------------------------ tending

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Have these waiting, and no others. What can't be made is tried again when this is called again."""
        with self._lock:
            self._asked = tuple(spec for spec in wanted if spec.stock and not spec.gateway)
        self._wake()

    def close(self) -> None:
        """Remove what waits; nothing is kept ready from now on."""
        self._closing.set()
        while tending := self._tending:
            tending.join()
        self._drop(lambda _: True)

    def _wake(self) -> None:
        with self._lock:
            if not self._tending:
                self._tending = threading.Thread(target=self._tend, name="warm-sandboxes", daemon=True)
                self._tending.start()

    def _tend(self) -> None:
        try:
            while act := self._next():
                act()
        except DeputyError as error:
            log.warning("sandbox.warm.failed", error=str(error))
        finally:
            # Whatever ended it: the next wish starts another, and who closes does not wait for ever.
            with self._lock:
                if self._tending is threading.current_thread():
                    self._tending = None

    def _next(self) -> Callable[[], None] | None:
        """What is to be done next; None when nothing is, and the thread ends."""
        with self._lock:
            if self._closing.is_set():
                self._asked, self._plan = None, []
            if self._asked is not None:
                asked, self._asked = self._asked, None
                return partial(self._renew, asked)
            wanted = Counter(kind for kind, _ in self._plan)
            for waiting in self._waiting:
                wanted[waiting.kind] -= 1
                if wanted[waiting.kind] < 0 or waiting.is_old():
                    return partial(self._drop, partial(operator.is_, waiting))
            for kind, spec in self._plan:
                if wanted[kind] > 0:
                    return partial(self._make, kind, spec)
            self._tending = None
            return None

    def _renew(self, asked: Sequence[SandboxSpec]) -> None:
        """Plan anew; bring up to date what waits, and throw away what has died."""
        plan = [(kind, spec) for spec in asked if (kind := self._kind(spec))]
        newest = dict(plan)
        with self._lock:
            self._plan = plan
            behind = [w for w in self._waiting if w.kind in newest and w.spec.tree is not newest[w.kind].tree]
            # Out of everybody's reach while it is worked on.
            self._waiting = [waiting for waiting in self._waiting if waiting not in behind]
        for waiting in behind:
            self._put_back(waiting, newest[waiting.kind])
        alive = self._launching.running(self._owner)
        self._drop(lambda waiting: waiting.container not in alive)

    def _kind(self, spec: SandboxSpec) -> Kind | None:
        try:
            return kind_of(spec, self._launching.image_id(spec))
        except DeputyError as error:
            log.warning("sandbox.warm.image", image=spec.image, error=str(error))
            return None

    def _put_back(self, waiting: _Waiting, spec: SandboxSpec) -> None:
        try:
            waiting.box.fill(spec)
        except DeputyError:
            waiting.box.discard()
            return
        self._keep(replace(waiting, spec=spec))

    def _make(self, kind: Kind, spec: SandboxSpec) -> None:
        """Start and fill one. What fails is not tried again until it is asked for again."""
        try:
            self._keep(self._made(kind, spec))
        except DeputyError as error:
            log.warning("sandbox.warm.failed", error=str(error))
            with self._lock:
                self._plan = [entry for entry in self._plan if entry[0] != kind]

    def _made(self, kind: Kind, spec: SandboxSpec) -> _Waiting | None:
        waits = replace(spec, name=f"{labels.WAITING}{secrets.token_hex(6)}", task="")
        while (left := self._taken_at + _PAUSE_SECONDS - time.monotonic()) > 0 and not self._closing.wait(left):
            pass
        until = int(time.time() + WAIT_SECONDS + _GRACE_SECONDS)
        with self._gate.for_stock(self._closing) as may_start:
            if not may_start:
                return None
            launched = self._launching.launch(waits, labels.of_waiting(self._owner, until))
        try:
            launched.box.fill(waits)
        except BaseException:
            launched.box.discard()
            raise
        return _Waiting(kind, waits, launched.box, launched.container, time.monotonic())

    def _keep(self, waiting: _Waiting | None) -> None:
        if waiting:
            with self._lock:
                self._waiting.append(waiting)

    def _drop(self, is_unwanted: Callable[[_Waiting], bool]) -> None:
        with self._lock:
            unwanted = [waiting for waiting in self._waiting if is_unwanted(waiting)]
            self._waiting = [waiting for waiting in self._waiting if waiting not in unwanted]
        for waiting in unwanted:
            waiting.box.discard()
