"""What went through a gateway, by host and port, refusals beside it. Bounded: a sandbox can invent names for ever."""

from collections import Counter
from dataclasses import replace

from deputy.ports import NetworkUse

MOST_ROWS = 200
OTHERS = "(other hosts)"
_LONGEST = 253


class Tally:
    """Written by the proxy's thread; read by any."""

    def __init__(self) -> None:
        self._uses: dict[tuple[str, int, str], NetworkUse] = {}
        self.total = Counter[str]()

    def connected(self, host: str, port: int) -> None:
        """A connection was made."""
        self._add(host, port, connections=1)

    def moved(self, host: str, port: int, *, sent: int = 0, received: int = 0) -> None:
        """Bytes went to the host (``sent``) or came from it."""
        self._add(host, port, sent=sent, received=received)
        self.total.update(sent=sent, received=received)

    def refused(self, host: str, port: int, why: str) -> None:
        """A connection was refused."""
        self._add(_shown(host), port, why, connections=1)

    def uses(self) -> tuple[NetworkUse, ...]:
        """Everything so far, by host, port and refusal."""
        copied = self._uses.copy()  # one step of the interpreter, so never half of a change
        return tuple(copied[key] for key in sorted(copied))

    def _add(self, host: str, port: int, refused: str = "", **more: int) -> None:
        if (host, port, refused) not in self._uses and len(self._uses) >= MOST_ROWS:
            host, port = OTHERS, 0
        key = (host, port, refused)
        use = self._uses.get(key) or NetworkUse(host, port, refused=refused)
        self._uses[key] = replace(
            use,
            connections=use.connections + more.get("connections", 0),
            sent=use.sent + more.get("sent", 0),
            received=use.received + more.get("received", 0),
        )


def _shown(host: str) -> str:
    """A name that a sandbox made up, fit to be shown."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in host[:_LONGEST]) or "(no host)"
