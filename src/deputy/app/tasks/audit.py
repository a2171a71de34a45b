"""``deputy audit …``: query, export, verify, checkpoint."""

import json
from pathlib import Path
from typing import Annotated

import typer

from deputy.app.output import AsJson, console, say, say_json
from deputy.app.tasks.commands import opened_store
from deputy.audit import Head, parse_query, story

app = typer.Typer(help="Read the audit trail and prove that it is what was written.", no_args_is_help=True)


@app.command()
def query(
    words: Annotated[
        list[str] | None, typer.Argument(help="task:D-… actor:user:T…/U… name:vote:* since:2026-01-31")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find events. A task's id alone tells that task's story."""
    text = " ".join(words or [])
    asked = parse_query(f"task:{text.upper()}" if text.upper().startswith("D-") and " " not in text else text)
    with opened_store() as store, store.transaction() as ledger:
        found = ledger.events(task=asked.task, actor=asked.actor, name=asked.name, since=asked.since, limit=asked.limit)
    if as_json:
        say_json([{"seq": e.seq, "hash": e.hash, "prev": e.prev, "body": e.body} for e in found])
    else:
        say(story(found) if found else "Nothing in the trail matches that.")


@app.command()
def verify(
    head: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH that you kept from an earlier `checkpoint`; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the whole trail; name every row that isn't what was written. Exit status 1 if there is any."""
    heads = [_head(text) for text in head or []]
    with opened_store() as store:
        verdict = store.verify_audit(heads)
    if as_json:
        say_json({"intact": verdict.is_intact, "rows": verdict.rows, "findings": list(verdict.lines()[1:])})
    else:
        for line in verdict.lines():
            say(line)
    if not verdict.is_intact:
        raise typer.Exit(1)


def _head(text: str) -> Head:
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or not digest:
        raise typer.BadParameter(f"{text!r} is not SEQ:HASH, for example 42:9f86d0…")
    return Head(seq=int(seq), hash=digest)


@app.command()
def checkpoint(as_json: AsJson = False) -> None:
    """Print the newest row's number and hash. Keep it outside: with it, `verify` finds a cut-off tail."""
    with opened_store() as store:
        head = store.head()
    if as_json:
        say_json({"seq": head.seq, "hash": head.hash})
    else:
        say(f"{head.seq}:{head.hash}")


@app.command()
def export(path: Annotated[Path | None, typer.Argument(help="A file; standard output if left out.")] = None) -> None:
    """Write every row as JSON lines, as stored, so that an outsider can verify it."""
    with opened_store() as store:
        lines = [
            json.dumps({"seq": r.seq, "prev": r.prev, "hash": r.hash, "body": r.body}) for r in store.export_events()
        ]
    text = "\n".join(lines) + "\n"
    if path is None:
        console.out(text, end="")
    else:
        path.write_text(text, encoding="utf-8")
        say(f"Wrote {len(lines)} rows to {path}.")
