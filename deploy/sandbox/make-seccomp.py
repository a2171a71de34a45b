#!/usr/bin/env python3
"""Makes the sandbox's seccomp profile from the one that github.com/containers/common maintains.

    make-seccomp.py /usr/share/containers/seccomp.json > src/deputy/adapters/sandbox/engine/seccomp.json

The source (Debian: package golang-github-containers-common) says which system calls containers need. Taken from it: the
calls that it permits to a container without capabilities. Left out: see REFUSED, each with its reason.
"""

import json
import sys
from pathlib import Path

REFUSED = {
    "namespaces and mounts": "clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree "
    "fsconfig fsmount fsopen fspick pivot_root chroot",
    "other processes' memory and descriptors": (
        "ptrace process_vm_readv process_vm_writev pidfd_getfd process_mrelease kcmp"
    ),
    "keyrings are not namespaced": "keyctl add_key request_key",
    "files by handle": "name_to_handle_at open_by_handle_at fanotify_init fanotify_mark",
    "a history of kernel holes": "io_uring_setup io_uring_enter io_uring_register userfaultfd bpf perf_event_open "
    "modify_ldt memfd_secret",
    "the machine": "reboot syslog adjtimex clock_adjtime clock_adjtime64 swapon swapoff",
    "sockets by number, where no filter sees the family": "socketcall ipc",
}
UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
STREAM, DATAGRAM, TYPE_MASK = 1, 2, 0xF
TCP, UDP, ROUTES = 6, 17, 0
# Family, type and protocol of the sockets that there are; None is any. Not AF_PACKET, AF_ALG, AF_VSOCK and what comes
# next; not SCTP, DCCP, MPTCP and the like, of which to open one loads a module of the kernel; of netlink only what
# name lookups read.
SOCKETS = (
    (UNIX, None, None),
    *(
        (family, kind, protocol)
        for family in (INET, INET6)
        for kind, protocol in ((STREAM, 0), (STREAM, TCP), (DATAGRAM, 0), (DATAGRAM, UDP))
    ),
    (NETLINK, None, ROUTES),
)
# Every CLONE_NEW* flag.
NAMESPACE_FLAGS = 0x7E020080
ENOSYS = 38


def compare(index, value, op, second=0):
    """A condition on a call's argument."""
    return {"index": index, "value": value, "valueTwo": second, "op": f"SCMP_CMP_{op}"}


def allow(names, *args):
    """A rule that lets calls through."""
    return {"names": sorted(names), "action": "SCMP_ACT_ALLOW", "args": list(args)}


def socket_rule(family, kind, protocol):
    """Lets one sort of sockets be opened. The flags of a socket share a number with its type."""
    args = [compare(0, family, "EQ")]
    if kind is not None:
        args.append(compare(1, TYPE_MASK, "MASKED_EQ", kind))
    if protocol is not None:
        args.append(compare(2, protocol, "EQ"))
    return allow(["socket"], *args)


def profile(source):
    """Docker's default profile without what no sandbox needs."""
    refused = {name for names in REFUSED.values() for name in names.split()}
    plain, special = set(), []
    for rule in source["syscalls"]:
        if rule["action"] != "SCMP_ACT_ALLOW" or (rule.get("includes") or {}).get("caps"):
            continue
        names = set(rule["names"]) - refused - {"socket", "socketpair"}
        if rule.get("args"):
            special += [allow(names, *rule["args"])] if names else []
        else:
            plain |= names
    plain -= {name for rule in special for name in rule["names"]}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        # "No such call": libraries then fall back to an older one. Engines before 23 ignore this and say EPERM.
        "defaultErrnoRet": ENOSYS,
        # No 32-bit sub-architectures: their calls have other numbers and other ways around a filter.
        "archMap": [{"architecture": f"SCMP_ARCH_{name}", "subArchitectures": []} for name in ("X86_64", "AARCH64")],
        "syscalls": [
            allow(plain),
            *special,
            *(socket_rule(*sort) for sort in SOCKETS),
            # A pair of another family fails, but only after the kernel has made two sockets of it.
            allow(["socketpair"], compare(0, UNIX, "EQ")),
            allow(["clone"], compare(0, NAMESPACE_FLAGS, "MASKED_EQ", 0)),
            # The flags of clone3 are behind a pointer; libc falls back to clone.
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS, "args": []},
        ],
    }


if __name__ == "__main__":
    json.dump(profile(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), sys.stdout, indent=1)
    sys.stdout.write("\n")
