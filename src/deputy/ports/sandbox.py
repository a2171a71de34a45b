"""Sandboxes: sealed containers in which work and checks run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from deputy.domain.tasks.dialogue import CommandResult
from deputy.ports.repos import Tree, TreeDelta


@dataclass(frozen=True)
class SandboxLimits:
    """Bounds of one sandbox.

    ``memory`` and ``disk`` are in bytes, ``cpus`` in cores. ``seconds`` bounds its whole life. ``output`` is how many
    bytes of each command's output are kept and shown.
    """

    memory: int = 2 * 1024**3
    cpus: float = 2.0
    processes: int = 256
    disk: int = 1024**3
    inodes: int = 200_000
    seconds: int = 1800
    output: int = 1024**2


@dataclass(frozen=True)
class SandboxSpec:
    """What a sandbox must be.

    ``name`` is the same on a second try: ``deputy-{task}-{run}-{purpose}``. ``task`` is the task's id. An empty
    ``image`` means the default image. ``tree`` is what the workspace holds at the start. ``env`` are variables for
    every command. ``git`` asks for a repository with one commit in the workspace.

    ``warm_pool`` names the pool that a waiting sandbox may be taken from; empty for none. All sandboxes of one pool
    were filled from the same repository with the same hidden paths left out. ``links`` maps workspace paths to absolute
    folders of the image; links are no part of the result. ``gateway`` is a folder of this host with the socket of an
    open gateway; empty for no network.
    """

    name: str
    task: str
    image: str
    tree: Tree
    env: Mapping[str, str] = field(default_factory=dict)
    limits: SandboxLimits = SandboxLimits()
    git: bool = False
    warm_pool: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    gateway: str = ""


@dataclass(frozen=True)
class Attempt:
    """One forbidden thing that the probe tried from inside a sandbox; ``message`` says how it ended."""

    name: str
    is_refused: bool
    message: str = ""


class Sandbox(Protocol):
    """A running sandbox with the workspace inside. Leaving its ``with`` block kills and removes it.

    Every method may raise ``SandboxFailed``: the sandbox itself failed. A command that fails is a ``CommandResult``.
    """

    @property
    def name(self) -> str:
        """The sandbox's name."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 120,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Callable[[bytes], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> CommandResult:
        """Run a command in the workspace folder ``cwd``; nothing that it started is alive afterwards.

        ``timeout`` is in seconds; a command over it is killed, and its result says so. ``on_output`` gets output as it
        comes. Raises ``Cancelled`` when ``is_cancelled`` answers yes, and ``OutOfBudget`` when the sandbox's own time
        is up.
        """

    def read(self, path: str, *, limit: int = 1024**2) -> bytes:
        """A workspace file's bytes; ``NotFound`` when it isn't a readable file inside the workspace."""

    def write(self, path: str, content: bytes) -> None:
        """Write a workspace file, making folders; ``BadInput`` when the path leaves the workspace."""

    def delta(self) -> TreeDelta:
        """What changed against the spec's tree; ``OutOfBudget`` when that is more than may be taken out."""

    def close(self) -> None:
        """Kill and remove it, and make sure that it is gone. A second call does nothing."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Sandboxes(Protocol):
    """Makes sandboxes. A left-over one of the same name is removed first."""

    def start(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> Sandbox:
        """A started sandbox; ``Unavailable`` when the engine or the image is missing.

        Raises ``Cancelled`` within a second of ``is_cancelled`` answering yes; no container is left then.
        """

    def sweep(self, is_live: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove every sandbox of this installation whose task is not live; returns their names."""

    def remaining(self, task: str) -> tuple[str, ...]:
        """The names of the task's sandboxes that still exist; empty proves that nothing of the task runs."""

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Keep one warm sandbox, started and filled, for each of these specs, and no others. Their names are ignored.

        Returns at once: they are started in the background, and never while a task waits for its own.
        """

    def probe(self) -> tuple[Attempt, ...]:
        """Try from inside a sandbox what must not work there; one result for each attempt."""

    def check(self) -> str:
        """One line that says which engine and image are ready; ``Unavailable`` when one is not."""

    def close(self) -> None:
        """Remove the warm sandboxes and keep none from now on. A task's own sandboxes stay until they are closed."""
