"""What `deputy repo build` prints: steps, the end of the output, and what became of each repository."""

import pytest
from rich.console import Console

from deputy.app.repos import build as build_commands
from deputy.app.repos import build_progress
from deputy.app.repos.build import Built
from deputy.app.repos.build_progress import Tail, shown
from deputy.ports import BuildStep

STEPS = (
    BuildStep(0, 0, "another build of the same environment"),
    BuildStep(1, 2, "pip install six", b"Collecting six\n"),
    BuildStep(1, 2, "pip install six", b"Installed\n"),
    BuildStep(2, 2, "save the image"),
)


def test_without_a_terminal_each_step_is_a_line(capsys):
    with shown("acme/shop", quiet=False) as show:
        for step in STEPS:
            show(step)
    assert capsys.readouterr().out.splitlines() == [
        "acme/shop  waiting for another build of the same environment",
        "acme/shop  1/2  pip install six",
        "acme/shop  2/2  save the image",
    ]
    with shown("acme/shop", quiet=True) as show:
        show(STEPS[1])
    assert capsys.readouterr().out == ""


def test_on_a_terminal_there_is_a_bar_and_the_end_of_the_output(monkeypatch):
    screen = Console(force_terminal=True, width=100, height=30, record=True)
    monkeypatch.setattr(build_progress, "console", screen)
    with shown("acme/shop", quiet=False) as show:
        show(STEPS[0])
        show(BuildStep(1, 2, "pip install [bold]six", b"Collecting \x1b[31msix\nmore"))
        screen.print(show.__self__._render())  # type: ignore[attr-defined]
    text = screen.export_text()
    assert "acme/shop" in text
    assert "pip install [bold]six" in text, "no markup is read from a command"
    assert "Collecting \\x1b[31msix" in text, "nor a terminal's commands from its output"
    assert "more" in text


def test_the_tail_keeps_whole_lines_and_starts_over_at_a_carriage_return():
    tail = Tail(lines=2)
    for piece in (b"one\ntw", b"o\nthree\r\n", b" 10 %\r 20 %", b"\r 30 %"):
        tail.add(piece)
    assert tail.lines() == ["two", "three", " 30 %"]


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (Built("acme/tiny"), ["acme/tiny  needs no environment: its sandboxes start from the default image"]),
        (
            Built("acme/shop", image="deputy-env-x:1", size=400 * 1024**2, added=9 * 1024**2, seconds=12, is_new=True),
            ["acme/shop  built in 12 s: deputy-env-x:1 (400 MB, 9 MB of it its own)"],
        ),
        (
            Built("acme/shop", image="deputy-env-x:1", size=400 * 1024**2, added=9 * 1024**2),
            ["acme/shop  already there: deputy-env-x:1 (400 MB, 9 MB of it its own)"],
        ),
        (
            Built("acme/shop", error="it can't be built", output="first\n[bold]why", todo="correct it"),
            ["acme/shop  failed: it can't be built", "    first", "    [bold]why", "  Correct it."],
        ),
    ],
)
def test_the_outcome_of_each_repository_is_printed(capsys, result, lines):
    build_commands._tell(result)
    assert capsys.readouterr().out.splitlines() == lines
