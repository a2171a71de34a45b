"""Devices, the kernel's own files, and files of the host and of root."""

# Plain os calls are the point here; what is named is the sandbox's, not this machine's.
# ruff: noqa: PTH102, PTH123, PTH208, S108

import contextlib
import os
import pwd
import stat
from collections.abc import Callable

from deputy.adapters.sandbox.guest.probes.trying import (
    ABSENT,
    DENIED,
    READ_ONLY,
    Mount,
    Open,
    Try,
    files_in,
    listed,
    mounts,
    opened,
    refused,
)

USUAL_DEVICES = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)}
TERMINALS = 136
# The largest memory file system that is accepted outside the scratch folders: it counts against the sandbox's memory.
SMALL_BYTES = 64 << 20


def new_devices() -> str:
    """A disk, memory, a terminal."""
    made = ((stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 1, 11))
    return refused(*(node(kind, major, minor) for kind, major, minor in made))


def node(kind: int, major: int, minor: int) -> Try:
    """The try to make a device's file."""
    return lambda: os.mknod("/tmp/probe-device", kind | 0o600, os.makedev(major, minor))


def devices() -> str:
    """Only those that every program needs."""
    for path in files_in("/dev"):
        with contextlib.suppress(OSError):
            found = os.lstat(path)
            number = (os.major(found.st_rdev), os.minor(found.st_rdev))
            is_terminal = number[0] == TERMINALS and path.startswith("/dev/pts/")
            is_device = stat.S_ISBLK(found.st_mode) or stat.S_ISCHR(found.st_mode)
            if is_device and number not in USUAL_DEVICES and not is_terminal:
                raise Open(path)
    names = ("sda", "vda", "nvme0n1", "mem", "kmem", "port", "kvm", "fuse", "vhost-vsock", "dri/card0", "snd/timer")
    return refused(*(opened(f"/dev/{name}") for name in names), by=DENIED | ABSENT)


def kernel_settings() -> str:
    """Opened, not written."""
    paths = (
        "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
        "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward", "/sys/kernel/uevent_helper",
        "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/power/state", "/proc/irq/0/smp_affinity",
    )  # fmt: skip
    return refused(*(opened(path, os.O_WRONLY) for path in paths), by=DENIED | ABSENT | READ_ONLY)


def sysrq() -> str:
    """Opened, not written."""
    return refused(opened("/proc/sysrq-trigger", os.O_WRONLY), by=DENIED | ABSENT | READ_ONLY)


def hidden_kernel_files() -> str:
    """Files that show the state of the whole machine: engines hide them."""
    said = {}
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"):
        try:
            with open(path, "rb") as file:
                if file.read(1):
                    raise Open(path)
            said["empty"] = True
        except OSError as error:
            said[str(error.strerror)] = True
    for folder in ("/proc/acpi", "/proc/scsi", "/sys/firmware"):
        with contextlib.suppress(OSError):
            if os.listdir(folder):
                raise Open(folder)
    return ", ".join(said)


def cgroups() -> str:
    """Its own limits: files of no cgroup can be written, and none be made."""
    tries: list[Try] = []
    for mount in mounts():
        if mount.kind in ("cgroup", "cgroup2"):
            names = ("cgroup.procs", "release_agent", "notify_on_release", "memory.limit_in_bytes", "memory.max")
            tries += [opened(f"{mount.point}/{name}", os.O_WRONLY) for name in (*names, "pids.max", "cpu.max")]
            tries.append(new_folder(f"{mount.point}/probe"))
    return refused(*tries, by=DENIED | ABSENT | READ_ONLY) or "none is seen"


def new_folder(path: str) -> Try:
    """The try to make a folder."""
    return lambda: os.mkdir(path)


def root_file_system() -> str:
    """The whole root is read-only, not only owned by another user."""
    if not os.statvfs("/").f_flag & os.ST_RDONLY and not any(m.point == "/" and m.is_read_only for m in mounts()):
        raise Open("it is not read-only")
    places = ("/", "/etc/", "/usr/bin/", "/var/tmp/", "/opt/", "/run/", "/home/", f"{home_of_root()}/")
    tries = [opened(f"{place}probe", os.O_WRONLY | os.O_CREAT) for place in places]
    return refused(*tries, by=DENIED | ABSENT | READ_ONLY)


def host_folders(scratch: list[str]) -> str:
    """Nothing is mounted but what a sandbox has, and only its own places can be written to."""
    usual = {"/", "/dev", "/proc", "/sys", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts", *scratch}
    for mount in mounts():
        inside = mount.point.startswith(("/proc/", "/sys/", "/dev/"))
        if mount.point not in usual and not inside:
            raise Open(mount.point)
        if mount.point not in scratch and is_writable(mount):
            raise Open(f"{mount.point} can be written to")
    return "none is there"


def is_writable(mount: Mount) -> bool:
    """Whether files can be left there, apart from a few in memory."""
    if not stat.S_ISDIR(os.lstat(mount.point).st_mode) or not os.access(mount.point, os.W_OK):
        return False
    room = os.statvfs(mount.point)
    return mount.kind not in ("tmpfs", "mqueue") or room.f_blocks * room.f_frsize > SMALL_BYTES


def host_root() -> str:
    """The root of another process would lead out of our own."""
    return refused(listed("/proc/1/root"), listed("/proc/1/cwd"), opened("/proc/1/exe"))


def files_of_root() -> str:
    """What only root may read."""
    return refused(opened("/etc/shadow"), listed(home_of_root()), by=DENIED | ABSENT)


def home_of_root() -> str:
    """Root's home folder; a path that can't exist when the image names none."""
    try:
        return pwd.getpwuid(0).pw_dir
    except KeyError:
        return "/nowhere"


def attempts(scratch: list[str]) -> dict[str, Callable[[], str]]:
    """The attempts of this module, by name; only the folders ``scratch`` may be written to."""
    return {
        "new devices": new_devices,
        "devices": devices,
        "kernel settings": kernel_settings,
        "sysrq": sysrq,
        "hidden kernel files": hidden_kernel_files,
        "its cgroup": cgroups,
        "the root file system": root_file_system,
        "folders of the host": lambda: host_folders(scratch),
        "the host's root": host_root,
        "root's files": files_of_root,
    }
