"""Counts the traffic of a gateway by host and port, and its refusals. The rows are bounded: names can be invented.

Adding up never hides where data went. Refusals have rows of their own; a listed host always has its own row; names
below a listed ``*.`` are added up under it when there are too many.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from deputy.domain.text.hosts import BELOW, covers_host
from deputy.ports import NetworkUse

MAX_REFUSED = 200
MAX_BELOW = 200
OTHERS = "(other hosts)"
_LONGEST = 253

_Key = tuple[str, int, str]


class Tally:
    """Written by the proxy's thread, read by any thread. ``hosts`` are the allowed hosts, as the rules list them."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._named = frozenset(host for host in hosts if not host.startswith(BELOW))
        self._below = tuple(host for host in hosts if host.startswith(BELOW))
        self._uses: dict[_Key, NetworkUse] = {}
        self._rows = Counter[str]()  # rows used: by listed ``*.`` and, for refusals, by OTHERS
        self.total = Counter[str]()

    def connected(self, host: str, port: int) -> None:
        """A connection was made."""
        self._add((host, port, ""), connections=1)

    def moved(self, host: str, port: int, *, sent: int = 0, received: int = 0) -> None:
        """Bytes went to the host (``sent``) or came from it."""
        self._add((host, port, ""), sent=sent, received=received)
        self.total.update(sent=sent, received=received)

    def refused(self, host: str, port: int, why: str) -> None:
        """A connection was refused."""
        self._add((_shown(host), port, why), connections=1)

    def uses(self) -> tuple[NetworkUse, ...]:
        """Everything so far, by host, port and refusal."""
        copied = self._uses.copy()  # one step of the interpreter, so no change is seen in part
        return tuple(copied[key] for key in sorted(copied))

    def _add(self, key: _Key, **more: int) -> None:
        if key not in self._uses:
            key = self._row(key)
        use = self._uses.get(key) or NetworkUse(key[0], key[1], refused=key[2])
        self._uses[key] = replace(
            use,
            connections=use.connections + more.get("connections", 0),
            sent=use.sent + more.get("sent", 0),
            received=use.received + more.get("received", 0),
        )

    def _row(self, key: _Key) -> _Key:
        """The row for a new key: its own, or the one under which it is added up."""
        host, port, refused = key
        if refused:
            group, added_up, most = OTHERS, (OTHERS, 0, refused), MAX_REFUSED
        elif host in self._named:
            return key
        else:
            group = next(pattern for pattern in self._below if covers_host(pattern, host))
            added_up, most = (group, port, ""), MAX_BELOW
        if self._rows[group] >= most:
            return added_up
        self._rows[group] += 1
        return key


def _shown(host: str) -> str:
    """A name from a sandbox, in a form that can be shown."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in host[:_LONGEST]) or "(no host)"
