"""Other people's sandboxes, in a virtual environment of their own: Deputy depends on neither.

Installing them needs a package registry. Where none is in reach, the benchmarks say so and compare with bare Docker.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

from benchmarks.docker_cli import IMAGE
from benchmarks.measuring import Setting

MINI: Final = "mini-swe-agent"
REX: Final = "swe-rex"
PINNED: Final = {MINI: "mini-swe-agent==2.4.6", REX: "swe-rex==1.4.0"}
DRIVER = Path(__file__).with_name("rival_driver.py")
INSTALL_SECONDS, ANSWER_SECONDS = 600, 120

# As swe-rex wants it: its server in the image, where its Docker deployment looks for it, compiled as pip would do.
DOCKERFILE = f"""
FROM {IMAGE}
USER root
COPY packages /opt/swe-rex
RUN printf '#!/bin/sh\\nPYTHONPATH=/opt/swe-rex exec python3 -m swerex.server "$@"\\n' >/usr/local/bin/swerex-remote \\
    && chmod 755 /usr/local/bin/swerex-remote && python3 -m compileall -q /opt/swe-rex
USER 1000:1000
"""


class NotInstalled(Exception):
    """The rivals can't be measured here."""


@dataclass(frozen=True)
class Rivals:
    """Those that can be measured, by name; ``why_not`` when there are none."""

    images: dict[str, str]
    process: "subprocess.Popen[str] | None" = None
    why_not: str = ""

    @property
    def names(self) -> Sequence[str]:
        return tuple(self.images)

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"{' and '.join(PINNED)} were not measured: {self.why_not}",) if self.why_not else ()

    def first_command(self, name: str) -> float:
        """Seconds from nothing to a first ``true`` done; it is removed untimed."""
        try:
            return self.ask(name, "start", self.images[name]) + self.run(name)
        finally:
            self.stop(name)

    def start(self, name: str) -> None:
        self.ask(name, "start", self.images[name])

    def run(self, name: str) -> float:
        """Seconds of a ``true`` in what was started."""
        return self.ask(name, "run", "true")

    def stop(self, name: str) -> None:
        self.ask(name, "stop")

    def ask(self, *words: str) -> float:
        """The driver's seconds for one act."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"failed": "its process has ended"}')
        if "failed" in answer:
            raise AssertionError(f"{' '.join(words)}: {answer['failed']}")
        return float(answer["seconds"])


@contextmanager
def rivals(setting: Setting) -> Iterator[Rivals]:
    """The rivals, ready and warmed up; none in the smallest form, or where they can't be installed."""
    if setting.is_tiny:
        yield Rivals({}, why_not="this is the smallest form")
        return
    image = f"deputy-bench-swe-rex:{token_hex(4)}"
    try:
        python = _installed(setting.folder / "rivals")
        _build(setting.folder / "swe-rex", image)
    except NotInstalled as why_not:
        yield Rivals({}, why_not=str(why_not))
        return
    try:
        with _driver(python, setting.folder) as process:
            found = Rivals({MINI: IMAGE, REX: image}, process)
            for name in found.names:
                found.first_command(name)  # the first of a process imports everything
            yield found
    finally:
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False, timeout=60)


def _installed(folder: Path) -> Path:
    """The Python of an environment with both."""
    _must("uv", "venv", "--quiet", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    _must("uv", "pip", "install", "--quiet", "--python", str(python), *PINNED.values())
    return python


def _build(context: Path, image: str) -> None:
    """An image with swe-rex's server: its packages come from here, so that the build needs no network."""
    version = "import platform; print(platform.python_version())"
    told = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", IMAGE, "python3", "-c", version],
        capture_output=True, check=True, text=True, timeout=120,
    )  # fmt: skip
    _must(
        "uv", "pip", "install", "--quiet", "--target", str(context / "packages"), "--python", sys.executable,
        "--python-version", told.stdout.strip(), "--only-binary", ":all:", PINNED[REX],
    )  # fmt: skip
    context.joinpath("Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    _must("docker", "build", "--quiet", "--network", "none", "--tag", image, str(context))


def _must(program: str, *words: str) -> None:
    beside = Path(sys.executable).with_name(program)
    path = str(beside) if beside.exists() else shutil.which(program)
    if path is None:
        raise NotInstalled(f"there is no {program}")
    done = subprocess.run([path, *words], capture_output=True, check=False, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise NotInstalled(f"`{program} {words[0]}` failed: {said[-1].strip()[:200]}")


@contextmanager
def _driver(python: Path, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    quiet = {"MSWEA_GLOBAL_CONFIG_DIR": str(folder), "MSWEA_SILENT_STARTUP": "1"}
    with (folder / "rivals.log").open("wb") as log, subprocess.Popen(
        [str(python), "-P", str(DRIVER)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **quiet},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(ANSWER_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
