"""What commands print: text for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deputy.domain.text.visible import visible

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

console = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line as it is: no markup is read from it, and what would command a terminal is shown instead."""
    console.print(visible(text), markup=False)


def say_json(value: JsonValue) -> None:
    """Print a JSON value."""
    console.print(json.dumps(value, indent=2, ensure_ascii=False), markup=False)


def say_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows under the names of their columns."""
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(value)) for value in row.values()))
    console.print(table)
