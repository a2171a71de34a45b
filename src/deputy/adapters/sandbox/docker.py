"""Sandboxes on a Docker engine: create, attach, start, and make sure that they are gone."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import docker.errors
import requests.exceptions
from docker import DockerClient
from docker.api.client import APIClient

from deputy.adapters.sandbox.box import Box, DeltaCaps
from deputy.adapters.sandbox.channel import Channel
from deputy.adapters.sandbox.gateway import environment, is_missing, refuse_remote, unreachable
from deputy.adapters.sandbox.hardening import USER, WORKSPACE, HostOptions, covered, host_options
from deputy.adapters.sandbox.launcher import Launcher, is_building, program
from deputy.adapters.sandbox.probing import LIMITS, probe
from deputy.adapters.sandbox.wire import DockerWire
from deputy.domain.errors import DeputyError, SandboxFailed, Unavailable
from deputy.ports import Attempt, Sandbox, SandboxSpec

OWNER_LABEL = "deputy.home"
TASK_LABEL = "deputy.task"
NAME_LABEL = "deputy.sandbox"

# Only what the image's own environment lacks or what must not come from it.
_ENVIRONMENT = {"HOME": "/tmp", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108 (in the box)
_GONE_SECONDS = 15.0
_GONE_POLL_SECONDS = 0.02


class DockerSandboxes:
    """Implements ``ports.Sandboxes``.

    ``owner`` names this installation: only containers that carry it are ever removed. ``base_url`` of None means
    ``DOCKER_HOST`` or the local socket. ``runtime`` is an OCI runtime that the engine knows; None is its default.
    ``starts_at_once`` gates starts, which are bound by the engine's processor time.
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
        self._owner, self._base_url, self._default_image = owner, base_url, default_image
        self._runtime, self._caps = runtime, caps or DeltaCaps()
        self._gate = threading.BoundedSemaphore(starts_at_once)
        self._lock = threading.Lock()
        self._launcher = Launcher()
        self._connected: APIClient | None = None
        self._cpus = 1
        self._volumes: dict[str, tuple[str, ...]] = {}

    def start(self, spec: SandboxSpec) -> Sandbox:
        """A started sandbox with the workspace in place; a left-over one of the same name is removed first."""
        with self._gate, self._engine_errors(spec.image or self._default_image):
            api = self._api()
            self._remove_left_over(api, spec.name)
            box = self._launch(api, spec)
        try:
            box.fill(spec)
        except BaseException:
            box.close()
            raise
        return box

    def sweep(self, is_live: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove every sandbox of this installation whose task ``is_live`` denies; returns their names."""
        with self._engine_errors(self._default_image):
            api = self._api()
            found = api.containers(all=True, filters={"label": f"{OWNER_LABEL}={self._owner}"})
            dead = [c for c in found if not is_live(c["Labels"].get(TASK_LABEL, "")) and not is_building(c["Labels"])]
            for container in dead:
                _remove(api, container["Id"])
        return tuple(sorted(c["Labels"].get(NAME_LABEL, c["Id"][:12]) for c in dead))

    def remaining(self, task: str) -> tuple[str, ...]:
        """The names of the task's sandboxes that the engine still knows."""
        with self._engine_errors(self._default_image):
            labels = [f"{OWNER_LABEL}={self._owner}", f"{TASK_LABEL}={task}"]
            found = self._api().containers(all=True, filters={"label": labels})
        return tuple(sorted(c["Labels"].get(NAME_LABEL, c["Id"][:12]) for c in found))

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Keep a started, filled sandbox waiting for each of these, and no others."""

    def probe(self) -> tuple[Attempt, ...]:
        """Try from inside a sandbox what must not work; see ``probes``."""
        with self._engine_errors(self._default_image):
            scratch = self._options(self._api(), SandboxSpec("", "", "", {}, limits=LIMITS))["tmpfs"]
        return probe(self._start_probe, [WORKSPACE, *(folder for folder in scratch if folder != WORKSPACE)])

    def _start_probe(self) -> Sandbox:
        return self.start(SandboxSpec(f"deputy-probe-{secrets.token_hex(4)}", "probe", "", {}, limits=LIMITS))

    def check(self) -> str:
        """One line that says which engine and image are ready; ``Unavailable`` otherwise."""
        with self._engine_errors(self._default_image):
            api = self._api()
            image = api.inspect_image(self._default_image)
            version = api.version()["Version"]
            runtime = self._checked_runtime(api.info())
        return f"Docker engine {version}, runtime {runtime}, sandbox image {self._default_image} ({image['Id'][7:19]})"

    def _checked_runtime(self, engine: dict[str, Any]) -> str:
        """The runtime's name. Those of containerd's own naming are started without being listed."""
        known = engine["Runtimes"]
        if self._runtime and self._runtime not in known and not self._runtime.startswith("io.containerd."):
            raise Unavailable(
                f"the engine has no runtime {self._runtime}",
                f"it has {', '.join(sorted(known))}",
                "register it with the engine, or change DEPUTY_SANDBOX_RUNTIME",
            )
        return self._runtime or str(engine["DefaultRuntime"])

    def _launch(self, api: APIClient, spec: SandboxSpec) -> Box:
        container = self._create(api, spec)
        try:
            # Opened before the start, so that nothing that process 1 says is lost.
            attached = api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            wire = DockerWire(attached)
            api.start(container)
            wire.send(program())
        except BaseException:
            _remove(api, container)
            raise

        def destroy() -> None:
            with self._engine_errors(spec.image):
                _remove(api, container)
            wire.close()

        return Box(spec, Channel(wire), destroy, self._caps)

    def _create(self, api: APIClient, spec: SandboxSpec) -> str:
        refuse_remote(api, spec.gateway)
        created = api.create_container(
            image=spec.image or self._default_image,
            entrypoint=self._launcher.entrypoint(api, spec.image),
            command=[],
            name=spec.name,
            labels={OWNER_LABEL: self._owner, TASK_LABEL: spec.task, NAME_LABEL: spec.name},
            environment={**_ENVIRONMENT, **environment(spec.gateway), **spec.env},
            user=USER,
            working_dir=WORKSPACE,
            hostname="sandbox",
            stdin_open=True,
            network_disabled=True,
            # The image's own would run beside the commands.
            healthcheck={"test": ["NONE"]},
            host_config=api.create_host_config(**self._options(api, spec)),
        )
        return cast("str", created["Id"])

    def _options(self, api: APIClient, spec: SandboxSpec) -> HostOptions:
        image = spec.image or self._default_image
        if image not in self._volumes:
            self._volumes[image] = tuple(api.inspect_image(image)["Config"].get("Volumes") or ())
        options = host_options(spec.limits, self._cpus, self._runtime, spec.gateway)
        return covered(options, self._volumes[image], spec.limits)

    def _remove_left_over(self, api: APIClient, name: str) -> None:
        try:
            container = api.inspect_container(name)
        except docker.errors.NotFound:
            return
        if container["Config"]["Labels"].get(OWNER_LABEL) != self._owner:
            raise SandboxFailed(
                "can't start the sandbox", f"a container named {name} is not ours", "remove or rename that container"
            )
        _remove(api, container["Id"])

    def _api(self) -> APIClient:
        """The connection, made at its first use: an engine that is not there must not stop the whole program."""
        with self._lock:
            if self._connected is None:
                client = DockerClient(base_url=self._base_url) if self._base_url else DockerClient.from_env()
                self._cpus = int(client.api.info()["NCPU"])
                self._connected = client.api
            return self._connected

    @contextmanager
    def _engine_errors(self, image: str) -> Iterator[None]:
        """Say what the engine's errors mean and what to do."""
        try:
            yield
        except DeputyError:
            raise
        except docker.errors.ImageNotFound as error:
            raise Unavailable(
                f"the sandbox image {image} is missing", "the engine does not have it", "run 'make setup'"
            ) from error
        except docker.errors.APIError as error:
            if is_missing(error.explanation):
                raise unreachable("the Docker engine does not see the folder that its socket is in") from error
            raise SandboxFailed("the Docker engine refused", str(error.explanation or error)[:300]) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            raise Unavailable(
                "the Docker engine does not answer",
                f"tried {self._base_url or 'DOCKER_HOST or the local socket'}",
                "start it or set DOCKER_HOST, then run 'make setup'",
            ) from error


def _remove(api: APIClient, container: str) -> None:
    """Kill and remove, then look until it is gone: the engine may be removing it by itself already."""
    end = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < end:
        try:
            api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != 409:  # noqa: PLR2004 (conflict: a removal is under way)
                raise
        time.sleep(_GONE_POLL_SECONDS)
    raise SandboxFailed(
        "the sandbox can't be removed", f"container {container[:12]} is still there", "remove it by hand"
    )
