"""Addresses that no sandbox may reach, whatever name leads to them: this host, its network, and cloud metadata."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from deputy.domain.text.ip_ranges import CLOSED_4, CLOSED_6, is_in

# Addresses of version 4, as version 6 writes them and as a translating network does.
_CARRIERS = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))


def is_closed(address: str) -> bool:
    """Whether the address is loopback, link-local, private, multicast, unspecified, reserved or this host's own."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        if is_in(parsed, _CARRIERS):
            parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
        elif parsed.scope_id or is_in(parsed, CLOSED_6):
            return True
    if isinstance(parsed, IPv4Address) and is_in(parsed, CLOSED_4):
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
