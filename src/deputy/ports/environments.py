"""Images with a repository's dependencies, and the only way out of a sandbox."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from deputy.domain.policy.config import Environment
from deputy.ports.repos import Tree

# Where an environment's image has the workspace folders that it keeps, each below its workspace path.
KEPT_FOLDER = "/opt/deputy/kept"


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment to be built: ``key`` names its content, ``base`` the image it is built on.

    ``tree`` is the commit that setup runs in, without hidden paths; ``secrets`` are values by variable name.
    """

    repo: str
    key: str
    base: str
    environment: Environment
    tree: Tree
    secrets: Mapping[str, str] = field(default_factory=dict)
    gateway: str = ""
    disk: int = 8 * 1024**3


@dataclass(frozen=True)
class BuildStep:
    """How far a build is: step ``number`` of ``total`` is ``text``; ``output`` is what it just printed."""

    number: int
    total: int
    text: str
    output: bytes = b""


class Environments(Protocol):
    """Images with a repository's dependencies inside, kept by key."""

    def base_id(self, image: str) -> str:
        """What the image is, by content; ``Unavailable`` when the engine does not have it."""

    def find(self, repo: str, key: str) -> str:
        """The name of the image that was built for this key; empty when there is none."""

    def build(self, spec: EnvironmentSpec, on_step: Callable[[BuildStep], None]) -> str:
        """Build it (once, however many ask) and return the image's name.

        ``BadInput`` names the failing command, with the tail of its output. ``on_step`` is also called in between,
        again and again: what it raises ends the build.
        """

    def prune(self, repo: str, keep: int) -> tuple[str, ...]:
        """Remove all but the newest images of a repository that nothing uses; returns their names."""

    def prune_others(self, repos: Collection[str]) -> tuple[str, ...]:
        """Remove the images of all other repositories that nothing uses; returns their names."""


@dataclass(frozen=True)
class NetworkUse:
    """What went to one host and port: ``sent`` and ``received`` in bytes; ``refused`` says why nothing may."""

    host: str
    port: int
    connections: int = 0
    sent: int = 0
    received: int = 0
    refused: str = ""


class Gateway(Protocol):
    """The only way out of a sandbox: an allowlisting proxy on a Unix socket."""

    def open(self, hosts: Sequence[str]) -> "AbstractContextManager[OpenGateway]":
        """A proxy that connects to these hosts and no others, until the block is left."""


class OpenGateway(Protocol):
    """A gateway that is open now."""

    @property
    def folder(self) -> str:
        """The folder with its socket, for ``SandboxSpec.gateway``."""

    def uses(self) -> tuple[NetworkUse, ...]:
        """What it has been used for so far, by host and port, refusals included; also after it was closed."""
