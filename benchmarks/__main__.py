"""``python -m benchmarks [--only NAME] [--repeat N] [--tiny] [--json FILE]``."""

import json
import logging
import tempfile
from pathlib import Path
from typing import Annotated

import structlog
import typer

from benchmarks.catalog import BENCHMARKS
from benchmarks.machine import machine
from benchmarks.measuring import Comparison, Setting
from benchmarks.report import as_json, lines


def main(
    only: Annotated[list[str] | None, typer.Option(help="Only this benchmark; may be repeated.")] = None,
    repeat: Annotated[int, typer.Option(min=0, help="Rounds of each; 0 is each benchmark's own number.")] = 0,
    tiny: Annotated[bool, typer.Option(help="The smallest sizes: shows that it runs, measures nothing.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every single time here, too.")] = None,
) -> None:
    """Measure Deputy against doing the same without it, both in this run."""
    unknown = sorted(set(only or ()) - {each.name for each in BENCHMARKS})
    if unknown:
        known = ", ".join(each.name for each in BENCHMARKS)
        raise typer.BadParameter(f"there is no benchmark {', '.join(unknown)}. There are: {known}.")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    found: dict[str, list[Comparison]] = {}
    with tempfile.TemporaryDirectory(prefix="deputy-bench-") as scratch:
        host = machine(Path(scratch))
        print("Machine: " + ", ".join(f"{name} {value}" for name, value in host.items()))
        print("Each time is a median, then the middle half of all, taken in turns with its baseline.", flush=True)
        for each in (each for each in BENCHMARKS if not only or each.name in only):
            folder = Path(scratch) / each.name
            folder.mkdir()
            found[each.name] = list(each.measure(Setting(folder, repeat or (1 if tiny else each.repeat), tiny)))
            print("\n".join(lines(each, found[each.name])), flush=True)
    if json_file:
        json_file.write_text(json.dumps(as_json(host, found), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
