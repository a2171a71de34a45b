"""A sandbox with a large work tree in place, against ``docker run`` and ``tar x`` into a tmpfs."""

import random
from collections.abc import Sequence
from time import perf_counter

from benchmarks import boxes
from benchmarks.docker_cli import IMAGE, tar_of, time_until_said
from benchmarks.measuring import Comparison, Series, Setting, in_turns, one
from deputy.adapters.sandbox.docker import DockerSandboxes

FILES = 5_000
UNPACK = "tar x -C /bare && echo ready; sleep 60"
BARE = ("--network", "none", "--tmpfs", "/bare:exec,size=1g", IMAGE, "sh", "-c", UNPACK)


def measure(setting: Setting) -> Sequence[Comparison]:
    """As a task gets it, and without the one-commit repository that is made inside for tools which want git."""
    amount = setting.amount(FILES, tiny=20)
    archive = _archive(amount)
    usual, lean = boxes.sandboxes(), boxes.sandboxes(with_git=False)
    full, without_git, bare = in_turns(
        setting.repeat,
        one(lambda: _ready(usual, archive)),
        one(lambda: _ready(lean, archive)),
        one(lambda: time_until_said(b"ready", *BARE, stdin=archive)),
    )
    baseline = Series("docker run and tar x into a tmpfs", bare)
    size = f"{amount:,} files, {len(archive) / 1024**2:.0f} MiB as a tar; until the first command could run"
    return (
        Comparison(Series("a sandbox with the workspace, ready", full), baseline, (size,)),
        Comparison(Series("the same without a commit inside", without_git), baseline),
    )


def _ready(maker: DockerSandboxes, archive: bytes) -> float:
    began = perf_counter()
    with boxes.start(maker, archive):
        return perf_counter() - began


def _archive(files: int) -> bytes:
    dice = random.Random(1)
    names = (f"src/package{n % 97}/module{n}.py" for n in range(files))
    return tar_of({name: dice.randbytes(dice.randrange(200, 8_000)) for name in names})
