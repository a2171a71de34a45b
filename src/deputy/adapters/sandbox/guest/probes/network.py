"""Ways out over a network, and sockets of the host's programs. Nothing is sent where there is an interface."""

# Plain os calls are the point here; what is named is the sandbox's, not this machine's.
# ruff: noqa: PTH123, S108

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Callable

from deputy.adapters.sandbox.guest.probes.trying import (
    ABSENT,
    DENIED,
    NO_SUCH_SOCKET,
    UNREACHABLE,
    Open,
    Try,
    files_in,
    refused,
)


def interfaces() -> list[str]:
    """The network interfaces that are up, without loopback. Kernels put sleeping tunnels into every namespace."""
    up = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for _, name in socket.if_nameindex():
            answer = fcntl.ioctl(asker, 0x8913, struct.pack("16sH14x", name.encode(), 0))  # SIOCGIFFLAGS
            if struct.unpack("16sH14x", answer)[1] & 1 and name != "lo":
                up.append(name)
    return up


def no_interface() -> str:
    """Loopback is all there is."""
    if found := interfaces():
        raise Open(", ".join(found))
    return "loopback only"


def unreachable(send: Try) -> Callable[[], str]:
    """A try to reach something, made only where nothing could leave."""

    def attempt() -> str:
        if found := interfaces():
            raise Open(f"not tried, since there is an interface: {', '.join(found)}")
        return refused(send, by=UNREACHABLE | DENIED | NO_SUCH_SOCKET)

    return attempt


def tcp(address: str, port: int) -> Callable[[], str]:
    """A connection."""
    return unreachable(lambda: socket.create_connection((address, port), timeout=1))


def udp(address: str, port: int, protocol: int = 0) -> Callable[[], str]:
    """A datagram."""
    return unreachable(
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, protocol).sendto(b"\x08" + bytes(7), (address, port))
    )


def no_name() -> str:
    """Names can't be looked up."""
    if found := interfaces():
        raise Open(f"not tried, since there is an interface: {', '.join(found)}")
    try:
        found_addresses = socket.getaddrinfo("example.com", 80)
    except socket.gaierror as error:
        return str(error.strerror)
    raise Open(str(found_addresses)[:60])


def no_socket(family: int, kind: int, protocol: int = 0) -> Try:
    """The try to open a socket, and no more."""
    return lambda: socket.socket(family, kind, protocol)


def raw_sockets() -> str:
    """IPv4 and IPv6."""
    tries = [no_socket(family, socket.SOCK_RAW, 255) for family in (2, 10)]
    return refused(*tries, by=DENIED | NO_SUCH_SOCKET)


def one_family(family: int, *kinds: int) -> Callable[[], str]:
    """A family of sockets, of which none opens."""
    return lambda: refused(*(no_socket(family, kind) for kind in kinds), by=DENIED | NO_SUCH_SOCKET)


def other_families() -> str:
    """Every family but unix, IPv4, IPv6 and netlink. Opening one may load a module of the kernel: all are refused."""
    for family in set(range(48)) - {1, 2, 10, 16}:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                refused(no_socket(family, kind), by=DENIED | NO_SUCH_SOCKET)
            except Open as error:
                raise Open(f"family {family}: {error}") from None
    return "none opens"


def other_pairs() -> str:
    """Pairs of sockets: those of another family fail, too, but only after the kernel has made them."""
    return refused(*(pair(family) for family in (2, 10, 16, 30, 38, 40)), by=DENIED | NO_SUCH_SOCKET)


def pair(family: int) -> Try:
    """The try to make two sockets at once."""
    return lambda: socket.socketpair(family)


def other_netlinks() -> str:
    """Firewall, audit, IPsec, drivers, crypto… by netlink; only routes, which name lookups read, are answered."""
    tries = [no_socket(16, socket.SOCK_RAW, number) for number in (6, 9, 10, 12, 15, 16, 18, 20, 21)]
    return refused(*tries, by=DENIED | NO_SUCH_SOCKET)


def other_protocols() -> str:
    """SCTP, DCCP, UDP-Lite, L2TP, MPTCP, SMC: seldom used, and with a history of holes."""
    kinds = ((132, 5), (132, 1), (33, 6), (0, 5), (0, 6), (136, 2), (115, 2), (262, 1), (256, 1), (6, 2), (17, 1))
    tries = [no_socket(family, kind, protocol) for family in (2, 10) for protocol, kind in kinds]
    return refused(*tries, by=DENIED | NO_SUCH_SOCKET | {errno.ENOPROTOOPT, errno.EINVAL})


_ENGINES = (
    "docker.sock", "containerd/containerd.sock", "docker/containerd/containerd.sock", "podman/podman.sock",
    "crio/crio.sock", "buildkit/buildkitd.sock", "user/1000/docker.sock", "user/1000/podman/podman.sock",
    "dbus/system_bus_socket", "systemd/private",
)  # fmt: skip


def dial(address: str) -> Try:
    """The try to connect to a unix socket."""

    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as dialling:
            dialling.settimeout(1)
            dialling.connect(address)

    return connect


def engine_sockets() -> str:
    """The engine's, under the names that engines use."""
    tries = [dial(f"{folder}/{name}") for folder in ("/run", "/var/run") for name in _ENGINES]
    return refused(*tries, by=ABSENT)


def sockets_of_others() -> str:
    """No socket file is anywhere that a socket would be."""
    for path in files_in("/run", "/var/run", "/var/lib", "/tmp", "/dev", "/mnt", "/srv", "/home", "/workspace"):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                raise Open(path)
    return "none is there"


def abstract_sockets() -> str:
    """Sockets without a file: those of containerd's shims and whatever else this network namespace lists."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        listed = [line.split()[-1] for line in file if " @" in line]
    if listed:
        raise Open(", ".join(listed[:3]))
    tries = [dial(f"\0{name}") for name in ("/containerd-shim/moby/shim.sock", "/tmp/.X11-unix/X0", "/org/bluez")]
    return refused(*tries, by={errno.ECONNREFUSED} | ABSENT)


def attempts() -> dict[str, Callable[[], str]]:
    """The attempts of this module, by name. The addresses are those that are reserved for examples."""
    return {
        "a network interface": no_interface,
        "the engine's bridge": tcp("172.17.0.1", 22),
        "an outside address": tcp("192.0.2.1", 443),
        "an outside address by IPv6": tcp("2001:db8::1", 443),
        "the metadata address": tcp("169.254.169.254", 80),
        "a name server": udp("192.0.2.53", 53),
        "a name": no_name,
        "a ping": udp("192.0.2.1", 0, socket.IPPROTO_ICMP),
        "raw sockets": raw_sockets,
        "packet sockets": one_family(17, socket.SOCK_RAW, socket.SOCK_DGRAM),
        "the hypervisor's sockets": one_family(40, socket.SOCK_STREAM, socket.SOCK_DGRAM),
        "the kernel's crypto sockets": one_family(38, socket.SOCK_SEQPACKET),
        "other socket families": other_families,
        "pairs of other sockets": other_pairs,
        "netlink beyond routes": other_netlinks,
        "other protocols": other_protocols,
        "the engine's socket": engine_sockets,
        "sockets of other programs": sockets_of_others,
        "sockets without a file": abstract_sockets,
    }
