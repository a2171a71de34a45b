"""``deputy policy diff`` and ``deputy policy simulate``: what another bundle would change, before it is in force."""

import re
from pathlib import Path
from typing import Annotated

import typer

from deputy.adapters.policies import read_folder
from deputy.app.output import AsJson, say, say_json
from deputy.app.settings import load_settings
from deputy.domain.errors import BadInput, NotFound
from deputy.domain.events import EventName
from deputy.policy import MAX_PAST_TASKS, Bundle, compare, load
from deputy.policy import simulate as simulate_past
from deputy.ports import Ledger

CURRENT = "current"
_DIGEST = re.compile(r"[0-9a-f]{8,64}\Z")
_BUNDLE_HELP = "A folder, `current`, or the digest (8 letters or more) of a bundle that was in force."
BundleName = Annotated[str, typer.Argument(help=_BUNDLE_HELP)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(diff)
    app.command()(simulate)


def diff(old: BundleName, new: BundleName, as_json: AsJson = False) -> None:
    """Say what changes for whom from one bundle to another; what permits more comes first."""
    comparison = compare(_bundle(old), _bundle(new))
    if as_json:
        differences = [difference.facts() for difference in comparison.differences]
        say_json({"old": comparison.old, "new": comparison.new, "differences": [*differences]})
    else:
        say(str(comparison))


def simulate(
    new: BundleName,
    last: Annotated[int, typer.Option(min=1, max=MAX_PAST_TASKS, help="How many of the newest tasks.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Ask past tasks' questions again, of their own bundle and of this one; say which are decided otherwise."""
    from deputy.app.policy.past_tasks import Archive
    from deputy.app.tasks.commands import opened_store

    bundle = _bundle(new)
    with opened_store() as store:
        simulation = simulate_past(Archive(store, bundle, last).past(), bundle)
    if as_json:
        say_json(simulation.facts())
    else:
        say(str(simulation))


def _bundle(name: str) -> Bundle:
    if name == CURRENT:
        return load(read_folder(load_settings().deputy_policies))
    if Path(name).is_dir():
        return load(read_folder(Path(name)))
    if not _DIGEST.match(name):
        raise BadInput(f"there is no bundle {name}", "no folder is called so", f"write a folder, {CURRENT} or a digest")
    from deputy.app.tasks.commands import opened_store

    with opened_store() as store, store.transaction() as ledger:
        return load(ledger.bundle(_kept(ledger, name)))


def _kept(ledger: Ledger, prefix: str) -> str:
    """The digest of the one kept bundle that begins so."""
    loaded = ledger.events(name=EventName.POLICY_LOADED, limit=MAX_PAST_TASKS)
    found = {digest for each in loaded if (digest := str(each.event.data.get("policy", ""))).startswith(prefix)}
    if len(found) == 1:
        return found.pop()
    if not found:
        todo = "`deputy audit query name:policy:*` lists them"
        raise NotFound(f"no bundle {prefix} was ever in force here", "", todo)
    raise BadInput(f"{prefix} begins the digests of {len(found)} bundles", "", "write more of it")
