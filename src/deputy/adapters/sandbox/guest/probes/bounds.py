"""Rights that the sandbox must not have, and limits that must hold. The probe's small limits are really exceeded."""

# Plain os calls are the point here; what is named is the sandbox's, not this machine's.
# ruff: noqa: PTH102, PTH106, PTH108, PTH123

import contextlib
import ctypes
import mmap
import os
import resource
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from deputy.adapters.sandbox.guest.probes.trying import ABSENT, DENIED, Open, refused, status

# Memory that the sandbox itself uses of its limit, and pages that are charged late.
SLACK_BYTES = 16 << 20
POPULATED = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
SLACK_PROCESSES = 8
FILTERED = 2


class Bounds(NamedTuple):
    """What the sandbox was started with: sizes in bytes, and the folders that its code may write to."""

    processes: int
    memory: int
    disk: int
    inodes: int
    scratch: list[str]


def root() -> str:
    """No process in the sandbox is root or can become root."""
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getgroups()):
        raise Open("this program runs as root, or in root's group")
    return refused(lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]))


def capabilities() -> str:
    """There are none, and none can be gained."""
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        value = status(name)
        if not value and name != "CapAmb":
            raise Open(f"{name} is not told")
        if int(value or "0", 16):
            raise Open(f"{name} {value}")
    return "none"


def raised_rights() -> str:
    """A program never has more rights than the one that started it."""
    if ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) != 1:  # PR_GET_NONEW_PRIVS
        raise Open("no-new-privileges is off")
    return "no-new-privileges is on"


def unfiltered_calls() -> str:
    """A filter of system calls is in force."""
    if ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) != FILTERED:  # PR_GET_SECCOMP
        raise Open("seccomp is off")
    return "seccomp filters"


def priorities() -> str:
    """A higher priority for the processor, or protection from the memory killer."""

    def spared() -> None:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("-1000")

    return refused(
        spared,
        lambda: os.nice(-5),
        lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)),
        by=DENIED | ABSENT,
    )


def more_processes(most: int) -> str:
    """Forks until one fails."""
    children: list[int] = []
    try:
        for _ in range(most + SLACK_PROCESSES):
            child = os.fork()
            if not child:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError as error:
        return f"{len(children)} started, then: {error.strerror}"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    raise Open(f"more than {most} processes at once")


def more_memory(most: int) -> str:
    """Touches pages in a process that the kernel kills first."""
    child = os.fork()
    if not child:
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
        try:
            # One call into the kernel. With a loop in Python, the kernel would drop the pages of the loop's own code
            # and read them from the disk again and again, for many seconds before it kills a process.
            with mmap.mmap(-1, most + SLACK_BYTES, flags=POPULATED) as held:
                for start in range(0, most + SLACK_BYTES, mmap.PAGESIZE):
                    held[start] = 1
        except (OSError, MemoryError):
            os._exit(7)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        raise Open(f"more than {most} bytes")
    return "killed" if code == -signal.SIGKILL else "refused"


def more_disk(folder: str, most: int) -> str:
    """Writes until there is no room."""
    path, piece, written = f"{folder}/probe-disk", bytes(1 << 20), 0
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # Two files: the limit of one file's size must not be all there is.
        for name in (f"{path}-1", f"{path}-2"):
            with open(name, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while written <= most:
                    written += file.write(piece)
    finally:
        for name in (f"{path}-1", f"{path}-2"):
            os.unlink(name)
    if written > most:
        raise Open(f"more than {most} bytes in {folder}")
    return f"{written} bytes, then no room"


def more_files(folder: str, most: int) -> str:
    """Makes files until there is no room for another."""
    made, where = 0, f"{folder}/probe-files"
    os.mkdir(where)
    try:
        while made <= most:
            os.close(os.open(f"{where}/{made}", os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError as error:
        return f"{made} files, then: {error.strerror}"
    finally:
        for number in range(made):
            os.unlink(f"{where}/{number}")
        os.rmdir(where)
    raise Open(f"more than {most} files in {folder}")


def more_processor() -> str:
    """A share is set. Where it can't be read, two busy processes show whether one is in force."""
    paths = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    for path in (*paths, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
            quota = file.read().split()[0]
            if quota in ("max", "-1"):
                raise Open("no share is set")
            return f"a share of {quota} µs"
    return busy_processor()


def busy_processor() -> str:
    """The sandboxes of the probe get one core: two processes must not get two."""
    seconds = 0.3
    child = os.fork()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    spent = sum(os.times()[:4])
    if (os.cpu_count() or 1) > 1 and spent > 1.7 * seconds:
        raise Open(f"{spent:.2f} s of processor in {seconds} s")
    return f"{spent:.2f} s of processor in {seconds} s"


def bounds_of_processes() -> str:
    """The limits of open files, file size and core dumps are set and can't be raised."""
    for name, most in (("NOFILE", 1 << 20), ("FSIZE", 1 << 50), ("CORE", 0)):
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        if hard == resource.RLIM_INFINITY or hard > most:
            raise Open(f"{name.lower()} {hard}")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most + 1, most + 1))
    except (OSError, ValueError) as error:
        return str(error)
    raise Open("the number of open files can be raised")


# These two may end the whole sandbox in a runtime that is one process, so each is asked for by itself.
MEMORY, PROCESSES = "memory beyond its limit", "processes beyond its limit"


def attempts(bounds: Bounds) -> dict[str, Callable[[], str]]:
    """The attempts of this module, by name."""
    work = bounds.scratch[0]
    return {
        "root": root,
        "capabilities": capabilities,
        "raised rights": raised_rights,
        "unfiltered system calls": unfiltered_calls,
        "better priorities": priorities,
        "disk beyond its limit": lambda: more_disk(work, bounds.disk),
        "files beyond its limit": lambda: more_files(work, bounds.inodes),
        "processor beyond its share": more_processor,
        "bounds of each process": bounds_of_processes,
        PROCESSES: lambda: more_processes(bounds.processes),
        MEMORY: lambda: more_memory(bounds.memory),
    }
