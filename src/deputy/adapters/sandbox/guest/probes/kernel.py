"""Ways through the kernel: mounts, namespaces, other processes, rarely used calls."""

# Plain os calls are the point here; what is named is the sandbox's, not this machine's.
# ruff: noqa: PTH123, PTH208, S108

import contextlib
import ctypes
import os
import signal
import socket
import struct
from collections.abc import Callable

from deputy.adapters.sandbox.guest.probes.trying import (
    ABSENT,
    DENIED,
    NEW_NET,
    NEW_NS,
    NEW_PID,
    NEW_USER,
    Open,
    Try,
    call,
    called,
    listed,
    opened,
    refused,
)

MAX_PROCESSES = 4
SHARED_MEMORY = 64 << 20


def mounting() -> str:
    """The old mount calls."""
    return refused(
        called("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        called("mount", b"/etc", b"/tmp", None, 4096, None),
        called("pivot_root", b"/tmp", b"/tmp"),
        lambda: os.chroot("/tmp"),
    )


def remounting() -> str:
    """Making a read-only mount writable."""
    return refused(
        called("mount", None, b"/", None, 32, None),
        called("mount", None, b"/", None, 32 | 4096, None),
        called("mount_setattr", -100, b"/", 0, None, 0),
        called("mount", None, b"/proc/sys", None, 32 | 4096, None),
    )


def mounting_anew() -> str:
    """The new mount calls, which a filter may miss that knows only the old ones."""
    return refused(
        called("fsopen", b"tmpfs", 0),
        called("open_tree", -100, b"/", 1),
        called("open_tree_attr", -100, b"/", 1, None, 0),
        called("move_mount", -1, b"", -1, b"", 0),
        called("fsmount", -1, 0, 0),
        called("fspick", -100, b"/", 0),
        called("fsconfig", -1, 0, None, None, 0),
    )


def clone_with(flags: int) -> Try:
    """The try to fork into new namespaces."""

    def clone() -> int:
        child = call("clone", flags | signal.SIGCHLD, 0, 0, 0, 0)
        if not child:
            os._exit(0)
        return child

    return clone


def own_namespaces() -> str:
    """Namespaces give ordinary code access to parts of the kernel that only root was meant to reach."""
    kinds = (NEW_USER, NEW_USER | NEW_NS, NEW_USER | NEW_NET, NEW_NS, NEW_NET, NEW_PID)
    unshares = [called("unshare", kind) for kind in kinds]
    clones = [clone_with(kind) for kind in kinds]
    arguments = struct.pack("11Q", NEW_USER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)

    def newer() -> int:
        child = call("clone3", arguments, len(arguments))
        if not child:
            os._exit(0)
        return child

    return refused(*unshares, *clones, newer)


def other_namespaces() -> str:
    """Joining the namespace of another process."""
    return refused(*(join(kind) for kind in ("net", "mnt", "pid", "user")))


def join(kind: str) -> Try:
    """The try to enter a namespace, even our own."""
    return lambda: call("setns", os.open(f"/proc/self/ns/{kind}", os.O_RDONLY), 0)


def memory_of_process_1() -> str:
    """The memory of process 1, which answers the host for the sandbox."""
    return refused(
        opened("/proc/1/mem"),
        opened("/proc/1/mem", os.O_RDWR),
        called("ptrace", 16, 1, 0, 0),
        called("ptrace", 0x4206, 1, 0, 0),
        called("process_vm_readv", 1, None, 0, None, 0, 0),
        called("process_madvise", -1, None, 0, 4, 0),
        called("kcmp", 1, os.getpid(), 0, 0, 0),
    )


def descriptors_of_process_1() -> str:
    """The channel's ends in process 1."""
    return refused(
        listed("/proc/1/fd"),
        opened("/proc/1/fd/0"),
        opened("/proc/1/fd/1", os.O_WRONLY),
        listed("/proc/1/map_files"),
        lambda: call("pidfd_getfd", os.pidfd_open(1), 1, 0),
    )


def host_processes(parent: int) -> str:
    """Only the sandbox's own processes are seen, and process 1 started this program."""
    if parent != 1:
        raise Open("this program's parent is not process 1")
    others = [name for name in os.listdir("/proc") if name.isdigit()]
    # Process 1, this program, the attempt, and one that is just ending.
    if len(others) > MAX_PROCESSES:
        raise Open(f"{len(others)} processes are seen")
    return "none is seen"


def host_shared_memory() -> str:
    """Memory and queues that programs of the host share."""
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/sysvipc/{kind}", encoding="ascii") as file:
            if len(file.readlines()) > 1:
                raise Open(f"System V {kind}")
    size = os.statvfs("/dev/shm")
    if size.f_blocks * size.f_frsize > SHARED_MEMORY:
        raise Open("/dev/shm is larger than a sandbox's")
    return "none is seen"


def keyrings() -> str:
    """Kernel keyrings, which no namespace separates."""
    return refused(
        called("add_key", b"user", b"probe", b"x", 1, -5),
        called("request_key", b"user", b"probe", None, 0),
        called("keyctl", 0, -3, 1),
    )


def by_handle() -> str:
    """A handle can name a file outside the mounts."""
    return refused(called("open_by_handle_at", -100, None, 0), called("name_to_handle_at", -100, b"/", None, None, 0))


def io_uring() -> str:
    """Operations in io_uring bypass a filter of system calls."""
    return refused(called("io_uring_setup", 1, ctypes.create_string_buffer(120)))


def userfaultfd() -> str:
    """Call and device: with userfaultfd, code can win a race in the kernel at will."""
    refused(opened("/dev/userfaultfd", os.O_RDWR), by=DENIED | ABSENT)
    return refused(called("userfaultfd", 0), called("userfaultfd", 1))


def the_machine() -> str:
    """Modules, another kernel, reboot (by a wrong password, so that it would not), swap."""
    return refused(
        called("init_module", None, 0, b""),
        called("finit_module", -1, b"", 0),
        called("kexec_load", 0, 0, None, 0),
        called("reboot", 1, 1, 1, None),
        called("swapon", b"/none", 0),
        lambda: socket.sethostname("probe"),
    )


def kernel_log() -> str:
    """The kernel's log shows addresses, and names of other users."""
    refused(opened("/dev/kmsg"), by=DENIED | ABSENT)
    return refused(called("syslog", 3, ctypes.create_string_buffer(64), 64))


def attempts(parent: int) -> dict[str, Callable[[], str]]:
    """The attempts of this module, by name; ``parent`` is the process that started the program."""
    return {
        "mounting": mounting,
        "remounting": remounting,
        "mounting by the new calls": mounting_anew,
        "namespaces of its own": own_namespaces,
        "other namespaces": other_namespaces,
        "process 1's memory": memory_of_process_1,
        "process 1's descriptors": descriptors_of_process_1,
        "the host's processes": lambda: host_processes(parent),
        "the host's shared memory": host_shared_memory,
        "kernel keyrings": keyrings,
        "files by handle": by_handle,
        "bpf": lambda: refused(called("bpf", 0, None, 0)),
        "perf": lambda: refused(called("perf_event_open", None, 0, -1, -1, 0)),
        "io_uring": io_uring,
        "userfaultfd": userfaultfd,
        "secret memory": lambda: refused(called("memfd_secret", 0)),
        "the machine": the_machine,
        "the kernel's log": kernel_log,
    }
