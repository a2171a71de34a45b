"""The engine's options and the system-call filter, as values."""

import json

import pytest

from deputy.adapters.sandbox.engine.hardening import covered, host_options, seccomp_profile
from deputy.ports import SandboxLimits

REFUSED = [
    "mount",
    "umount2",
    "unshare",
    "setns",
    "pivot_root",
    "chroot",
    "open_tree",
    "fsopen",
    "ptrace",
    "process_vm_readv",
    "pidfd_getfd",
    "keyctl",
    "add_key",
    "request_key",
    "bpf",
    "perf_event_open",
    "io_uring_setup",
    "userfaultfd",
    "name_to_handle_at",
    "open_by_handle_at",
    "socketcall",
    "init_module",
    "kexec_load",
    "reboot",
    "syslog",
    "acct",
    "settimeofday",
    "clock_settime",
    "swapon",
    "iopl",
    "move_mount",
    "fsmount",
    "fsconfig",
    "fspick",
    "mount_setattr",
    "memfd_secret",
    "process_madvise",
    "process_mrelease",
    "kcmp",
    "fanotify_init",
    "statmount",
    "listmount",
    "vmsplice",
    "quotactl",
    "lookup_dcookie",
]
NEEDED = [
    "execve",
    "openat",
    "read",
    "write",
    "futex",
    "wait4",
    "kill",
    "pipe2",
    "rseq",
    "statx",
    "bind",
    "listen",
    "accept4",
    "epoll_wait",
]


def rules(name: str) -> list[dict[str, object]]:
    return [rule for rule in json.loads(seccomp_profile())["syscalls"] if name in rule["names"]]


@pytest.mark.parametrize("name", REFUSED)
def test_a_dangerous_call_is_in_no_rule(name: str) -> None:
    assert rules(name) == []


@pytest.mark.parametrize("name", NEEDED)
def test_an_ordinary_call_is_permitted_whatever_its_arguments(name: str) -> None:
    assert [(rule["action"], rule["args"]) for rule in rules(name)] == [("SCMP_ACT_ALLOW", [])]


def test_sockets_are_of_four_families_and_of_no_unusual_protocol() -> None:
    conditions = [[(a["index"], a["valueTwo"] or a["value"]) for a in rule["args"]] for rule in rules("socket")]  # type: ignore[attr-defined]
    of_the_internet = [
        [(0, family), (1, kind), (2, protocol)]
        for family in (2, 10)
        for kind, protocol in ((1, 0), (1, 6), (2, 0), (2, 17))
    ]
    assert conditions == [[(0, 1)], *of_the_internet, [(0, 16), (2, 0)]]


def test_pairs_of_sockets_are_unix_sockets() -> None:
    (pair,) = rules("socketpair")
    assert pair["args"] == [{"index": 0, "value": 1, "valueTwo": 0, "op": "SCMP_CMP_EQ"}]


def test_clone_makes_no_namespace_and_clone3_does_not_exist() -> None:
    (clone,) = rules("clone")
    assert clone["args"] == [{"index": 0, "value": 0x7E020080, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
    (clone3,) = rules("clone3")
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_what_has_no_rule_is_refused() -> None:
    assert json.loads(seccomp_profile())["defaultAction"] == "SCMP_ACT_ERRNO"


def test_no_more_processors_than_the_engine_has() -> None:
    assert host_options(SandboxLimits(cpus=8), 2, None)["nano_cpus"] == 2_000_000_000
    assert host_options(SandboxLimits(cpus=0.5), 2, None)["nano_cpus"] == 500_000_000


def test_swap_is_not_a_way_around_the_memory_limit() -> None:
    options = host_options(SandboxLimits(memory=1000), 2, None)
    assert options["mem_limit"] == options["memswap_limit"] == 1000


def test_every_writable_place_is_bounded_in_bytes_and_inodes() -> None:
    tmpfs = host_options(SandboxLimits(disk=4000, inodes=400), 2, None)["tmpfs"]
    assert set(tmpfs) == {"/workspace", "/tmp"}
    assert "size=4000,nr_inodes=400," in tmpfs["/workspace"]
    assert "size=1000,nr_inodes=100," in tmpfs["/tmp"]
    assert all("nosuid,nodev" in options for options in tmpfs.values())


def test_a_runtime_is_named_only_when_it_is_set() -> None:
    assert "runtime" not in host_options(SandboxLimits(), 2, None)
    assert host_options(SandboxLimits(), 2, "runsc")["runtime"] == "runsc"


def test_an_images_volumes_become_bounded_memory_and_never_the_workspace() -> None:
    limits = SandboxLimits(disk=4000, inodes=400)
    options = host_options(limits, 2, None)
    tmpfs = covered(options, ("/data", "/workspace"), limits)["tmpfs"]
    assert set(tmpfs) == {"/workspace", "/tmp", "/data"}
    assert "size=1000,nr_inodes=100," in tmpfs["/data"]
    assert tmpfs["/workspace"] == options["tmpfs"]["/workspace"]
