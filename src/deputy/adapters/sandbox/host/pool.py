"""The warm pool: sandboxes that are started and filled before a task asks. Each is used by one task only.

A warm sandbox is never a reason to fail: if anything goes wrong with one, it is removed and a new sandbox is started.
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
from deputy.adapters.sandbox.host.launcher import Launcher
from deputy.adapters.sandbox.host.start_limiter import StartLimiter
from deputy.domain.errors import Cancelled, DeputyError
from deputy.ports import SandboxLimits, SandboxSpec

log = structlog.get_logger(__name__)

# No sandbox waits for longer, so that its image and the program inside do not get old. Another process may remove it
# only after the grace time, which is on its label; this process has removed it long before that.
WAIT_SECONDS = 900.0
_GRACE_SECONDS = 300.0
# Starting a replacement at once would slow down the first commands of the task that just took one.
_PAUSE_SECONDS = 1.0


class Kind(NamedTuple):
    """What must be equal for a warm sandbox to fit a spec.

    A started sandbox can't change its image, limits and variables. The pool's name covers the hidden paths, so that a
    sandbox never holds files that the spec hides.
    """

    warm_pool: str
    image: str
    limits: SandboxLimits
    env: tuple[tuple[str, str], ...]
    git: bool
    links: tuple[tuple[str, str], ...]


def kind_of(spec: SandboxSpec, image_id: str) -> Kind:
    """The spec's kind. ``limits.seconds`` is left out: a sandbox's life is counted from the moment it is taken."""
    limits = replace(spec.limits, seconds=0)
    return Kind(
        spec.warm_pool, image_id, limits, tuple(sorted(spec.env.items())), spec.git, tuple(sorted(spec.links.items()))
    )


@dataclass(frozen=True, eq=False)
class _Waiting:
    kind: Kind
    spec: SandboxSpec
    sandbox: SandboxClient
    container: str
    since: float

    def is_old(self) -> bool:
        return time.monotonic() - self.since > WAIT_SECONDS


class Pool:
    """Keeps warm sandboxes. One thread makes and removes them; it runs only while there is something to do."""

    def __init__(self, launcher: Launcher, limiter: StartLimiter, owner: str) -> None:
        self._launcher, self._limiter, self._owner = launcher, limiter, owner
        self._lock = threading.Lock()
        self._asked: tuple[SandboxSpec, ...] | None = None
        self._plan: list[tuple[Kind, SandboxSpec]] = []
        self._waiting: list[_Waiting] = []
        self._taken_at = 0.0
        self._tending: threading.Thread | None = None
        self._closing = threading.Event()

    # ------------------------------------------------------------------------------------------------ taking

    def take(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> SandboxClient | None:
        """A warm sandbox, renamed and filled for the spec; None when none fits. Raises ``Cancelled``."""
        found = self._find(spec)
        if found is None:
            return None
        try:
            # The rename comes first: from here on its name says which task it belongs to, even if this process dies.
            self._launcher.rename(found.container, spec.name)
            found.sandbox.fill(spec, is_cancelled)
        except Cancelled:
            raise
        except DeputyError as error:
            log.warning("sandbox.warm.unfit", name=spec.name, error=str(error))
            found.sandbox.discard()
            return None
        except BaseException:
            found.sandbox.discard()
            raise
        finally:
            self._wake()
        return found.sandbox

    def _find(self, spec: SandboxSpec) -> _Waiting | None:
        """Take out one that fits. A spec whose name does not contain its task gets none (see ``labels.task_of``)."""
        if not spec.warm_pool or spec.gateway or labels.task_in(spec.name) != spec.task:
            return None
        with self._lock:
            may_fit = any(waiting.spec.warm_pool == spec.warm_pool for waiting in self._waiting)
        kind = self._kind(spec) if may_fit else None
        with self._lock:
            found = next((waiting for waiting in self._waiting if waiting.kind == kind and not waiting.is_old()), None)
            if found:
                self._waiting.remove(found)
                self._taken_at = time.monotonic()
        return found

    # ------------------------------------------------------------------------------------------------ tending

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Keep one warm sandbox for each spec, and no others. A failed start is tried again at the next call."""
        with self._lock:
            self._asked = tuple(spec for spec in wanted if spec.warm_pool and not spec.gateway)
        self._wake()

    def close(self) -> None:
        """Remove the warm sandboxes and keep none from now on."""
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
            # However it ended: the next call starts another thread, and ``close`` does not wait for ever.
            with self._lock:
                if self._tending is threading.current_thread():
                    self._tending = None

    def _next(self) -> Callable[[], None] | None:
        """The next thing to do; None when there is nothing, and the thread ends."""
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
        """Make a new plan, bring the warm sandboxes up to date, and drop those whose containers ended."""
        plan = [(kind, spec) for spec in asked if (kind := self._kind(spec))]
        newest = dict(plan)
        with self._lock:
            self._plan = plan
            behind = [w for w in self._waiting if w.kind in newest and w.spec.tree is not newest[w.kind].tree]
            # Taken out while they are updated, so that no task gets one of them.
            self._waiting = [waiting for waiting in self._waiting if waiting not in behind]
        for waiting in behind:
            self._put_back(waiting, newest[waiting.kind])
        alive = self._launcher.running(self._owner)
        self._drop(lambda waiting: waiting.container not in alive)

    def _kind(self, spec: SandboxSpec) -> Kind | None:
        try:
            return kind_of(spec, self._launcher.image_id(spec))
        except DeputyError as error:
            log.warning("sandbox.warm.image", image=spec.image, error=str(error))
            return None

    def _put_back(self, waiting: _Waiting, spec: SandboxSpec) -> None:
        try:
            waiting.sandbox.fill(spec)
        except DeputyError:
            waiting.sandbox.discard()
            return
        self._keep(replace(waiting, spec=spec))

    def _make(self, kind: Kind, spec: SandboxSpec) -> None:
        """Start and fill one.

        After a failure its kind is dropped from the plan until ``keep_ready`` is called again.
        """
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
        with self._limiter.for_warm_pool(self._closing) as may_start:
            if not may_start:
                return None
            launched = self._launcher.launch(waits, labels.of_waiting(self._owner, until))
        try:
            launched.sandbox.fill(waits)
        except BaseException:
            launched.sandbox.discard()
            raise
        return _Waiting(kind, waits, launched.sandbox, launched.container, time.monotonic())

    def _keep(self, waiting: _Waiting | None) -> None:
        if waiting:
            with self._lock:
                self._waiting.append(waiting)

    def _drop(self, is_unwanted: Callable[[_Waiting], bool]) -> None:
        with self._lock:
            unwanted = [waiting for waiting in self._waiting if is_unwanted(waiting)]
            self._waiting = [waiting for waiting in self._waiting if waiting not in unwanted]
        for waiting in unwanted:
            waiting.sandbox.discard()
