"""Sandboxes for benchmarks, made as Deputy makes them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import token_hex

from benchmarks.docker_cli import IMAGE, label_of
from deputy.adapters.sandbox.engine.labels import WAITING_LABEL
from deputy.adapters.sandbox.guest.workspace import blob_id
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.tasks.dialogue import CommandResult
from deputy.ports import Sandbox, SandboxSpec, StoredFile, Tree

TASK = "D-BENCHMRK"
STOCK = "bench"
SETTLE_SECONDS = 120


def sandboxes() -> DockerSandboxes:
    """Those of an installation of their own: nobody else's sweep removes them."""
    return DockerSandboxes(owner=f"bench-{token_hex(4)}", default_image=IMAGE)


def spec_of(tree: Tree, *, git: bool = False, warm_pool: str = "") -> SandboxSpec:
    """A sandbox of a name that nobody else has."""
    name = f"deputy-{TASK.lower()}-1-{token_hex(4)}"
    return SandboxSpec(name=name, task=TASK, image=IMAGE, tree=tree, git=git, warm_pool=warm_pool)


def start(maker: DockerSandboxes, tree: Tree, *, git: bool = False) -> Sandbox:
    """A started sandbox with the tree as its workspace."""
    return maker.start(spec_of(tree, git=git))


@contextmanager
def stocked(tree: Tree) -> Iterator[DockerSandboxes]:
    """Makes sandboxes, and one with this tree is waiting. Another is made while the first is being used, as always."""
    maker = sandboxes()
    try:
        maker.keep_ready([spec_of(tree, warm_pool=STOCK)])
        for thread in threading.enumerate():
            if thread.name == "warm-sandboxes":
                thread.join(SETTLE_SECONDS)
        yield maker
    finally:
        maker.close()


def check_waited(box: Sandbox) -> None:
    """It had been waiting, or what was measured is something else."""
    if not label_of(box.name, WAITING_LABEL):
        raise AssertionError(f"{box.name} was started anew")


def output_of(box: Sandbox, *argv: str) -> str:
    """What a command prints, which must succeed."""
    done: CommandResult = box.run(argv)
    if done.exit_code != 0:
        raise AssertionError(done)
    return done.output.decode().strip()


def tree_of(files: Mapping[str, bytes]) -> Tree:
    """A tree of plain files."""
    return {path: StoredFile("100644", blob_id(content), content) for path, content in files.items()}
