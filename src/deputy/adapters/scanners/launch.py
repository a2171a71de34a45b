"""Seals its process, then becomes a scanner: ``python -I -S launch.py CPU_SECONDS MEMORY FILE_SIZE PROGRAM ARGUMENT…``.

A program of its own, so that nothing is done between fork and exec of a process with threads. Sizes in bytes. With
``--probe`` it only prints ``sealed`` or ``open``: whether the kernel lets it leave the network.
"""

import ctypes
import os
import resource
import signal
import sys

NO_NEW_PRIVILEGES, DIES_WITH_PARENT = 38, 1
NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
OPEN_FILES = 1024


def main(arguments: list[str]) -> None:
    """Give up the network and other rights, then run the scanner in our place."""
    is_sealed = leave_network()
    if arguments == ["--probe"]:
        sys.stdout.write("sealed\n" if is_sealed else "open\n")
        return
    seconds, memory, file_size = (int(number) for number in arguments[:3])
    bound(resource.RLIMIT_CPU, seconds)
    bound(resource.RLIMIT_FSIZE, file_size)
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_NOFILE, OPEN_FILES)
    if sys.platform == "linux":
        bound(resource.RLIMIT_AS, memory)
        _system_call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        _system_call("prctl", DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    os.execv(arguments[3], arguments[3:])  # noqa: S606 - that no shell is involved is the point


def bound(limit: int, value: int) -> None:
    """Lower a limit; never raise one that is lower already."""
    _, most = resource.getrlimit(limit)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(limit, (value, value))


def leave_network() -> bool:
    """Move to a network namespace without an interface: as root, or else in a new user namespace."""
    if sys.platform != "linux":
        return False
    user, group = os.geteuid(), os.getegid()
    if _system_call("unshare", NEW_NETWORK):
        return True
    if not _system_call("unshare", NEW_USER | NEW_NETWORK):
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        _write(f"/proc/self/{name}", text)
    return True


def _write(path: str, text: str) -> None:
    # Without the map we have another user name in there, but the same rights.
    try:
        with open(path, "w") as file:  # noqa: PTH123 - pathlib would double the time that this program takes
            file.write(text)
    except OSError:
        return


def _system_call(name: str, *arguments: int) -> bool:
    status: int = getattr(ctypes.CDLL(None), name)(*(ctypes.c_ulong(value) for value in arguments))
    return status == 0


if __name__ == "__main__":
    main(sys.argv[1:])
