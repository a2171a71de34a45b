"""Ranges of IP addresses that are nobody's on the public internet, by RFC 6890 and its registries.

``ipaddress.is_private`` says something else in each version of Python, and counts networks as private that are not.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

# This host, its network, its site, and addresses of no single host.
CLOSED_4: tuple[Network, ...] = tuple(
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
CLOSED_6: tuple[Network, ...] = tuple(
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
# For examples in documentation (RFC 5737).
EXAMPLES_4: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)


def is_in(address: IPv4Address | IPv6Address, networks: Collection[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    return any(address in network for network in networks)
