"""Others' sandboxes, driven by lines of JSON: a request comes in on stdin, seconds go out on stdout.

Runs in a virtual environment of its own (see ``rivals``), never in Deputy's: it imports nothing of ours. Each rival is
used as its own documentation shows it, with its defaults.
"""

import asyncio
import json
import logging
import subprocess
import sys
from time import perf_counter
from typing import Any, Protocol


class Rival(Protocol):
    """Start, one command, stop."""

    def start(self, image: str) -> None: ...
    def run(self, command: str) -> None: ...
    def stop(self) -> None: ...


class MiniSweAgent:
    """Its Docker environment: ``docker run -d`` and a ``docker exec`` per command."""

    def start(self, image: str) -> None:
        from minisweagent.environments.docker import DockerEnvironment  # type: ignore[import-not-found]

        self.environment = DockerEnvironment(image=image, cwd="/workspace")

    def run(self, command: str) -> None:
        done = self.environment.execute({"command": command})
        if done["returncode"] != 0:
            raise AssertionError(done)

    def stop(self) -> None:
        # Its own cleanup waits ten seconds, in the background.
        name, self.environment.container_id = self.environment.container_id, None
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=True)


class SweRex:
    """Its Docker deployment: a web server in the container, and a shell session in it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def start(self, image: str) -> None:
        from swerex.deployment.docker import DockerDeployment  # type: ignore[import-not-found]
        from swerex.runtime.abstract import CreateBashSessionRequest  # type: ignore[import-not-found]

        self.deployment = DockerDeployment(image=image, pull="never", python_standalone_dir=None)
        self.loop.run_until_complete(self.deployment.start())
        self.loop.run_until_complete(self.deployment.runtime.create_session(CreateBashSessionRequest()))

    def run(self, command: str) -> None:
        from swerex.runtime.abstract import BashAction

        self.loop.run_until_complete(self.deployment.runtime.run_in_session(BashAction(command=command)))

    def stop(self) -> None:
        self.loop.run_until_complete(self.deployment.stop())


RIVALS: dict[str, type[Rival]] = {"mini-swe-agent": MiniSweAgent, "swe-rex": SweRex}


def serve() -> None:
    """Answer until stdin ends; then stop what still runs."""
    logging.disable(logging.CRITICAL)
    running = {name: make() for name, make in RIVALS.items()}
    for line in sys.stdin:
        rival, act, *words = json.loads(line)
        began = perf_counter()
        try:
            getattr(running[rival], act)(*words)
            answer: dict[str, Any] = {"seconds": perf_counter() - began}
        except Exception as error:  # noqa: BLE001 (whatever it is, it is theirs, and is told)
            answer = {"failed": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), file=ANSWERS, flush=True)


if __name__ == "__main__":
    # They print to stdout as they like; the answers have a way of their own.
    ANSWERS, sys.stdout = sys.stdout, sys.stderr
    serve()
