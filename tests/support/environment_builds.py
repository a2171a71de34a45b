"""Environments that tests build on the real engine: specs, a listener for their steps, and what is left of them."""

import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256

import docker

from deputy.adapters.sandbox.environments.environments import HOME_LABEL
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.policy.config import Environment
from deputy.ports import BuildStep, EnvironmentSpec, SandboxLimits, SandboxSpec, Tree
from tests.support.trees import tree_of

# Images are named after its first eight characters: test processes run side by side.
OWNER = f"{os.getpid():08x}-test-environments"
IMAGE = "deputy-sandbox:latest"
REPO = "acme/shop"
SMALL = SandboxLimits(memory=256 * 1024**2, disk=32 * 1024**2, inodes=4000)
TREE = tree_of({"README.md": (b"hello\n", 0o644), "run.sh": (b"#!/bin/sh\necho ran\n", 0o755)})


def sh(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


def spec(
    *setup: tuple[str, ...], tree: Tree = TREE, base: str = IMAGE, disk: int = 1024**3, **more: object
) -> EnvironmentSpec:
    environment = Environment(setup=setup, **more)  # type: ignore[arg-type]
    key = sha256(environment.model_dump_json().encode() + os.urandom(8)).hexdigest()
    return EnvironmentSpec(REPO, key, base, environment, tree, disk=disk)


class Steps:
    """What a build said."""

    def __init__(self, act: Callable[[BuildStep], None] = lambda _: None) -> None:
        self.texts: dict[str, None] = {}
        self.output = b""
        self._act = act

    def __call__(self, step: BuildStep) -> None:
        self.texts[f"{step.number}/{step.total} {step.text}"] = None
        self.output += step.output
        self._act(step)


def ours(engine: docker.DockerClient) -> list[docker.models.images.Image]:
    return engine.images.list(filters={"label": f"{HOME_LABEL}={OWNER}"})


def builders(engine: docker.DockerClient) -> list[str]:
    found = engine.containers.list(all=True, ignore_removed=True, filters={"label": f"deputy.home={OWNER}"})
    return [container.name for container in found if container.name.startswith("deputy-build-")]


def output_in(sandboxes: DockerSandboxes, image: str, *argv: str, links: Mapping[str, str] | None = None) -> str:
    """What a command prints in a sandbox of the image, when it ends well."""
    name = f"deputy-environments-{os.getpid()}"
    wanted = SandboxSpec(name, "D-ENV1R0NM", image, TREE, limits=SMALL, links=links or {})
    with sandboxes.start(wanted) as sandbox:
        done = sandbox.run(argv)
        assert done.exit_code == 0, done
        return done.output.decode()


def eventually(condition: Callable[[], bool], seconds: float = 90) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()
