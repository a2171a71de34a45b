"""``deputy serve``, ``bot`` and ``worker``: the processes that stay."""

import signal
import threading

from deputy.app.composition.wiring import start
from deputy.app.logs import configure_logging
from deputy.app.output import say
from deputy.app.settings import load_settings
from deputy.domain.errors import BadInput


def serve() -> None:
    """Listen to Slack and do the work, in one process."""
    _run(hears=True, works=True)


def bot() -> None:
    """Only listen to Slack; workers elsewhere do the work (needs Postgres)."""
    _need_postgres("bot")
    _run(hears=True, works=False)


def worker() -> None:
    """Only do the work (needs Postgres)."""
    _need_postgres("worker")
    _run(hears=False, works=True)


def _need_postgres(command: str) -> None:
    if load_settings().is_single_machine:
        raise BadInput(
            f"`deputy {command}` needs a Postgres database",
            "SQLite serves one process",
            "set DEPUTY_DATABASE_URL, or use `deputy serve`",
        )


def _run(*, hears: bool, works: bool) -> None:
    settings = load_settings()
    configure_logging(settings.deputy_log_level)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    deputy = start(settings, hears=hears, works=works)
    say(f"Deputy is ready in team {deputy.services.team}. Policy {deputy.services.policies.current().digest[:12]}.")
    ended.wait()
    say("Stopping; what is unfinished goes on at the next start.")
    deputy.stop()
