"""The connection to a Docker engine: opened at first use, with errors in plain words and removal made sure."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import structlog
from docker import DockerClient
from docker.api.client import APIClient

from deputy.adapters.sandbox.engine.gateway import is_missing, unreachable
from deputy.domain.errors import DeputyError, SandboxFailed, Unavailable

log = structlog.get_logger(__name__)

OWNER_LABEL = "deputy.home"
TASK_LABEL = "deputy.task"
NAME_LABEL = "deputy.sandbox"
# Until when (in seconds since 1970) a builder may be in use.
UNTIL_LABEL = "deputy.until"

CONFLICT = 409
# docker-py's own default: how long the engine may take until it begins to answer.
_SECONDS = 60
# Packing up, measuring or removing many gigabytes takes it that long.
PATIENT_SECONDS = 900
_GONE_SECONDS = 15.0
_GONE_POLL_SECONDS = 0.02


class DockerEngine:
    """A Docker engine. ``base_url`` of None means ``DOCKER_HOST`` or the local socket."""

    def __init__(self, base_url: str | None = None) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._connected: APIClient | None = None
        self._patient: APIClient | None = None
        self._cpus = 1

    @property
    def api(self) -> APIClient:
        """The connection, opened at first use: a missing engine must not stop the program before it is needed."""
        with self._lock:
            if self._connected is None:
                connected = self._connect(_SECONDS)
                self._cpus = int(connected.info()["NCPU"])
                self._connected = connected
            return self._connected

    @property
    def patient(self) -> APIClient:
        """The connection for slow requests, in which the engine writes, reads or measures whole images."""
        with self._lock:
            if self._patient is None:
                self._patient = self._connect(PATIENT_SECONDS)
            return self._patient

    def _connect(self, seconds: int) -> APIClient:
        if self._base_url:
            return DockerClient(base_url=self._base_url, timeout=seconds).api
        return DockerClient.from_env(timeout=seconds).api

    @property
    def cpus(self) -> int:
        """The processors of the engine's machine."""
        return self._cpus if self.api else 1

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        with self._lock:
            for api in (self._connected, self._patient):
                if api is not None:
                    api.close()
            self._connected = self._patient = None

    @contextmanager
    def errors(self, image: str, remedy: str = "run 'make setup'") -> Iterator[None]:
        """Turn the engine's errors into ours. ``remedy`` is what to do when ``image`` is missing."""
        try:
            yield
        except DeputyError:
            raise
        except docker.errors.ImageNotFound as error:
            raise Unavailable(f"the sandbox image {image} is missing", "the engine does not have it", remedy) from error
        except docker.errors.APIError as error:
            if is_missing(error.explanation):
                raise unreachable("the Docker engine does not see the folder that its socket is in") from error
            raise SandboxFailed("the Docker engine refused", str(error.explanation or error)[:300]) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            raise Unavailable(
                "the Docker engine does not answer",
                f"tried {self._base_url or 'DOCKER_HOST or the local socket'}",
                "start it or set DOCKER_HOST, then run 'make setup'",
            ) from error

    def remove(self, container: str, seconds: float = _GONE_SECONDS) -> None:
        """Kill and remove a container, and wait until it is gone: the engine may be removing it already."""
        end = time.monotonic() + seconds
        with self.errors(""):
            api = self.patient if seconds > _SECONDS else self.api
            while time.monotonic() < end:
                try:
                    api.remove_container(container, force=True, v=True)
                except docker.errors.NotFound:
                    return
                except docker.errors.APIError as error:
                    if error.status_code != CONFLICT:  # a conflict: a removal is under way
                        raise
                time.sleep(_GONE_POLL_SECONDS)
        raise SandboxFailed(
            "the sandbox can't be removed", f"container {container[:12]} is still there", "remove it by hand"
        )

    def discard(self, container: str, seconds: float = _GONE_SECONDS) -> None:
        """Remove a container without raising: a failure must hide no other error. The sweep removes it later."""
        try:
            self.remove(container, seconds)
        except DeputyError as error:
            log.warning("sandbox.left", container=container[:12], error=str(error))
