"""``deputy playground`` and ``deputy demo``: commands that this package adds to the command line."""

from pathlib import Path
from typing import Annotated

import typer

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
    from deputy.playground.site import Site

    with Site(folder, port) as site:
        typer.echo(f"Open {site.slack.url} and ask, for example: @Deputy can you just fix the lint in `shop`")
        typer.echo("Switch persona at the bottom left: Alice asks, Sam approves, Cora audits. Ctrl-C stops.")
        site.wait()


def demo(
    folder: Folder = Path(".deputy/demo"),
    out: Annotated[Path, typer.Option(help="Where patches, evidence and threads go.")] = Path("demo-out"),
) -> None:
    """Play the tour: four requests, from the question in the thread to the audited patch."""
    from deputy.playground.tour import run_tour

    raise typer.Exit(run_tour(folder, out))
