"""Runs a scanner program on hostile content: bounded, without network, and without leaving a process."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deputy.domain.errors import Unavailable

LAUNCHER = Path(__file__).with_name("launch.py")
_SHOWN = 200


@dataclass(frozen=True)
class Bounds:
    """Limits of one run: ``seconds`` of time (and of processor), ``memory`` and ``file_size`` in bytes."""

    seconds: float = 60
    memory: int = 4 * 1024**3
    file_size: int = 64 * 1024**2


@dataclass(frozen=True)
class Output:
    """How a program ended and what it wrote."""

    status: int
    out: bytes
    errors: str


def run(program: str, argv: Sequence[str], folder: Path, bounds: Bounds) -> Output:
    """Run ``argv`` in ``folder/in``; ``program`` is its name. ``Unavailable`` when it did not end by itself.

    Its home, its temporary files and what it writes are in ``folder`` too, so that they go with it.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    limits = [str(number) for number in (int(bounds.seconds) + 1, bounds.memory, bounds.file_size)]
    out, errors = folder / f"{program}.out", folder / f"{program}.err"
    with out.open("wb") as out_file, errors.open("wb") as errors_file:
        process = subprocess.Popen(  # noqa: S603 - a list of words of ours, never a shell
            [sys.executable, "-I", "-S", str(LAUNCHER), *limits, *argv],
            cwd=folder / "in",
            env={"HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out_file,
            stderr=errors_file,
            start_new_session=True,
        )
        try:
            status = process.wait(bounds.seconds)
        except subprocess.TimeoutExpired:
            raise broken(program, f"it took longer than {bounds.seconds:g} s") from None
        finally:
            _end(process)
    if status < 0:
        raise broken(program, f"it was ended by {signal.Signals(-status).name}")
    return Output(status, out.read_bytes(), errors.read_text("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group: what the program started must not outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_sealed() -> bool:
    """Whether the kernel lets us run programs without any network."""
    try:
        probe = [sys.executable, "-I", "-S", str(LAUNCHER), "--probe"]
        return subprocess.run(probe, capture_output=True, timeout=30, check=False).stdout == b"sealed\n"  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def broken(program: str, why: str) -> Unavailable:
    """The error for a scanner that gave no result."""
    why = "".join(letter if letter.isprintable() else " " for letter in why)[:_SHOWN]
    return Unavailable(
        f"{program} gave no result", why, f"run `{program} --help` on Deputy's machine, see docs/scanners"
    )


def installed(program: str) -> Path | None:
    """A program that is installed next to this Python; never another one on the search path."""
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    return Path(found) if found else None
