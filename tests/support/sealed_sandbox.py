"""Sandboxes for the battery of attempts and bombs: one shared by all quiet attempts, one each for the loud ones."""

import json
import os
from collections.abc import Iterator

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.ports import Sandbox, SandboxLimits, SandboxSpec
from tests.support.trees import tree_of

MIB = 1024**2
TASK = "D-SEALED00"
LIMITS = SandboxLimits(
    memory=192 * MIB, cpus=1.0, processes=80, disk=24 * MIB, inodes=2000, seconds=300, output=64 * 1024
)
FILES = {"README.md": (b"hello\n", 0o644)}


def make_spec(purpose: str) -> SandboxSpec:
    """A small sandbox with one file."""
    return SandboxSpec(f"deputy-{TASK}-{purpose}-{os.getpid()}", TASK, "", tree_of(FILES), {}, LIMITS)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[DockerSandboxes]:
    """The adapter; whatever a test left is removed."""
    made = DockerSandboxes(owner=f"test-sealed-{os.getpid()}")
    yield made
    made.sweep(lambda _: False)


@pytest.fixture(scope="module")
def shared_sandbox(sandboxes: DockerSandboxes) -> Iterator[Sandbox]:
    """One sandbox for all quiet attempts."""
    with sandboxes.start(make_spec("attempts")) as started:
        yield started


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox. Each attempt must leave its channel in sync, with nothing alive."""
    yield shared_sandbox
    assert_in_sync(shared_sandbox)


@pytest.fixture
def bombed(sandboxes: DockerSandboxes) -> Iterator[Sandbox]:
    """A sandbox of its own, which must be alive and in sync after the bomb."""
    with sandboxes.start(make_spec("bomb")) as started:
        yield started
        assert_in_sync(started)


def assert_in_sync(sandbox: Sandbox) -> None:
    """A command gets its own answer, and sees process 1 and itself only."""
    script = "echo in sync; for p in /proc/[0-9]*; do echo $p; done"
    first, *alive = sandbox.run(["sh", "-c", script]).output.splitlines()
    assert first == b"in sync"
    assert alive[0] == b"/proc/1"
    assert len(alive) == 2


_WITH = (
    "import ctypes, errno, json, os, signal, socket, struct, subprocess, sys\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "def call(*args):\n"
    "    if libc.syscall(*args) < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))\n"
)
_EACH = """
for name, code in json.loads(sys.argv[1]).items():
    source, sink = os.pipe()
    if os.fork() == 0:
        try:
            exec(code)
            os.write(sink, b"OPEN")
        except OSError as error:
            os.write(sink, f"SHUT {error}".encode())
        except SystemExit as end:
            os.write(sink, str(end).encode())
        os._exit(0)
    os.close(sink)
    print(json.dumps([name, os.read(source, 1000).decode()]))
    os.close(source)
"""


def attempt(sandbox: Sandbox, code: str, timeout: float = 20) -> str:
    """Run Python that must fail: prints OPEN when the attempt worked, its error otherwise."""
    lines = "\n".join("    " + line for line in code.strip().splitlines())
    wrapped = f"{_WITH}try:\n{lines}\nexcept OSError as error: print('SHUT', error)\nelse: print('OPEN')\n"
    result = sandbox.run(["python3", "-c", wrapped], timeout=timeout)
    return result.output.decode("utf-8", "replace")


def attempts(sandbox: Sandbox, codes: dict[str, str]) -> dict[str, str]:
    """Many of them in one command, by name, each in a process of its own."""
    output = sandbox.run(["python3", "-c", _WITH + _EACH, json.dumps(codes)], timeout=60).output
    return dict(json.loads(line) for line in output.splitlines())
