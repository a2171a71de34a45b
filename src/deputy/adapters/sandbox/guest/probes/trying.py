"""How the probe tries things: system calls by number, and what counts as a refusal.

A try counts as refused only when it failed in a way that means a refusal; whatever else happens, a hang or a crash of
the try included, counts as open. Each attempt is made in a process of its own, which takes what it changed with it.
"""

# Plain os calls are the point here; what is named is the sandbox's, not this machine's.
# ruff: noqa: PTH123, PTH208

import contextlib
import ctypes
import errno
import json
import os
import platform
import select
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

# A refusal comes at once. Only the kernel's memory killer was seen to take seconds, on a busy machine.
SECONDS_EACH = 20
NO_ANSWER = "no answer within"

Try = Callable[[], object]


class Open(Exception):
    """The try worked, or may have worked."""


DENIED = {errno.EPERM, errno.EACCES, errno.ENOSYS}
ABSENT = {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR}
READ_ONLY = {errno.EROFS}
NO_SUCH_SOCKET = {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EPROTOTYPE}
UNREACHABLE = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EHOSTUNREACH}

_X86 = {
    "mount": 165, "pivot_root": 155, "unshare": 272, "clone": 56, "setns": 308, "ptrace": 101, "process_vm_readv": 310,
    "kcmp": 312, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248, "request_key": 249,
    "keyctl": 250, "name_to_handle_at": 303, "open_by_handle_at": 304, "init_module": 175, "finit_module": 313,
    "kexec_load": 246, "reboot": 169, "syslog": 103, "swapon": 167, "modify_ldt": 154,
}  # fmt: skip
_ARM = {
    "mount": 40, "pivot_root": 41, "unshare": 97, "clone": 220, "setns": 268, "ptrace": 117, "process_vm_readv": 270,
    "kcmp": 272, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "add_key": 217, "request_key": 218,
    "keyctl": 219, "name_to_handle_at": 264, "open_by_handle_at": 265, "init_module": 105, "finit_module": 273,
    "kexec_load": 104, "reboot": 142, "syslog": 116, "swapon": 224,
}  # fmt: skip
_EVERYWHERE = {
    "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
    "memfd_secret": 447, "process_mrelease": 448, "statmount": 457, "listmount": 458, "open_tree_attr": 467,
}  # fmt: skip
NEW_USER, NEW_NS, NEW_PID, NEW_NET = 0x10000000, 0x00020000, 0x20000000, 0x40000000


def call(name: str, *arguments: object) -> int:
    """A system call by its number: libraries hide some and soften others."""
    numbers = {"x86_64": _X86, "aarch64": _ARM}.get(platform.machine())
    if numbers is None:
        raise Open(f"the numbers of system calls on {platform.machine()} are not known")
    number = {**_EVERYWHERE, **numbers}.get(name)
    if number is None:
        raise OSError(errno.ENOSYS, "this machine has no such call")
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def called(name: str, *arguments: object) -> Try:
    """The try to make a system call."""
    return lambda: call(name, *arguments)


def refused(*tries: Try, by: set[int] = DENIED) -> str:
    """How the tries ended, when each was refused by one of these errors."""
    said = {}
    for one in tries:
        try:
            result = one()
        except OSError as error:
            if error.errno not in by:
                raise Open(f"not refused, but failed: {error.strerror or error}") from error
            said[error.strerror or str(error)] = True
        else:
            raise Open(f"it worked ({str(result)[:60]})")
    return ", ".join(said)


def opened(path: str, flags: int = os.O_RDONLY) -> Try:
    """The try to open a file."""
    return lambda: os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def listed(path: str) -> Try:
    """The try to look into a folder."""
    return lambda: os.listdir(path)


def status(name: str) -> str:
    """A line of this process's status; empty when there is none."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(f"{name}:")), "")


class Mount(NamedTuple):
    """One line of the mount table."""

    point: str
    kind: str
    is_read_only: bool


def mounts() -> list[Mount]:
    """The mount table."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            front, _, back = line.partition(" - ")
            words = front.split()
            found.append(Mount(words[4], back.split()[0], "ro" in words[5].split(",")))
    return found


def files_in(*folders: str, most: int = 4000) -> Iterator[str]:
    """Paths below these folders that can be seen; no link is followed."""
    waiting = list(folders)
    while waiting and most > 0:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                most -= 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry.path


def tried(attempt: Callable[[], str]) -> tuple[bool, str]:
    """How an attempt ended in a process of its own: whether it was refused, and what it said."""
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(sink, json.dumps(judged(attempt)).encode()[:4000])
        finally:
            os._exit(0)
    os.close(sink)
    try:
        if not select.select([source], [], [], SECONDS_EACH)[0]:
            return False, f"{NO_ANSWER} {SECONDS_EACH} s"
        is_refused, said = json.loads(os.read(source, 4096) or b'[false, "it ended without an answer"]')
        return bool(is_refused), str(said)
    finally:
        os.close(source)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def judged(attempt: Callable[[], str]) -> tuple[bool, str]:
    """An attempt's result. Only what returned was refused."""
    try:
        return True, attempt()[:200]
    except Open as finding:
        return False, str(finding)[:200]
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is no refusal)
        return False, f"can't tell: {type(error).__name__}: {error}"[:200]
