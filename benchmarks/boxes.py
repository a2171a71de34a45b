"""Sandboxes for benchmarks, made as Deputy makes them."""

import hashlib
from collections.abc import Mapping
from secrets import token_hex

from benchmarks.docker_cli import IMAGE
from deputy.adapters.sandbox.docker import DockerSandboxes
from deputy.ports import Sandbox, SandboxSpec, StoredFile, Tree

TASK = "D-BENCHMRK"


def sandboxes() -> DockerSandboxes:
    """Those of an installation of their own: nobody else's sweep removes them."""
    return DockerSandboxes(owner=f"bench-{token_hex(4)}", default_image=IMAGE)


def spec_of(tree: Tree, *, git: bool = False, stock: str = "") -> SandboxSpec:
    """A sandbox of a name that nobody else has."""
    name = f"deputy-bench-{token_hex(4)}"
    return SandboxSpec(name=name, task=TASK, image=IMAGE, tree=tree, git=git, stock=stock)


def start(maker: DockerSandboxes, tree: Tree, *, git: bool = False) -> Sandbox:
    """A started sandbox with the tree as its workspace."""
    return maker.start(spec_of(tree, git=git))


def tree_of(files: Mapping[str, bytes]) -> Tree:
    """A tree of plain files."""
    return {path: StoredFile("100644", _blob(content), content) for path, content in files.items()}


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
