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
from tests.support.sealed_sandbox import LIMITS, attempt, make_spec, sandbox, sandboxes, shared_sandbox

pytestmark = pytest.mark.docker
__all__ = ["sandbox", "sandboxes", "shared_sandbox"]  # fixtures

# ------------------------------------------------------------------------------------------------------ network

NETWORK = {
    "outside by tcp": "socket.create_connection(('192.0.2.1', 80), timeout=3)",
    "the engine's bridge": "socket.create_connection(('172.17.0.1', 22), timeout=3)",
    "the metadata address": "socket.create_connection(('169.254.169.254', 80), timeout=3)",
    "outside by tcp, version 6": "socket.create_connection(('2001:db8::1', 80), timeout=3)",
    "a name": "socket.getaddrinfo('example.com', 80)",
    "a name server by udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.53', 53))",
    "ping": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(b'x' * 8, ('192.0.2.1', 0))",
    "a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "a packet socket": "socket.socket(17, socket.SOCK_RAW)",
    "a vsock": "socket.socket(40, socket.SOCK_STREAM)",
    "the kernel's crypto": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "bluetooth": "socket.socket(31, socket.SOCK_RAW, 1)",
    "a firewall": "socket.socket(16, socket.SOCK_RAW, 12)",
    "sctp": "socket.socket(2, socket.SOCK_STREAM, 132)",
    "sctp unnamed": "socket.socket(2, socket.SOCK_SEQPACKET)",
    "dccp": "socket.socket(10, 6)",
    "udp-lite": "socket.socket(2, socket.SOCK_DGRAM, 136)",
    "mptcp": "socket.socket(2, socket.SOCK_STREAM, 262)",
    "tipc in pairs": "socket.socketpair(30, socket.SOCK_SEQPACKET)",
    "the engine's socket": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "containerd's abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0/containerd-shim/shim.sock')",
}


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

KERNEL = {
    "mount": "call(165, b'none', b'/workspace', b'tmpfs', 0, None)",
    "remount the root": "call(165, None, b'/', None, 32, None)",
    "a user namespace": "call(272, 0x10000000)",
    "a namespace by clone": "call(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "another process's namespace": "call(308, os.open('/proc/self/ns/net', 0), 0)",
    "chroot": "os.chroot('/workspace')",
    "a file system by the new calls": "call(430, b'tmpfs', 0)",
    "a copy of the tree": "call(428, -100, b'/', 1)",
    "a mount's attributes": "call(442, -100, b'/', 0, None, 0)",
    "a mount moved": "call(429, -1, b'', -1, b'', 0)",
    "ptrace process 1": "call(101, 16, 1, 0, 0)",
    "process 1's memory": "open('/proc/1/mem', 'rb')",
    "process 1's memory by call": "call(310, 1, None, 0, None, 0, 0)",
    "process 1's descriptors": "os.listdir('/proc/1/fd')",
    "process 1's stdout": "open('/proc/1/fd/1', 'wb')",
    "process 1's environment": "open('/proc/1/environ').read(1) or sys.exit('OPEN')",
    "the host's root": "os.listdir('/proc/1/root')",
    "bpf": "call(321, 0, None, 0)",
    "another's descriptor": "call(438, os.pidfd_open(1), 1, 0)",
    "another's pages": "call(440, os.pidfd_open(1), None, 0, 4, 0)",
    "secret memory": "call(447, 0)",
    "perf": "call(298, None, 0, -1, -1, 0)",
    "io_uring": "call(425, 1, None)",
    "userfaultfd": "call(323, 0)",
    "a key": "call(248, b'user', b'k', b'v', 1, -5)",
    "keyrings": "call(250, 0, -3, 1)",
    "a file by its handle": "call(304, -100, None, 0)",
    "a kernel module": "call(175, None, 0, b'')",
    "a new kernel": "call(246, 0, 0, None, 0)",
    "reboot": "call(169, 0xfee1dead, 672274793, 0x89abcdef, None)",
    "the kernel's log": "call(103, 3, ctypes.create_string_buffer(64), 64)",
    "the clock": "call(227, 0, struct.pack('qq', 0, 0))",
    "a host name": "socket.sethostname('evil')",
    "swap": "call(168, b'/workspace/swap')",
    "sysrq": "os.write(os.open('/proc/sysrq-trigger', os.O_WRONLY), b'h')",
    "a kernel setting": "os.write(os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY), b'|/workspace/x')",
    "its cgroup": "os.write(os.open('/sys/fs/cgroup/memory/memory.limit_in_bytes', os.O_WRONLY), b'-1')",
    "a cgroup of its own": "os.mkdir('/sys/fs/cgroup/memory/x')",
    "its oom score below the others": "os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')",
    "a device": "os.mknod('/workspace/disk', 0o60666, os.makedev(8, 0))",
    "the disk": "open('/dev/sda', 'rb')",
    "kernel memory": "open('/proc/kcore', 'rb').read(1) or sys.exit('SHUT')",
    "another user": "os.setuid(0)",
    "another group": "os.setgroups([0])",
    "a better priority": "os.nice(-5)",
    "a real-time priority": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))",
    "a higher limit": "call(160, 7, struct.pack('QQ', 10**6, 10**6))",
    "the image's files": "open('/usr/bin/evil', 'w')",
    "the tools": "open('/opt/deputy/tools/evil', 'w')",
    "passwords": "open('/etc/shadow').read()",
}


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
