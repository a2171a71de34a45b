"""``deputy insights``: figures over past tasks."""

from dataclasses import asdict

from deputy.app.clock import SystemClock
from deputy.app.output import AsJson, say_json, say_table
from deputy.app.tasks.commands import opened_store
from deputy.insights import Spread, Summary, summary

MAX_TASKS = 10_000


def insights(as_json: AsJson = False) -> None:
    """Cycle time, review time, outcomes and cost of the tasks so far."""
    with opened_store() as store, store.transaction() as ledger:
        tasks, holds = ledger.tasks(limit=MAX_TASKS), ledger.holds()
        votes = [vote for hold in holds for vote in ledger.votes(hold.id)]
    figures = summary(tasks, holds, votes, SystemClock().now())
    if as_json:
        say_json(asdict(figures))
    else:
        say_table([{"figure": name, "value": value} for name, value in _rows(figures)])


def _rows(figures: Summary) -> list[tuple[str, str]]:
    each = figures.cost_per_delivery
    return [
        ("tasks", f"{figures.total} ({figures.active} open)"),
        *((status.replace("_", " "), str(count)) for status, count in sorted(figures.by_status.items())),
        ("request to delivery", _spread(figures.cycle)),
        ("sign-off", _spread(figures.review)),
        ("cost", f"${figures.cost:.2f}, {figures.tokens} tokens" + (f", ${each:.2f} a delivery" if each else "")),
    ]


def _spread(times: Spread) -> str:
    if not times.count:
        return "none yet"
    return f"median {times.median:.0f} s, 90 % within {times.p90:.0f} s, of {times.count}"
