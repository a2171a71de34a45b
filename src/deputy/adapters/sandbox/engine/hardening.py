"""How a container is sealed: all options that the engine gets, in one place."""

from collections.abc import Iterable
from importlib.resources import files
from typing import TypedDict

from deputy.adapters.sandbox.engine.gateway import mounts
from deputy.ports import SandboxLimits

USER = "1000:1000"
WORKSPACE = "/workspace"
_SCRATCH_SHARE = 4
_SHARED_MEMORY = 64 * 1024**2
_OPEN_FILES = 16_384


class HostOptions(TypedDict, total=False):
    """The options of docker-py's ``create_host_config`` that we use."""

    network_mode: str
    cap_drop: list[str]
    security_opt: list[str]
    read_only: bool
    pids_limit: int
    mem_limit: int
    memswap_limit: int
    mem_swappiness: int
    nano_cpus: int
    ulimits: list[dict[str, str | int]]
    tmpfs: dict[str, str]
    mounts: list[dict[str, str | bool]]
    shm_size: int
    ipc_mode: str
    cgroupns: str
    init: bool
    log_config: dict[str, str]
    auto_remove: bool
    runtime: str


def _limit(name: str, value: int) -> dict[str, str | int]:
    return {"Name": name, "Soft": value, "Hard": value}


def _tmpfs(size: int, inodes: int) -> str:
    # The engine's default is noexec, which no test suite of a compiled language survives.
    return f"rw,exec,nosuid,nodev,size={size},nr_inodes={inodes},uid=1000,gid=1000,mode=0755"


def seccomp_profile() -> str:
    """The system calls that a sandbox may make, as JSON. ``deploy/sandbox/make-seccomp.py`` makes the file."""
    return files(__package__).joinpath("seccomp.json").read_text(encoding="utf-8")


def host_options(limits: SandboxLimits, engine_cpus: int, runtime: str | None, gateway: str = "") -> HostOptions:
    """The engine's options for one sandbox.

    Its tmpfs count against its memory. ``gateway`` is as in ``SandboxSpec``.
    """
    options = HostOptions(
        network_mode="none",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges", f"seccomp={seccomp_profile()}"],
        read_only=True,
        pids_limit=limits.processes,
        # Without swap: equal limits forbid it, and where the kernel doesn't count swap, swappiness 0 does.
        mem_limit=limits.memory,
        memswap_limit=limits.memory,
        mem_swappiness=0,
        nano_cpus=int(min(limits.cpus, engine_cpus) * 1e9),
        ulimits=[_limit("nofile", _OPEN_FILES), _limit("fsize", limits.disk), _limit("core", 0)],
        tmpfs={
            WORKSPACE: _tmpfs(limits.disk, limits.inodes),
            "/tmp": _tmpfs(limits.disk // _SCRATCH_SHARE, limits.inodes // _SCRATCH_SHARE),  # noqa: S108 (in the sandbox)
        },
        shm_size=_SHARED_MEMORY,
        ipc_mode="private",
        cgroupns="private",
        # Our process 1 reaps. docker-init would run as the same user as the sandbox's code.
        init=False,
        log_config={"Type": "none"},
        # When Deputy is killed, the sandbox's stdin closes, so it ends, and the engine removes it.
        auto_remove=True,
    )
    if gateway:
        options["mounts"] = mounts(gateway)
    if runtime:
        options["runtime"] = runtime
    return options


def covered(options: HostOptions, volumes: Iterable[str], limits: SandboxLimits) -> HostOptions:
    """The options with tmpfs in place of the image's volumes, which would be host folders without a limit."""
    size, inodes = limits.disk // _SCRATCH_SHARE, limits.inodes // _SCRATCH_SHARE
    return HostOptions(**{**options, "tmpfs": {**dict.fromkeys(volumes, _tmpfs(size, inodes)), **options["tmpfs"]}})
