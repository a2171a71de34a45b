"""Makes a running container from a specification: create it, attach to it, then start it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import docker.errors

from deputy.adapters.sandbox.channel.channel import Channel
from deputy.adapters.sandbox.channel.client import DeltaCaps, SandboxClient
from deputy.adapters.sandbox.engine.engine import OWNER_LABEL, DockerEngine
from deputy.adapters.sandbox.engine.gateway import environment, refuse_remote
from deputy.adapters.sandbox.engine.hardening import USER, WORKSPACE, HostOptions, covered, host_options
from deputy.adapters.sandbox.engine.labels import ours
from deputy.adapters.sandbox.host.guest_process import IMAGES, Image, command, look_up, program, started
from deputy.domain.errors import SandboxFailed
from deputy.ports import SandboxSpec

# Variables that the image may lack, or that must not come from the image.
_ENVIRONMENT = {"HOME": "/tmp", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108 (in the sandbox)


@dataclass(frozen=True)
class Launched:
    """A started sandbox, with an empty workspace, and the id of its container."""

    sandbox: SandboxClient
    container: str


class Launcher:
    """Starts containers on an engine. ``default_image`` is for specs without one."""

    def __init__(self, engine: DockerEngine, *, default_image: str, runtime: str | None, caps: DeltaCaps) -> None:
        self._engine, self._default_image, self._runtime, self._caps = engine, default_image, runtime, caps

    def image_of(self, spec: SandboxSpec) -> str:
        """The image's name."""
        return spec.image or self._default_image

    def image_id(self, spec: SandboxSpec) -> str:
        """The id of the spec's image at this moment."""
        with self._errors(spec):
            return look_up(self._engine.api, self.image_of(spec)).id

    def launch(self, spec: SandboxSpec, labels: Mapping[str, str]) -> Launched:
        """Start a container with the spec's name. When that fails, no container is left."""
        with self._errors(spec):
            container = self._create(spec, labels)
            try:
                wire = started(self._engine.api, container, program())
            except BaseException:
                self._engine.discard(container)
                raise

        def destroy() -> None:
            try:
                self._engine.remove(container)
            finally:
                wire.close()

        return Launched(SandboxClient(spec, Channel(wire), destroy, self._caps), container)

    def running(self, owner: str) -> frozenset[str]:
        """The ids of the owner's running containers."""
        with self._engine.errors(""):
            return frozenset(c["Id"] for c in self._engine.api.containers(filters=ours(owner)))

    def rename(self, container: str, name: str) -> None:
        """Give a container another name; ``SandboxFailed`` when it is gone or the name is taken."""
        with self._engine.errors(""):
            self._engine.api.rename(container, name)

    def remove_left_over(self, owner: str, name: str) -> None:
        """Remove a container with this name, if there is one; ``SandboxFailed`` when it is not the owner's."""
        with self._engine.errors(""):
            try:
                container = self._engine.api.inspect_container(name)
            except docker.errors.NotFound:
                return
            if container["Config"]["Labels"].get(OWNER_LABEL) != owner:
                raise SandboxFailed(
                    "can't start the sandbox",
                    f"a container named {name} is not ours",
                    "remove or rename that container",
                )
            self._engine.remove(container["Id"])

    def options(self, spec: SandboxSpec) -> HostOptions:
        """The host options that the engine gets for this spec."""
        return self._options(spec, look_up(self._engine.api, self.image_of(spec)))

    def _options(self, spec: SandboxSpec, image: Image) -> HostOptions:
        options = host_options(spec.limits, self._engine.cpus, self._runtime, spec.gateway)
        return covered(options, image.volumes, spec.limits)

    def _errors(self, spec: SandboxSpec) -> AbstractContextManager[None]:
        """The engine's errors in words. A missing environment image was pruned after it was looked up."""
        image = self.image_of(spec)
        if not image.startswith(IMAGES):
            return self._engine.errors(image)
        return self._engine.errors(
            image, "it is an environment that was removed meanwhile: ask again, or build it with 'deputy repo build'"
        )

    def _create(self, spec: SandboxSpec, labels: Mapping[str, str]) -> str:
        api = self._engine.api
        refuse_remote(api, spec.gateway)
        image = look_up(api, self.image_of(spec))
        created = api.create_container(
            # By id: the image that was inspected is the one that starts.
            image=image.id,
            entrypoint=command(image.python),
            command=[],
            name=spec.name,
            labels=dict(labels),
            environment={**_ENVIRONMENT, **environment(spec.gateway), **spec.env},
            user=USER,
            working_dir=WORKSPACE,
            hostname="sandbox",
            stdin_open=True,
            network_disabled=True,
            # The image's own health check would run next to the commands.
            healthcheck={"test": ["NONE"]},
            host_config=api.create_host_config(**self._options(spec, image)),
        )
        return cast("str", created["Id"])
