"""Two hundred sandboxes start, end, are cancelled and crash at random: nothing of them is left anywhere."""

import collections
import gc
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import docker
import docker.errors
import pytest

from deputy.adapters.sandbox.host import pool
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.errors import Cancelled, OutOfBudget, SandboxFailed
from deputy.ports import Sandbox, SandboxLimits, SandboxSpec
from tests.support.trees import tree_of

pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(600)]

SEED = 20_260_101
# How many lives of each kind.
LIVES = {
    "end": 50,
    "cancel": 30,
    "timeout": 20,
    "memory": 12,
    "cancelled_fill": 20,
    "host_killed": 20,
    "sandbox_killed": 18,
    "too_big": 10,
    "warm": 20,
}
OWNER = os.environ.get("TEST_LIVES_OWNER", f"test-lives-{os.getpid()}")
# No process of anybody else's has this among its words.
MARK = f"600.{OWNER.rpartition('-')[2]}"
SMALL = SandboxLimits(memory=64 * 1024**2, disk=8 * 1024**2, inodes=500, processes=32)
TREE = tree_of({f"src/module{number}.py": (b"x = 1\n" * 5_000, 0o644) for number in range(60)})
TOO_BIG = tree_of({"big": (bytes(9 * 1024**2), 0o644)})
BUSY = ["sh", "-c", f"sleep {MARK} & trap '' TERM; sleep {MARK}"]
WARM = SandboxSpec("", "", "", TREE, limits=SMALL, warm_pool="shop")
ENGINES_FILES = (
    "/var/lib/docker/containers/{}",
    "/var/lib/docker/image/overlay2/layerdb/mounts/{}",
    "/run/docker/containerd/{}",
    "/run/docker/runtime-runc/moby/{}",
    "/run/containerd/io.containerd.runtime.v2.task/moby/{}",
    "/sys/fs/cgroup/docker/{}",
    "/sys/fs/cgroup/memory/docker/{}",
    "/sys/fs/cgroup/pids/docker/{}",
)

Life = Callable[[DockerSandboxes, SandboxSpec, random.Random], object]


def spec_of(number: int) -> SandboxSpec:
    task = f"D-LIFE{number:04d}"
    return replace(WARM, name=f"deputy-{task.lower()}-1-{OWNER}", task=task, warm_pool="")


# ------------------------------------------------------------------------------------------------------ the lives


def end(sandboxes: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
    with sandboxes.start(spec) as sandbox:
        _work(sandbox, dice)


def warm(sandboxes: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
    end(sandboxes, replace(spec, warm_pool=WARM.warm_pool), dice)


def _work(sandbox: Sandbox, dice: random.Random) -> None:
    assert sandbox.run(["sh", "-c", f"sleep {MARK} & echo {dice.random()} > new; ls src | wc -l"]).output == b"60\n"
    assert [file.path for file in sandbox.delta().written] == ["new"]


def cancel(sandboxes: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
    cancelled = time.monotonic() + dice.uniform(0, 1.5)
    with pytest.raises(Cancelled), sandboxes.start(spec, lambda: time.monotonic() > cancelled) as sandbox:
        sandbox.run(BUSY, is_cancelled=lambda: time.monotonic() > cancelled)


def cancelled_fill(sandboxes: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
    asked = itertools.count()
    after = dice.randrange(2)
    with pytest.raises(Cancelled):
        sandboxes.start(spec, lambda: next(asked) >= after)


def timeout(sandboxes: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
    with sandboxes.start(spec) as sandbox:
        assert sandbox.run(BUSY, timeout=dice.uniform(0.05, 0.3)).timed_out


def memory(sandboxes: DockerSandboxes, spec: SandboxSpec, _: random.Random) -> None:
    with sandboxes.start(spec) as sandbox, suppress(SandboxFailed):
        assert sandbox.run(["python3", "-c", f"import sys; x = bytearray(10**9); print('{MARK}')"]).exit_code != 0


def sandbox_killed(sandboxes: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
    client = docker.from_env()

    def kill() -> None:
        with suppress(docker.errors.NotFound, docker.errors.APIError):
            client.api.kill(spec.name)

    timer = threading.Timer(dice.uniform(0.05, 0.8), kill)
    timer.start()
    try:
        with suppress(SandboxFailed), sandboxes.start(spec) as sandbox:
            sandbox.run(BUSY, timeout=2)
    finally:
        timer.join()
        client.close()


def too_big(sandboxes: DockerSandboxes, spec: SandboxSpec, _: random.Random) -> None:
    with pytest.raises(OutOfBudget, match="does not fit"):
        sandboxes.start(replace(spec, tree=TOO_BIG))


class Hosts:
    """Processes that start a sandbox and are killed: forked from one that has everything imported already."""

    def __init__(self) -> None:
        root = Path(__file__).parents[3]
        path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
        code = f"from {__name__} import be_forked; be_forked()"
        self._source = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONPATH": path, "TEST_LIVES_OWNER": OWNER},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()

    def killed(self, _: DockerSandboxes, spec: SandboxSpec, dice: random.Random) -> None:
        assert self._source.stdin
        assert self._source.stdout
        with self._lock:
            print(int(spec.task.removeprefix("D-LIFE")), file=self._source.stdin, flush=True)
            pid = int(self._source.stdout.readline())
        time.sleep(dice.uniform(0.01, 0.9))
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self._source.communicate(timeout=10)


def be_forked() -> None:
    """Be the process that ``Hosts`` forks: a number comes in, a process with that sandbox is begun."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            DockerSandboxes(owner=OWNER).start(spec_of(int(line))).run(BUSY)
            os._exit(0)
        print(pid, flush=True)


# ------------------------------------------------------------------------------------------------------ what is left


class Watch:
    """Remembers every container that this test makes, and where the engine keeps it."""

    def __init__(self) -> None:
        self._client = docker.from_env()
        self._events = self._client.api.events(
            decode=True, filters={"label": f"deputy.home={OWNER}", "event": ["create"]}
        )
        self.ids: set[str] = set()
        self.layers: set[str] = set()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        for event in self._events:
            self.ids.add(event["id"])
            with suppress(OSError):
                self.layers.add(Path(ENGINES_FILES[1].format(event["id"]), "mount-id").read_text(encoding="ascii"))

    def containers(self) -> list[str]:
        found = self._client.api.containers(all=True, filters={"label": f"deputy.home={OWNER}"})
        return [f"{c['Names']} {c['State']}" for c in found]

    def volumes(self) -> set[str]:
        return {volume["Name"] for volume in self._client.api.volumes()["Volumes"] or ()}

    def files(self) -> list[str]:
        folders = [place.format(container) for place in ENGINES_FILES for container in self.ids]
        folders += [f"/var/lib/docker/overlay2/{layer}" for layer in self.layers]
        return [folder for folder in folders if Path(folder).exists()]

    def mounts(self) -> list[str]:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if any(name in line for name in self.ids | self.layers)]

    def processes(self) -> list[str]:
        """Those of the sandboxes, and the engine's own that look after one."""
        return [line for line in _command_lines() if MARK in line or any(name in line for name in self.ids)]

    def close(self) -> None:
        self._events.close()
        self._thread.join()
        self._client.close()


def _command_lines() -> Iterator[str]:
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and process.name != str(os.getpid()):
            with suppress(OSError):
                yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def soon_empty(question: Callable[[], object]) -> object:
    """What it gives, once that is nothing, or after a while."""
    end = time.monotonic() + 20
    while (answer := question()) and time.monotonic() < end:
        time.sleep(0.1)
    return answer


@contextmanager
def folders_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home and a place for temporary files that nobody else writes to."""
    for name, variable in (("home", "HOME"), ("tmp", "TMPDIR")):
        (folder / name).mkdir()
        monkeypatch.setenv(variable, str(folder / name))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert [path for name in ("home", "tmp") for path in (folder / name).iterdir()] == []


@pytest.mark.parametrize("share", [8, pytest.param(1, marks=pytest.mark.deep)])
def test_random_lives_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int) -> None:
    """All of the lives, two hundred, or a share of each kind."""
    monkeypatch.setattr(pool, "_PAUSE_SECONDS", 0.0)
    dice = random.Random(SEED)
    kinds = [kind for kind, count in LIVES.items() for _ in range(max(1, count // share))]
    dice.shuffle(kinds)
    assert len(kinds) == (200 if share == 1 else sum(max(1, count // share) for count in LIVES.values()))
    with folders_of_its_own(tmp_path, monkeypatch):
        before = (open_files(), threading.active_count())
        began = time.monotonic()
        watch, hosts = Watch(), Hosts()
        volumes = watch.volumes()
        sandboxes = DockerSandboxes(owner=OWNER)
        lives: dict[str, Life] = {
            "end": end,
            "warm": warm,
            "cancel": cancel,
            "cancelled_fill": cancelled_fill,
            "timeout": timeout,
            "memory": memory,
            "sandbox_killed": sandbox_killed,
            "too_big": too_big,
            "host_killed": hosts.killed,
        }
        spent: dict[str, float] = collections.defaultdict(float)

        def live(number: int, kind: str) -> None:
            started = time.monotonic()
            lives[kind](sandboxes, spec_of(number), random.Random(SEED + number))
            spent[kind] += time.monotonic() - started

        try:
            with sandboxes.start(spec_of(9999)):
                # What is looked at afterwards does tell of a living one, where the engine is on this host.
                seen = (len(watch.containers()), len(watch.processes()), len(watch.mounts()), len(watch.files()))
            sandboxes.keep_ready([WARM, WARM])
            with ThreadPoolExecutor(4) as workers:
                for done in [workers.submit(live, number, kind) for number, kind in enumerate(kinds)]:
                    done.result()
        finally:
            hosts.close()
            sandboxes.close()
            # The reaper: what a process that was killed between create and start can't have removed itself.
            swept = sandboxes.sweep(lambda _: False)
            sandboxes.close()
        took = time.monotonic() - began
        times = ", ".join(f"{kind} {seconds / LIVES[kind]:.2f}" for kind, seconds in sorted(spent.items()))
        print(f"\none alive: {seen} containers, processes, mounts, files")
        print(f"{len(watch.ids)} containers in {took:.0f} s, {len(swept)} swept; seconds each: {times}")
        try:
            assert soon_empty(watch.containers) == []
            assert soon_empty(watch.processes) == []
            assert soon_empty(watch.mounts) == []
            assert soon_empty(watch.files) == []
            assert soon_empty(lambda: watch.volumes() - volumes) == set()
            assert len(watch.ids) >= len(kinds) * 9 // 10
            assert seen[0] == 1
        finally:
            watch.close()
        assert (open_files(), threading.active_count()) == before
