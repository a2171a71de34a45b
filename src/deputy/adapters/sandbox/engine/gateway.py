"""How a container gets to a gateway: what is mounted into it, which variables lead there, and where it can't work."""

from docker.api.client import APIClient

from deputy.adapters.sandbox.guest.relay import PORT, SOCKET
from deputy.domain.errors import Unavailable

_FOLDER = SOCKET.rpartition("/")[0]
# What docker-py calls an engine behind a socket of this host's.
_HERE = "http+docker://localhost"
_NO_FOLDER = "bind source path does not exist"


def environment(gateway: str) -> dict[str, str]:
    """What leads programs to the box's relay; nothing where there is no gateway. Some look at one spelling only."""
    if not gateway:
        return {}
    relay, own = f"http://127.0.0.1:{PORT}", "localhost,127.0.0.1"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return {**dict.fromkeys(names, relay), "NO_PROXY": own, "no_proxy": own}


def mounts(gateway: str) -> list[dict[str, str | bool]]:
    """The gateway's folder. A mount, not a volume: for that the engine would make the folder where there is none."""
    return [{"Type": "bind", "Source": gateway, "Target": _FOLDER, "ReadOnly": True}] if gateway else []


def refuse_remote(api: APIClient, gateway: str) -> None:
    """``Unavailable`` when a gateway is wanted in a container of another machine's engine."""
    if gateway and api.base_url != _HERE:
        raise unreachable("the Docker engine is on another machine, where the gateway's socket is not")


def is_missing(explanation: object) -> bool:
    """Whether the engine says that it can't find the gateway's folder: it has another file system than we."""
    return _NO_FOLDER in str(explanation)


def unreachable(why: str) -> Unavailable:
    """The sentence for a gateway that a sandbox can't get to."""
    return Unavailable(
        "this repository's work may use the network, but its sandbox can't reach the gateway",
        why,
        "use an engine on Deputy's own host that sees its files (docs/network.md), or take network out of repos.toml",
    )
