"""A sandbox with a large work tree in place, against ``docker run`` and ``tar x`` into a tmpfs."""

import random
from collections.abc import Sequence
from time import perf_counter

from benchmarks import boxes
from benchmarks.docker_cli import IMAGE, tar_of, time_until_said
from benchmarks.measuring import Comparison, Series, Setting, in_turns, one
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.ports import Tree

FILES = 10_000
UNPACK = "tar x -C /bare && echo ready; sleep 60"
BARE = ("--network", "none", "--tmpfs", "/bare:exec,size=1g", IMAGE, "sh", "-c", UNPACK)


def measure(setting: Setting) -> Sequence[Comparison]:
    """As a task gets it, and with the one-commit repository that is made inside for tools which want git."""
    files = made_files(setting.amount(FILES, tiny=20))
    tree, archive = boxes.tree_of(files), tar_of(files)
    maker = boxes.sandboxes()
    plain, with_git, bare = in_turns(
        setting.repeat,
        one(lambda: _ready(maker, tree, git=False)),
        one(lambda: _ready(maker, tree, git=True)),
        one(lambda: time_until_said(b"ready", *BARE, stdin=archive)),
    )
    baseline = Series("docker run and tar x into a tmpfs", bare)
    size = f"{len(files):,} files, {len(archive) / 1024**2:.0f} MiB as a tar; until the first command could run"
    return (
        Comparison(Series("a sandbox with the workspace, ready", plain), baseline, (size,)),
        Comparison(Series("the same with a commit inside", with_git), baseline),
    )


def _ready(maker: DockerSandboxes, tree: Tree, *, git: bool) -> float:
    began = perf_counter()
    with boxes.start(maker, tree, git=git):
        return perf_counter() - began


def made_files(count: int) -> dict[str, bytes]:
    """So many files of four kilobytes or so, none like another."""
    dice = random.Random(1)
    names = (f"src/package{n % 97}/module{n}.py" for n in range(count))
    return {name: dice.randbytes(dice.randrange(200, 8_000)) for name in names}
