"""Attempts to get out of a sandbox, each made from inside a real one.

The network attempts run in a sandbox without a network only: they fail at once and nothing leaves it.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.ports import Sandbox
from tests.support.escapes import KERNEL, NETWORK
from tests.support.sealed_sandbox import LIMITS, attempt, make_spec, sandbox, sandboxes, shared_sandbox

pytestmark = pytest.mark.docker
__all__ = ["sandbox", "sandboxes", "shared_sandbox"]  # fixtures

# ------------------------------------------------------------------------------------------------------ network


@pytest.mark.parametrize("code", NETWORK.values(), ids=NETWORK.keys())
def test_no_way_to_a_network(sandbox: Sandbox, code: str) -> None:
    assert attempt(sandbox, code).startswith("SHUT")


def test_there_is_no_interface_but_loopback(sandbox: Sandbox) -> None:
    assert sandbox.run(["ls", "/sys/class/net"]).output.split() == [b"lo"]


def test_loopback_works_for_tests_that_need_a_server(sandbox: Sandbox) -> None:
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname())\n"
        "print('ok')\n"
    )
    assert sandbox.run(["python3", "-c", code]).output == b"ok\n"


# ------------------------------------------------------------------------------------------------------ kernel


@pytest.mark.parametrize("code", KERNEL.values(), ids=KERNEL.keys())
def test_no_way_through_the_kernel(sandbox: Sandbox, code: str) -> None:
    said = attempt(sandbox, code)
    assert "OPEN" not in said
    assert "SHUT" in said


def test_no_program_raises_rights_and_no_capability_is_left(sandbox: Sandbox) -> None:
    assert sandbox.run(["sh", "-c", "find / -xdev -perm /6000 -type f 2>/dev/null"]).output == b""
    status = sandbox.run(["cat", "/proc/self/status"]).output.decode()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert sandbox.run(["sh", "-c", "su -c id </dev/null || exit 9"]).exit_code == 9


def test_only_memory_can_be_written(sandbox: Sandbox) -> None:
    found = sandbox.run(["sh", "-c", "find / -xdev -writable ! -type l 2>/dev/null | grep -v ^/proc || true"]).output
    assert found == b"/tmp\n/workspace\n"
    script = "while read -r _ at _; do (: > $at/probe) 2>/dev/null && rm $at/probe && echo $at; done < /proc/mounts"
    writable = set(sandbox.run(["sh", "-c", script]).output.split())
    assert writable == {b"/workspace", b"/tmp", b"/dev/shm", b"/dev/mqueue"}


def test_thirty_two_bit_calls_are_killed(sandbox: Sandbox) -> None:
    # int 0x80: socketcall(SOCKET, AF_VSOCK) would go around a filter that only reads socket's own arguments.
    code = (
        "import ctypes, mmap\n"
        "m = mmap.mmap(-1, 4096, prot=7)\n"
        "m.write(bytes.fromhex('b814000000cd80c3'))\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "r = f(); print('OPEN' if r > 0 else 'SHUT', r)\n"
    )
    result = sandbox.run(["python3", "-c", code])
    assert b"OPEN" not in result.output


def test_calls_by_the_other_numbers_do_not_go_around_the_filter(sandbox: Sandbox) -> None:
    # x32: the same calls with a bit set. getpid is permitted by its own number.
    assert "OPEN" not in attempt(sandbox, "call(0x40000000 | 39)")


# ------------------------------------------------------------------------------------------------------ the image


def test_an_images_volumes_and_health_check_stay_out(volatile: Sandbox) -> None:
    found = volatile.run(["sh", "-c", "sleep 1.5; grep ' /data ' /proc/mounts; df -k --output=size /data; ls /tmp"])
    first, *_, size = found.output.decode().split("\n")[:3]
    assert first.startswith("tmpfs /data tmpfs rw,nosuid,nodev")
    assert int(size) == LIMITS.disk // 4 // 1024
    assert b"healthy" not in found.output


@pytest.fixture
def volatile(sandboxes: DockerSandboxes) -> Iterator[Sandbox]:
    """A sandbox of an image that wants a folder of the host and a program that runs beside the commands."""
    dockerfile = b"FROM deputy-sandbox:latest\nVOLUME /data\nHEALTHCHECK --interval=1s CMD touch /tmp/healthy\n"
    image = f"deputy-test-volatile-{os.getpid()}"
    subprocess.run(["docker", "build", "-q", "-t", image, "-"], input=dockerfile, check=True, capture_output=True)
    try:
        with sandboxes.start(replace(make_spec("volatile"), image=image)) as started:
            yield started
    finally:
        subprocess.run(["docker", "rmi", "-f", image], check=False, capture_output=True)
