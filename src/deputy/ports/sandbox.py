"""Sealed machines for work and checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from deputy.domain.tasks.dialogue import CommandResult
from deputy.ports.repos import Tree, TreeDelta


@dataclass(frozen=True)
class SandboxLimits:
    """Bounds of one sandbox. Sizes in bytes, ``cpus`` in cores, ``seconds`` for its whole life."""

    memory: int = 2 * 1024**3
    cpus: float = 2.0
    processes: int = 256
    disk: int = 1024**3
    inodes: int = 200_000
    seconds: int = 1800
    output: int = 1024**2


@dataclass(frozen=True)
class SandboxSpec:
    """``name`` is the same on a second try (``deputy-{task}-{run}-{purpose}``); ``tree`` is what the workspace holds.

    ``stock`` names what a waiting sandbox may be used for it: those of one stock were filled with the same hidden paths
    left out; empty for none. ``links`` are workspace paths that lead to folders of the image (by absolute path), and
    are no part of the result. ``git`` makes a repository with one commit inside. ``gateway`` is a folder of this host
    with the socket of an open gateway to allowed hosts; empty for no network at all.
    """

    name: str
    task: str
    image: str
    tree: Tree
    env: Mapping[str, str] = field(default_factory=dict)
    limits: SandboxLimits = SandboxLimits()
    git: bool = False
    stock: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    gateway: str = ""


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried from inside a sandbox; ``said`` is how it ended."""

    name: str
    is_shut: bool
    said: str = ""


class Sandbox(Protocol):
    """A sealed machine with the workspace inside. Leaving its ``with`` block kills and removes it.

    ``SandboxFailed`` means that the sandbox failed, never that a command did.
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
        """Run a command in the workspace; nothing that it started is alive afterwards. Raises ``Cancelled``."""

    def read(self, path: str, *, limit: int = 1024**2) -> bytes:
        """A workspace file's bytes; ``NotFound`` when it isn't a readable file inside the workspace."""

    def write(self, path: str, content: bytes) -> None:
        """Write a workspace file, making folders; ``BadInput`` when the path leaves the workspace."""

    def delta(self) -> TreeDelta:
        """What changed against the tree that went in; ``OutOfBudget`` over the caps."""

    def close(self) -> None:
        """Kill, remove and make sure that it is gone. Harmless the second time."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Sandboxes(Protocol):
    """Makes sandboxes. A left-over one of the same name is removed first."""

    def start(self, spec: SandboxSpec, is_cancelled: Callable[[], bool] | None = None) -> Sandbox:
        """A started sandbox; ``Unavailable`` when the engine or image isn't there (says what to do).

        Raises ``Cancelled`` within a second when that is wanted meanwhile, and leaves nothing then.
        """

    def sweep(self, is_live: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove every sandbox of ours whose task ``is_live`` denies; returns their names."""

    def remaining(self, task: str) -> tuple[str, ...]:
        """The names of the task's sandboxes that the engine still knows; empty is the proof that nothing is alive."""

    def keep_ready(self, wanted: Sequence[SandboxSpec]) -> None:
        """Keep a started, filled sandbox waiting for each of these (names do not count), and no others.

        Returns at once: they are made in the background, and never while a task waits for its own.
        """

    def probe(self) -> tuple[Attempt, ...]:
        """Try from inside a sandbox what must not work."""

    def check(self) -> str:
        """One line that says which engine and image are ready; ``Unavailable`` otherwise."""

    def close(self) -> None:
        """Remove what waits, and keep nothing ready from now on. Tasks' sandboxes are their own to close."""
