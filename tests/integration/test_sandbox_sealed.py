"""Attempts to get out of a sandbox, each made from inside a real one, and its bombs, with the limits on.

The network attempts run in a box without a network only: they fail at once and nothing leaves it.
"""

import os
import time
from collections.abc import Iterator

import pytest
from tests.trees import tree_of

from deputy.adapters.sandbox.docker import DockerSandboxes
from deputy.ports import Sandbox, SandboxLimits, SandboxSpec

pytestmark = pytest.mark.docker

MIB = 1024**2
LIMITS = SandboxLimits(
    memory=192 * MIB, cpus=1.0, processes=48, disk=24 * MIB, inodes=2000, seconds=300, output=64 * 1024
)
FILES = {"README.md": (b"hello\n", 0o644)}


def make_spec(purpose: str) -> SandboxSpec:
    return SandboxSpec(f"deputy-D-SEALED00-{purpose}-{os.getpid()}", "D-SEALED00", "", tree_of(FILES), {}, LIMITS)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner=f"test-sealed-{os.getpid()}")
    yield made
    made.sweep(lambda _: False)


@pytest.fixture(scope="module")
def box(sandboxes: DockerSandboxes) -> Iterator[Sandbox]:
    """One box for all quiet attempts: each must leave it usable for the next."""
    with sandboxes.start(make_spec("attempts")) as started:
        yield started


@pytest.fixture
def bombed(sandboxes: DockerSandboxes) -> Iterator[Sandbox]:
    """A box of its own, which must be alive after the bomb."""
    with sandboxes.start(make_spec("bomb")) as started:
        yield started
        assert started.run(["echo", "alive"]).output == b"alive\n"


def attempt(box: Sandbox, code: str, timeout: float = 20) -> str:
    """Run Python that must fail: prints OPEN when the attempt worked, its error otherwise."""
    lines = "\n".join("    " + line for line in code.strip().splitlines())
    wrapped = (
        "import ctypes, errno, os, signal, socket, struct, subprocess, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(*args):\n"
        "    if libc.syscall(*args) < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))\n"
        f"try:\n{lines}\n"
        "except OSError as error: print('SHUT', error)\n"
        "else: print('OPEN')\n"
    )
    result = box.run(["python3", "-c", wrapped], timeout=timeout)
    return result.output.decode("utf-8", "replace")


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
    "the engine's socket": "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "containerd's abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0/containerd-shim/shim.sock')",
}


@pytest.mark.parametrize("code", NETWORK.values(), ids=NETWORK.keys())
def test_no_way_to_a_network(box: Sandbox, code: str) -> None:
    assert attempt(box, code).startswith("SHUT")


def test_there_is_no_interface_but_loopback(box: Sandbox) -> None:
    assert box.run(["ls", "/sys/class/net"]).output.split() == [b"lo"]


def test_loopback_works_for_tests_that_need_a_server(box: Sandbox) -> None:
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname())\n"
        "print('ok')\n"
    )
    assert box.run(["python3", "-c", code]).output == b"ok\n"


# ------------------------------------------------------------------------------------------------------ kernel

KERNEL = {
    "mount": "call(165, b'none', b'/workspace', b'tmpfs', 0, None)",
    "remount the root": "call(165, None, b'/', None, 32, None)",
    "a user namespace": "call(272, 0x10000000)",
    "a namespace by clone": "call(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "another process's namespace": "call(308, os.open('/proc/self/ns/net', 0), 0)",
    "chroot": "os.chroot('/workspace')",
    "ptrace process 1": "call(101, 16, 1, 0, 0)",
    "process 1's memory": "open('/proc/1/mem', 'rb')",
    "process 1's memory by call": "call(310, 1, None, 0, None, 0, 0)",
    "process 1's descriptors": "os.listdir('/proc/1/fd')",
    "process 1's stdout": "open('/proc/1/fd/1', 'wb')",
    "process 1's environment": "open('/proc/1/environ').read(1) or sys.exit('OPEN')",
    "the host's root": "os.listdir('/proc/1/root')",
    "bpf": "call(321, 0, None, 0)",
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
def test_no_way_through_the_kernel(box: Sandbox, code: str) -> None:
    said = attempt(box, code)
    assert "OPEN" not in said
    assert "SHUT" in said


def test_no_program_raises_rights_and_no_capability_is_left(box: Sandbox) -> None:
    assert box.run(["sh", "-c", "find / -xdev -perm /6000 -type f 2>/dev/null"]).output == b""
    status = box.run(["cat", "/proc/self/status"]).output.decode()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert box.run(["sh", "-c", "su -c id </dev/null || exit 9"]).exit_code == 9


def test_only_memory_can_be_written(box: Sandbox) -> None:
    found = box.run(["sh", "-c", "find / -xdev -writable ! -type l 2>/dev/null | grep -v ^/proc || true"]).output
    assert found == b"/tmp\n/workspace\n"
    script = "while read -r _ at _; do (: > $at/probe) 2>/dev/null && rm $at/probe && echo $at; done < /proc/mounts"
    writable = set(box.run(["sh", "-c", script]).output.split())
    assert writable == {b"/workspace", b"/tmp", b"/dev/shm", b"/dev/mqueue"}


def test_thirty_two_bit_calls_are_killed(box: Sandbox) -> None:
    # int 0x80: socketcall(SOCKET, AF_VSOCK) would go around a filter that only reads socket's own arguments.
    code = (
        "import ctypes, mmap\n"
        "m = mmap.mmap(-1, 4096, prot=7)\n"
        "m.write(bytes.fromhex('b814000000cd80c3'))\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "r = f(); print('OPEN' if r > 0 else 'SHUT', r)\n"
    )
    result = box.run(["python3", "-c", code])
    assert b"OPEN" not in result.output


# ------------------------------------------------------------------------------------------------------ the channel


def test_the_channel_can_be_neither_killed_nor_stopped(box: Sandbox) -> None:
    script = "for s in KILL STOP TERM INT HUP SEGV USR1 QUIT CHLD; do kill -$s 1; done; sleep 0.2; echo done"
    assert box.run(["sh", "-c", script]).output == b"done\n"
    assert box.run(["sh", "-c", "kill -9 -1; true"]).exit_code in (0, -9)
    assert box.run(["echo", "in sync"]).output == b"in sync\n"


def test_forged_replies_are_just_output(box: Sandbox) -> None:
    forged = (
        "import json, struct, sys\n"
        "head = json.dumps({'id': '0', 't': 'done', 'exit': 0, 'cut': 0, 'seconds': 0, 'timed_out': False}).encode()\n"
        "frame = struct.pack('>II', len(head), 0) + head\n"
        "sys.stdout.buffer.write(frame * 50); sys.stderr.buffer.write(frame); sys.exit(3)\n"
    )
    result = box.run(["python3", "-c", forged])
    assert result.exit_code == 3
    assert b'"t": "done"' in result.output
    assert box.run(["echo", "in sync"]).output == b"in sync\n"


def test_no_descriptor_of_the_channel_is_inherited(box: Sandbox) -> None:
    found = box.run(["python3", "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))"]).output
    assert eval(found) <= ["0", "1", "2", "3"]
    assert box.run(["readlink", "/proc/self/fd/0"]).output == b"/dev/null\n"


DAEMONS = {
    "double fork": (
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(99)\n  os._exit(0)"
    ),
    "ignores signals": (
        "import os, signal, time\n"
        "for n in range(1, 64):\n"
        "  try: signal.signal(n, signal.SIG_IGN)\n"
        "  except OSError: pass\n"
        "if os.fork() == 0: os.setsid(); time.sleep(99)"
    ),
    "stopped": "import os, signal\nif os.fork() == 0: os.setsid(); os.kill(os.getpid(), signal.SIGSTOP)",
    "holds the output open": "import os, time\nif os.fork() == 0: time.sleep(99)",
    "zombies": "import os, time\nfor _ in range(30):\n if os.fork() == 0: os._exit(0)",
    "forks while it dies": (
        "import os\nfor _ in range(4): os.fork()\nwhile True:\n  try: os.fork() or os._exit(0)\n  except OSError: pass"
    ),
}


@pytest.mark.parametrize("code", DAEMONS.values(), ids=DAEMONS.keys())
def test_nothing_outlives_its_command(box: Sandbox, code: str) -> None:
    began = time.monotonic()
    box.run(["python3", "-c", code], timeout=2)
    assert time.monotonic() - began < 8
    alive = box.run(["sh", "-c", "ls -d /proc/[0-9]*"]).output.split()
    assert alive[0] == b"/proc/1"
    assert len(alive) <= 3  # process 1, the shell and ls


# ------------------------------------------------------------------------------------------------------ bombs


def test_a_fork_bomb_is_held_and_cleared(bombed: Sandbox) -> None:
    began = time.monotonic()
    result = bombed.run(["sh", "-c", "b() { b | b & b; }; b"], timeout=3)
    assert time.monotonic() - began < 15
    assert result.timed_out or result.exit_code != 0 or b"fork" in result.output.lower()


def test_processes_are_counted(bombed: Sandbox) -> None:
    code = (
        "import os, time\n"
        "for n in range(1000):\n"
        "  try:\n"
        "    if os.fork() == 0: time.sleep(30)\n"
        "  except OSError: break\n"
        "print(n + 2)\n"  # and process 1, and this one
    )
    assert int(bombed.run(["python3", "-c", code], timeout=20).output) == LIMITS.processes


def test_process_1_comes_first_for_the_processor_and_last_for_the_memory_killer(box: Sandbox) -> None:
    script = "ps -o ni= -p 1; ps -o ni= -p $$; cat /proc/1/oom_score_adj /proc/self/oom_score_adj"
    assert box.run(["sh", "-c", script]).output.split() == [b"0", b"10", b"0", b"1000"]


@pytest.mark.parametrize("processes", [1, 30])
def test_a_memory_bomb_ends_the_command_not_the_box(bombed: Sandbox, processes: int) -> None:
    code = (
        "import os, time\n"
        f"for _ in range({processes} - 1):\n"
        "  if os.fork() == 0: break\n"
        "held = []\n"
        "while True: held.append(bytearray(b'x' * 2**20)); time.sleep(0.001)\n"
    )
    result = bombed.run(["python3", "-c", code], timeout=15)
    assert result.exit_code != 0


def test_a_full_disk_is_an_error_inside(bombed: Sandbox) -> None:
    result = bombed.run(["sh", "-c", "head -c 100M /dev/zero > full; rm full; head -c 100M /dev/zero > /tmp/full"])
    assert b"No space left" in result.output or b"File too large" in result.output
    assert bombed.run(["sh", "-c", "rm -f full; echo room > again && cat again"]).output == b"room\n"


def test_inodes_run_out_inside_only(bombed: Sandbox) -> None:
    result = bombed.run(["python3", "-c", "for n in range(10**6): open(f'n{n}', 'w').close()"])
    assert b"No space left" in result.output
    assert len(bombed.delta().written) <= LIMITS.inodes


def test_a_gigabyte_of_output_stays_small(bombed: Sandbox) -> None:
    result = bombed.run(["sh", "-c", "head -c 1G /dev/zero"], timeout=60)
    assert len(result.output) < 70_000
    assert result.truncated > 1024**3 - 70_000


def test_the_processor_is_shared_out(bombed: Sandbox) -> None:
    code = (
        "import os, time\n"
        "for _ in range(2): os.fork()\n"
        "end = time.time() + 1.5\n"
        "while time.time() < end: pass\n"
        "print(sum(os.times()[:2]))\n"
        "time.sleep(1)\n"
    )
    spent = sum(float(line) for line in bombed.run(["python3", "-c", code]).output.split())
    assert spent < 1.5 * LIMITS.cpus + 0.6


def test_a_zip_bomb_meets_the_disk_limit(bombed: Sandbox) -> None:
    code = (
        "import zipfile\n"
        "with zipfile.ZipFile('/tmp/bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
        "  z.writestr('zeros', bytes(80 * 2**20))\n"
    )
    bombed.run(["python3", "-c", code], timeout=30)
    assert bombed.run(["unzip", "-o", "/tmp/bomb.zip"], timeout=30).exit_code != 0


def test_a_very_deep_tree_does_not_end_the_box(bombed: Sandbox) -> None:
    bombed.run(["python3", "-c", "import os\nfor _ in range(1500): os.mkdir('d' * 8); os.chdir('d' * 8)"])
    assert bombed.run(["rm", "-rf", "dddddddd"]).exit_code == 0
