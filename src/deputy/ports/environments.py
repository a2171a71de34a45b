"""Images with a repository's dependencies, and the gateway, which is the only way out of a sandbox."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from deputy.domain.policy.config import Environment
from deputy.ports.repos import Tree

# The folder of an environment's image that holds the kept workspace folders, each at its workspace path.
KEPT_FOLDER = "/opt/deputy/kept"


@dataclass(frozen=True)
class EnvironmentSpec:
    """An environment to build.

    ``key`` identifies its content. ``base`` is the image that it is built on. ``tree`` is the commit that setup runs
    in, without hidden paths. ``secrets`` maps variable names to values. ``gateway`` is the folder of an open gateway;
    empty for no network. ``disk`` bounds, in bytes, what the image adds to its base.
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
    """How far a build is: it runs step ``number`` of ``total``, and ``text`` describes the step.

    ``number`` is 0 before the first step. ``output`` is what the step has printed since the last report.
    """

    number: int
    total: int
    text: str
    output: bytes = b""


class Environments(Protocol):
    """Images with a repository's dependencies inside, kept by key."""

    def base_id(self, image: str) -> str:
        """The id of an image; ``Unavailable`` when the engine does not have the image."""

    def find(self, repo: str, key: str) -> str:
        """The name of the image that was built for this key; empty when there is none."""

    def build(self, spec: EnvironmentSpec, on_step: Callable[[BuildStep], None]) -> str:
        """Build the image and return its name. Several callers with the same key share one build.

        ``BadInput`` names the command that failed, with the end of its output. ``on_step`` is also called again and
        again during a step; an error that it raises ends the build.
        """

    def prune(self, repo: str, keep: int) -> tuple[str, ...]:
        """Remove the unused images of a repository, except the newest ``keep``; returns their names."""

    def prune_others(self, repos: Collection[str]) -> tuple[str, ...]:
        """Remove the unused images of all repositories but these; returns their names."""


@dataclass(frozen=True)
class NetworkUse:
    """The traffic with one host and port, or the refusals for it.

    ``sent`` and ``received`` are in bytes. ``refused`` is why connections were refused; empty for allowed traffic.
    """

    host: str
    port: int
    connections: int = 0
    sent: int = 0
    received: int = 0
    refused: str = ""


class Gateway(Protocol):
    """The only way out of a sandbox: a proxy with a list of allowed hosts, on a Unix socket."""

    def open(self, hosts: Sequence[str]) -> "AbstractContextManager[OpenGateway]":
        """A proxy that connects to these hosts and no others, until the block is left.

        A host is a name, or ``*.example.org`` for every name below. ``BadInput`` names a bad host; ``Unavailable`` when
        there is no place for the socket.
        """


class OpenGateway(Protocol):
    """A gateway that is open now."""

    @property
    def folder(self) -> str:
        """The folder with its socket, for ``SandboxSpec.gateway``."""

    def uses(self) -> tuple[NetworkUse, ...]:
        """The traffic so far, by host and port, with refusals. It can be asked after the gateway was closed, too."""
