"""Sandboxes on a Docker engine: taken from the warm pool or started new, and removed for sure."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from deputy.adapters.sandbox.channel.client import DeltaCaps
from deputy.adapters.sandbox.engine import labels
from deputy.adapters.sandbox.engine.engine import DockerEngine
from deputy.adapters.sandbox.engine.hardening import WORKSPACE
from deputy.adapters.sandbox.host.launcher import Launcher
from deputy.adapters.sandbox.host.pool import Pool
from deputy.adapters.sandbox.host.probing import LIMITS, probe
from deputy.adapters.sandbox.host.start_limiter import StartLimiter
from deputy.domain.errors import SandboxFailed, Unavailable
from deputy.ports import Attempt, Sandbox, SandboxSpec


class DockerSandboxes:
    """Implements ``ports.Sandboxes``.

    ``owner`` names this installation: only containers that carry it are ever removed. ``base_url`` of None means
    ``DOCKER_HOST`` or the local socket. ``runtime`` is an OCI runtime that the engine knows; None is its default.
    ``starts_at_once`` limits how many containers start at the same time: starting is bound by processor time.
    """

    def __init__(
        self,
        *,
        owner: str,
        base_url: str | None = None,
        default_image: str = "deputy-sandbox:latest",
        runtime: str | None = None,
        caps: DeltaCaps | None = None,
        starts_at_once: int = 2,
    ) -> None:
        self._owner, self._default_image, self._runtime = owner, default_image, runtime
        self._engine = DockerEngine(base_url)
        self._launcher = Launcher(self._engine, default_image=default_image, runtime=runtime, caps=caps or DeltaCaps())
        self._limiter = StartLimiter(starts_at_once)
        self._pool = Pool(self._launcher, self._limiter, owner)

    def start(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> Sandbox:
        """A started sandbox with its workspace filled: a warm one if one fits, else a new one."""
        return self._pool.take(spec, is_cancelled) or self._start_new(spec, is_cancelled)

    def _start_new(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None) -> Sandbox:
        with self._limiter.for_task(is_cancelled):
            self._launcher.remove_left_over(self._owner, spec.name)
            sandbox = self._launcher.launch(spec, labels.of_task(self._owner, spec)).sandbox
        try:
            sandbox.fill(spec, is_cancelled)
        except BaseException:
            sandbox.discard()
            raise
        return sandbox

    def sweep(self, is_live: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove every sandbox of this installation whose task is not live; returns their names.

        A sandbox without a task stays as long as it may be in use (``labels.may_stay``). If one can't be removed, the
        others are removed all the same, and the first error is raised at the end.
        """
        dead = [c for c in self._ours() if not is_live(labels.task_of(c)) and not labels.may_stay(c)]
        errors: list[SandboxFailed] = []
        for container in dead:
            try:
                self._engine.remove(container["Id"])
            except SandboxFailed as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return tuple(sorted(labels.shown(container) for container in dead))

    def remaining(self, task: str) -> tuple[str, ...]:
        """The names of the task's sandboxes that still exist."""
        return tuple(sorted(labels.shown(c) for c in self._ours() if labels.task_of(c) == task))

    def _ours(self) -> list[labels.Listed]:
        with self._engine.errors(self._default_image):
            return list(self._engine.api.containers(all=True, filters=labels.ours(self._owner)))

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Keep one warm sandbox for each of these specs, and no others."""
        self._pool.keep_ready(wanted)

    def close(self) -> None:
        """Remove the warm sandboxes and close the connection to the engine."""
        self._pool.close()
        self._engine.close()

    def probe(self) -> tuple[Attempt, ...]:
        """Try from inside a sandbox what must not work there; see ``guest/probes``."""
        with self._engine.errors(self._default_image):
            scratch = self._launcher.options(SandboxSpec("", "", "", {}, limits=LIMITS))["tmpfs"]
        return probe(self._start_probe, [WORKSPACE, *(folder for folder in scratch if folder != WORKSPACE)])

    def _start_probe(self) -> Sandbox:
        return self.start(SandboxSpec(f"{labels.PROBING}{secrets.token_hex(4)}", "", "", {}, limits=LIMITS))

    def check(self) -> str:
        """One line that says which engine and image are ready; ``Unavailable`` otherwise."""
        with self._engine.errors(self._default_image):
            api = self._engine.api
            image = api.inspect_image(self._default_image)
            version = api.version()["Version"]
            runtime = self._checked_runtime(api.info())
        return f"Docker engine {version}, runtime {runtime}, sandbox image {self._default_image} ({image['Id'][7:19]})"

    def _checked_runtime(self, engine: dict[str, Any]) -> str:
        """The runtime's name. containerd's own runtimes (``io.containerd.…``) start without being listed."""
        known = engine["Runtimes"]
        if self._runtime and self._runtime not in known and not self._runtime.startswith("io.containerd."):
            raise Unavailable(
                f"the engine has no runtime {self._runtime}",
                f"it has {', '.join(sorted(known))}",
                "register it with the engine, or change DEPUTY_SANDBOX_RUNTIME",
            )
        return self._runtime or str(engine["DefaultRuntime"])
