"""The playground with all around it: workspace, model server, sample repositories, Deputy as its own process."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from deputy_playground.driver import Playground
from deputy_playground.model.scripts import SCRIPTS, Script
from deputy_playground.model.server import ModelServer
from deputy_playground.wire import PlaygroundError

SAMPLES = ("shop", "site")
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
_GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Acme",
    "GIT_AUTHOR_EMAIL": "dev@acme.example",
    "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
    "GIT_COMMITTER_NAME": "Acme",
    "GIT_COMMITTER_EMAIL": "dev@acme.example",
    "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
}


def make_repository(source: Path, target: Path) -> None:
    """A bare repository at ``target`` with the files of ``source`` as its one commit on ``main``."""
    work = target.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source, work, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", ".ruff_cache"))
    for command in (
        ("git", "init", "-q", "-b", "main"),
        ("git", "add", "-A", "-f"),
        ("git", "commit", "-q", "-m", f"{source.name}: sample"),
        ("git", "clone", "-q", "--bare", ".", str(target.resolve())),
    ):
        subprocess.run(command, cwd=work, env={**os.environ, **_GIT_ENV}, check=True, capture_output=True)  # noqa: S603
    shutil.rmtree(work)


def _samples() -> Path:
    """The sample repositories: in the installed package, or in the source tree."""
    packaged = Path(str(files("deputy_playground"))) / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "examples"


class Site:
    """Everything running: use as ``with Site(folder) as site``. Deputy knows it by environment variables alone."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        policies: Path | None = None,
        program: Sequence[str] = (sys.executable, "-m", "deputy.app.cli"),
        environment: Mapping[str, str] = MappingProxyType({}),
        scripts: Sequence[Script] = SCRIPTS,
    ) -> None:
        """``program`` runs Deputy's command line; ``environment`` adds to, or replaces, what Deputy is told.

        ``scripts`` are what the scripted model can do.
        """
        self.folder = folder.resolve()
        self.home = self.folder / "home"
        self.policies = self.folder / "policies"
        self._given_policies = policies
        self.slack = Playground(self.folder / "slack", port)
        self.model = ModelServer(scripts=scripts)
        self._program, self._environment = tuple(program), dict(environment)
        self.deputy: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What Deputy is told: tokens, addresses, folders."""
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("SLACK_", "OPENAI_", "DEPUTY_"))
            },
            **self.slack.environment,
            "OPENAI_BASE_URL": self.model.base_url,
            "OPENAI_API_KEY": self.model.api_key,
            "DEPUTY_MODEL": self.model.model,
            "DEPUTY_HOME": str(self.home),
            "DEPUTY_POLICIES": str(self.policies),
            **self._environment,
        }

    def prepare(self) -> None:
        """Sample repositories and a copy of the starter policies, where they are not yet."""
        self.home.mkdir(parents=True, exist_ok=True)
        for name in SAMPLES:
            target = self.home / "remotes" / f"{name}.git"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                make_repository(_samples() / name, target)
        if self.policies.exists():
            return
        if self._given_policies:
            shutil.copytree(self._given_policies, self.policies)
        else:
            self._run("init", str(self.policies))

    def _run(self, *words: str) -> None:
        """Run a command of Deputy's to its end."""
        program = [*self._program, *words]
        done = subprocess.run(program, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if done.returncode:
            raise PlaygroundError(f"`deputy {' '.join(words)}` failed. It said:\n{done.stderr[-2000:]}")

    def start_deputy(self) -> None:
        """Start ``deputy serve`` and wait until it is ready."""
        log = (self.folder / "deputy.log").open("ab")
        self.deputy = subprocess.Popen(  # noqa: S603 - our own program
            [*self._program, "serve"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self._await_ready(self.deputy)

    def _await_ready(self, process: "subprocess.Popen[bytes]") -> None:
        ready = threading.Event()

        def listen() -> None:
            for line in process.stdout or ():
                if b"ready" in line:
                    ready.set()

        threading.Thread(target=listen, name="deputy-output", daemon=True).start()
        deadline = time.monotonic() + READY_SECONDS
        while not ready.wait(0.1):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "deputy.log").read_text(encoding="utf-8", errors="replace")[-2000:]
                raise PlaygroundError(f"Deputy did not start. It said:\n{tail}")

    def stop_deputy(self, number: int = signal.SIGTERM) -> None:
        """Stop Deputy, by a signal of your choice."""
        if self.deputy and self.deputy.poll() is None:
            self.deputy.send_signal(number)
            try:
                self.deputy.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.deputy.kill()
                self.deputy.wait()
        self.deputy = None

    def wait(self) -> None:
        """Until Deputy ends or Ctrl-C."""
        try:
            while self.deputy and self.deputy.poll() is None:
                time.sleep(0.5)
        except KeyboardInterrupt:
            pass

    def __enter__(self) -> Self:
        self.prepare()
        self.slack.start()
        self.model.start()
        try:
            self.start_deputy()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_deputy()
        self.model.stop()
        self.slack.stop()
