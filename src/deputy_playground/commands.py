"""``deputy playground`` and ``deputy demo``: commands that this package adds to the command line."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from deputy_playground.wire import PlaygroundError

Folder = Annotated[Path, typer.Option(help="Where the playground keeps its state.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(playground)
    app.command()(demo)


def playground(
    folder: Folder = Path(".deputy/playground"),
    port: Annotated[int, typer.Option(help="Port of the page, on loopback.")] = 8080,
) -> None:
    """A local Slack workspace with Deputy in it, to click around in. Ctrl-C stops it."""
    from deputy_playground.site import Site

    with _plainly(), Site(folder, port) as site:
        typer.echo(f"Open {site.slack.url} and ask, for example: @Deputy can you just fix the lint in `shop`")
        typer.echo("Switch persona at the bottom left: Alice asks, Sam approves, Cora audits. Ctrl-C stops.")
        site.wait()


def demo(
    folder: Folder = Path(".deputy/demo"),
    out: Annotated[Path, typer.Option(help="Where patches, evidence and threads go.")] = Path("demo-out"),
) -> None:
    """Play the tour: five requests, from the question in the thread to the audited patch."""
    from deputy_playground.demo import run_tour

    with _plainly():
        failed = run_tour(folder, out)
    raise typer.Exit(failed)


@contextmanager
def _plainly() -> Iterator[None]:
    """Trouble of the playground's own (a taken port, a Deputy that does not start) is a sentence, not a traceback."""
    # A polite end by a process manager must stop Deputy too, which runs as a process of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    except PlaygroundError as error:
        typer.echo(f"deputy: {error}", err=True)
        raise typer.Exit(1) from None
