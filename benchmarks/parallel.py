"""Many small tasks at once, each with its tests: how many get done in the time, against bare containers.

Both sides do the same per task: a machine of its own, a small Python repository into it, a fix, its test suite, the
result out, the machine gone. Both run as many at once as suits them best here, which is found out first.
"""

import io
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat

from benchmarks import boxes
from benchmarks.docker_cli import IMAGE, tar_of
from benchmarks.measuring import Comparison, Series, Setting, in_turns, one, timed
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.ports import Tree

TASKS, AT_ONCE = 16, (2, 3, 4, 6)
MODULES = 10
FIXED = "shop/rounding.py"
FIX = f"sed -i 's/return 0/return round(amount)/' {FIXED}"
TEST = "python -m pytest -q -p no:cacheprovider"
BARE = ("--network", "none", "--tmpfs", "/bare:exec", IMAGE)
SCRIPT = f"cd /bare && tar x && {FIX} && {TEST} >&2 && tar c {FIXED}"
EXPECTED = b"def rounded(amount):\n    return round(amount)\n"


def measure(setting: Setting) -> Sequence[Comparison]:
    """Seconds for all, divided by their number."""
    files = _files()
    maker = boxes.sandboxes()
    ours, bare = partial(_in_sandbox, maker, boxes.tree_of(files)), partial(_in_container, tar_of(files))
    tasks, choices = setting.amount(TASKS), (2,) if setting.is_tiny else AT_ONCE
    best, bare_best = (_best(act, tasks, choices) for act in (ours, bare))
    taken, bare_taken = in_turns(
        setting.repeat, one(lambda: _all(ours, tasks, best)), one(lambda: _all(bare, tasks, bare_best))
    )
    found = Comparison(
        Series(f"a task in a sandbox, {best} at once", taken),
        Series(f"a task in docker run --rm, {bare_best} at once", bare_taken),
    )
    note = f"{tasks} tasks, of each {MODULES * 2 + 1} tests; throughput {1 / found.ratio:.2f} of the bare one's"
    return (Comparison(found.ours, found.baseline, (note,)),)


def _best(act: Callable[[], None], tasks: int, choices: Sequence[int]) -> int:
    if len(choices) == 1:
        return choices[0]
    return min(choices, key=lambda at_once: _all(act, tasks, at_once))


def _all(act: Callable[[], None], tasks: int, at_once: int) -> float:
    def work() -> None:
        with ThreadPoolExecutor(at_once) as threads:
            for done in [threads.submit(each) for each in repeat(act, tasks)]:
                done.result()

    return timed(work) / tasks


def _in_sandbox(maker: DockerSandboxes, tree: Tree) -> None:
    with maker.start(boxes.spec_of(tree)) as box:
        boxes.output_of(box, "sh", "-c", FIX)
        boxes.output_of(box, *TEST.split())
        _check({file.path: file.content for file in box.delta().written})


def _in_container(files: bytes) -> None:
    command = ["docker", "run", "--rm", "-i", *BARE, "sh", "-c", SCRIPT]
    done = subprocess.run(command, input=files, capture_output=True, check=True, timeout=120)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as result:
        taken = result.extractfile(FIXED)
        _check({FIXED: taken.read() if taken else b""})


def _check(result: dict[str, bytes]) -> None:
    if result != {FIXED: EXPECTED}:
        raise AssertionError(result)


def _files() -> dict[str, bytes]:
    files = {
        "pyproject.toml": b'[tool.pytest.ini_options]\npythonpath = ["."]\n',
        "shop/__init__.py": b"",
        FIXED: EXPECTED.replace(b"round(amount)", b"0"),
        "tests/test_rounding.py": b"from shop.rounding import rounded\n\n\ndef test():\n    assert rounded(2.6) == 3\n",
    }
    for n in range(MODULES):
        files[f"shop/part{n}.py"] = f"def times{n}(amount):\n    return amount * {n}\n".encode()
        files[f"tests/test_part{n}.py"] = (
            f"from shop.part{n} import times{n}\n\n\n"
            f"def test_one():\n    assert times{n}(1) == {n}\n\n\ndef test_none():\n    assert times{n}(0) == 0\n"
        ).encode()
    return files
