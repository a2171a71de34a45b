"""How a build is shown while it runs: a bar and the end of what it prints on a terminal, a line for each step else."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from deputy.app.output import console, say
from deputy.domain.text.visible import visible
from deputy.ports import BuildStep

LINES = 6
_LONGEST_LINE = 2000

Show = Callable[[BuildStep], None]


@contextmanager
def shown(repo: str, *, quiet: bool) -> Iterator[Show]:
    """What to tell the build's steps to, until it ends."""
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with _Screen(repo) as show:
            yield show
    else:
        yield _Lines(repo)


class _Lines:
    """A line when a step begins."""

    def __init__(self, repo: str) -> None:
        self._repo, self._last = repo, (0, "")

    def __call__(self, step: BuildStep) -> None:
        if self._last != (step.number, step.text):
            self._last = (step.number, step.text)
            say(f"{self._repo}  {_number(step)}{step.text}")


def _number(step: BuildStep) -> str:
    return f"{step.number}/{step.total}  " if step.total else "waiting for "


class Tail:
    """The last lines of an output that comes in pieces; a carriage return starts a line over, as on a terminal."""

    def __init__(self, lines: int = LINES) -> None:
        self._whole: deque[str] = deque(maxlen=lines)
        self._rest = ""

    def add(self, output: bytes) -> None:
        """The next piece."""
        *whole, rest = (self._rest + output.decode("utf-8", "replace")).replace("\r\n", "\n").split("\n")
        self._whole.extend(line.rpartition("\r")[2] for line in whole)
        self._rest = rest[-_LONGEST_LINE:]

    def lines(self) -> list[str]:
        """The lines, oldest first, fit to be shown."""
        now = self._rest.rpartition("\r")[2]
        return [visible(line) for line in (*self._whole, *([now] if now else ()))]


class _Screen:
    """A bar, the time and the tail, drawn over themselves; a finished step stays as a line."""

    def __init__(self, repo: str) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[repo]}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
        )
        self._task = self._progress.add_task("", total=None, repo=repo)
        self._tail = Tail()
        self._step = (0, "")
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=8, transient=True)

    def __enter__(self) -> Show:
        self._live.start()
        return self._show

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def _show(self, step: BuildStep) -> None:
        if self._step != (step.number, step.text):
            self._step = (step.number, step.text)
            self._tail = Tail()
            self._progress.update(
                self._task,
                completed=max(step.number - 1, 0),
                total=step.total or None,
                description=visible(step.text) if step.total else f"waiting for {step.text}",
            )
        if step.output:
            self._tail.add(step.output)

    def _render(self) -> Group:
        lines = (Text(f"  {line}", style="dim", no_wrap=True, overflow="ellipsis") for line in self._tail.lines())
        return Group(self._progress, *list(lines)[-LINES:])
