"""Commands of the terminal, against what no command line in Typer can do without: importing Typer.

Processor time of the process, not time on the clock: a person on a busy machine waits for other reasons.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence

from benchmarks.measuring import Comparison, Series, Setting, in_turns, one

QUICK = {"deputy --help": ("--help",), "deputy --version": ("--version",), "deputy pollicy": ("pollicy",)}
WORKING = {
    "deputy policy lint": ("policy", "lint", "--policies", "policies"),
    "deputy task list": ("task", "list"),
}


def measure(setting: Setting) -> Sequence[Comparison]:
    """Help, the version and a typing error; then a command that reads a policy and one that reads the database."""
    home = {"DEPUTY_HOME": str(setting.folder)}
    _processor_time((sys.executable, "-m", "deputy.app.cli", "task", "list"), home)()  # makes the database
    return tuple(_compare(setting, name, words, home) for name, words in {**QUICK, **WORKING}.items())


def _compare(setting: Setting, name: str, words: tuple[str, ...], home: dict[str, str]) -> Comparison:
    ours, bare = in_turns(
        setting.repeat,
        one(_processor_time((sys.executable, "-m", "deputy.app.cli", *words), home)),
        one(_processor_time((sys.executable, "-c", "import typer"), home)),
    )
    return Comparison(Series(name, ours), Series('python -c "import typer"', bare))


def _processor_time(argv: tuple[str, ...], environment: dict[str, str]) -> Callable[[], float]:
    """Seconds of processor time that a command takes, its own and the kernel's for it."""

    def run() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return run
