"""Print whether a Docker engine answers: ``ready``, ``denied``, ``starting`` or ``absent``. Standard library only.

Asked at ``DOCKER_HOST``, or else at the default socket. ``starting``: a process holds the default pid file and does not
answer yet; a second engine beside it would break its network.
"""

import http.client
import os
import socket
import subprocess
from pathlib import Path

DEFAULT = "unix:///var/run/docker.sock"
SECONDS = 5.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def _ping(connection: http.client.HTTPConnection) -> bool:
    connection.request("GET", "/_ping")
    return connection.getresponse().status == http.client.OK


def _docker_version() -> bool:
    # TLS and ssh addresses: the docker command knows how.
    return subprocess.run(["docker", "version"], capture_output=True, timeout=4 * SECONDS, check=False).returncode == 0


def _answers(host: str) -> bool:
    scheme, _, rest = host.partition("://")
    if scheme == "unix":
        return _ping(_UnixConnection(rest))
    return _docker_version()


def _is_starting(pid_file: Path) -> bool:
    try:
        return Path("/proc", pid_file.read_text().strip(), "stat").exists()
    except OSError:
        return False


def state(host: str, pid_file: Path) -> str:
    """What there is at ``host``."""
    try:
        if _answers(host):
            return "ready"
    except PermissionError:
        return "denied"
    except (OSError, http.client.HTTPException, subprocess.SubprocessError):
        pass
    return "starting" if host == DEFAULT and _is_starting(pid_file) else "absent"


if __name__ == "__main__":
    print(state(os.environ.get("DOCKER_HOST") or DEFAULT, Path("/var/run/docker.pid")))
