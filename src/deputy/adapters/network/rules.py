"""The rules of an open gateway: which hosts, ports and addresses may be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deputy.adapters.network.addresses import is_closed
from deputy.adapters.network.proxy_request import Refused
from deputy.domain.errors import BadInput
from deputy.domain.text.hosts import covers_host, host_pattern

PORTS = frozenset({80, 443})
_ASK = "ask the policy owner to add it to network in repos.toml and to allow use-network for it"


@dataclass(frozen=True)
class Rules:
    """``hosts`` may be reached. ``internal`` maps hosts with internal addresses to ports next to 80 and 443."""

    hosts: tuple[str, ...]
    internal: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def check(self, host: str, port: int) -> None:
        """``Refused`` when nothing may go to this host and port."""
        if not any(covers_host(pattern, host) for pattern in self.hosts):
            raise Refused(403, "it is not in this repository's network list", host, port, _ASK)
        ports = PORTS.union(*(more for pattern, more in self.internal.items() if covers_host(pattern, host)))
        if port not in ports:
            raise Refused(403, "only ports 80 and 443 can be reached", host, port)

    def is_internal(self, host: str) -> bool:
        """Whether the host is one of the internal hosts, whose addresses are not checked."""
        return any(covers_host(pattern, host) for pattern in self.internal)

    def permitted(self, host: str, port: int, addresses: Sequence[str]) -> list[str]:
        """The addresses that may be connected to; ``Refused`` when there is none."""
        if self.is_internal(host):
            return list(addresses)
        found = [address for address in addresses if not is_closed(address)]
        if not found:
            remedy = "name it in DEPUTY_INTERNAL_HOSTS if sandboxes may reach it"
            raise Refused(403, "its address is internal", host, port, remedy)
        return found


def read_rules(hosts: Sequence[str], internal: Sequence[str]) -> Rules:
    """The rules from these lists, as people write them; ``BadInput`` names a bad entry."""
    inside: dict[str, frozenset[int]] = {}
    for text in internal:
        name, colon, port = text.partition(":")
        if colon and not (port.isdecimal() and 0 < int(port) < 1 << 16):
            raise _bad(f"{text[:100]!r} has no proper port", "DEPUTY_INTERNAL_HOSTS")
        pattern = _pattern(name, "DEPUTY_INTERNAL_HOSTS")
        inside[pattern] = inside.get(pattern, frozenset()) | ({int(port)} if colon else frozenset())
    return Rules(tuple(_pattern(text, "network in repos.toml") for text in hosts), inside)


def _pattern(text: str, where: str) -> str:
    try:
        return host_pattern(text)
    except ValueError as error:
        raise _bad(str(error), where) from None


def _bad(why: str, where: str) -> BadInput:
    return BadInput("a list of hosts can't be used", why, f"correct {where}")
