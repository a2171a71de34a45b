"""Sandboxes for benchmarks, made as Deputy makes them."""

from secrets import token_hex

from benchmarks.docker_cli import IMAGE
from deputy.adapters.sandbox.docker import DockerSandboxes
from deputy.ports import Sandbox, SandboxSpec

TASK = "D-BENCHMRK"


def sandboxes(*, with_git: bool = True) -> DockerSandboxes:
    """Those of an installation of their own: nobody else's sweep removes them."""
    return DockerSandboxes(owner=f"bench-{token_hex(4)}", default_image=IMAGE, with_git=with_git)


def start(maker: DockerSandboxes, archive: bytes) -> Sandbox:
    """A started sandbox with the archive as its workspace."""
    return maker.start(SandboxSpec(name=f"deputy-bench-{token_hex(4)}", task=TASK, image=IMAGE, archive=archive))
