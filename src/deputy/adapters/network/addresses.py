"""Addresses that no sandbox may reach, by any name: this host, its network, and cloud metadata.

The networks are listed here, by RFC 6890 and its registries. ``ipaddress.is_private`` differs between versions of
Python, and counts networks as private that belong to nobody.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_CLOSED_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' and clouds' inner addresses
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, a cloud's metadata
        "192.168.0.0/16",
        "198.18.0.0/15",  # measurements inside a site
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_CLOSED_6 = tuple(
    ip_network(text)
    for text in (
        "::/96",  # unspecified, loopback, and version 4 in disguise
        "64:ff9b:1::/48",  # translation to inner addresses
        "2001::/32",  # tunnels to version 4 whose end can't be seen
        "2002::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
# IPv6 networks that carry an IPv4 address in the last 32 bits: mapped addresses, and NAT64.
_CARRIERS = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))


def is_closed(address: str) -> bool:
    """Whether the address is loopback, link-local, private, multicast, unspecified, reserved or this host's own."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if any(parsed in network for network in _CARRIERS):
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
        elif parsed.scope_id or any(parsed in network for network in _CLOSED_6):
            return True
    if isinstance(parsed, IPv4Address) and any(parsed in network for network in _CLOSED_4):
        return True
    return _is_own(parsed)


def _is_own(address: IPv4Address | IPv6Address) -> bool:
    """Whether this host has the address: only then does the kernel let us bind to it."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
