"""How a container reaches a gateway: the mount, the variables, and the engines where it can't work."""

from docker.api.client import APIClient

from deputy.adapters.sandbox.guest.relay import PORT, SOCKET
from deputy.domain.errors import Unavailable

_FOLDER = SOCKET.rpartition("/")[0]
# docker-py's address for an engine behind a local socket.
_HERE = "http+docker://localhost"
_NO_FOLDER = "bind source path does not exist"


def environment(gateway: str) -> dict[str, str]:
    """Variables that lead programs to the sandbox's relay; none without a gateway. Some programs read one spelling."""
    if not gateway:
        return {}
    relay, own = f"http://127.0.0.1:{PORT}", "localhost,127.0.0.1"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return {**dict.fromkeys(names, relay), "NO_PROXY": own, "no_proxy": own}


def mounts(gateway: str) -> list[dict[str, str | bool]]:
    """The mount of the gateway's folder. For a volume the engine would create a missing folder; a mount fails."""
    return [{"Type": "bind", "Source": gateway, "Target": _FOLDER, "ReadOnly": True}] if gateway else []


def refuse_remote(api: APIClient, gateway: str) -> None:
    """``Unavailable`` when a gateway is wanted in a container of another machine's engine."""
    if gateway and api.base_url != _HERE:
        raise unreachable("the Docker engine is on another machine, where the gateway's socket is not")


def is_missing(explanation: object) -> bool:
    """Whether the engine says that it can't find the gateway's folder, because it has another file system."""
    return _NO_FOLDER in str(explanation)


def unreachable(why: str) -> Unavailable:
    """The error for a gateway that a sandbox can't reach."""
    return Unavailable(
        "this repository's work may use the network, but its sandbox can't reach the gateway",
        why,
        "use an engine on Deputy's own host that sees its files (docs/network.md), or take network out of repos.toml",
    )
