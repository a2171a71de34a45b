"""``deputy init``, ``doctor``, ``serve``, ``bot``, ``worker``."""

import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import typer

from deputy.adapters.policies import PolicyFolder
from deputy.adapters.scanners import Scanners
from deputy.adapters.slack.client import build_client
from deputy.adapters.slack.identity import identify
from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.composition.environment_services import sandboxes_of
from deputy.app.composition.sealing import sealing
from deputy.app.composition.wiring import model_maker, start
from deputy.app.logs import configure_logging
from deputy.app.output import AsJson, say, say_json, say_table
from deputy.app.service.starter import starter_policies
from deputy.app.settings import Settings, load_settings
from deputy.domain.errors import AuditBroken, BadInput, DeputyError


def init(folder: Path = typer.Argument(Path("policies"), help="Where the policy bundle goes.")) -> None:  # noqa: B008
    """Write a starter policy bundle to change to your needs."""
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty", "", "name another folder, or change what is there")
    shutil.copytree(starter_policies(), folder, dirs_exist_ok=True)
    say(f"Wrote {folder}/. Next:")
    say(f"  1. {folder}/policy.csv: put your team's ids where T0ACME and U0… stand")
    say(f"     {folder}/repos.toml: your repositories and their checks")
    say("  2. create a Slack app from deploy/slack-manifest.yaml; set SLACK_BOT_TOKEN and SLACK_APP_TOKEN")
    say("  3. set OPENAI_API_KEY and DEPUTY_MODEL if agents are to work, not only recipes")
    say("  4. deputy policy lint && deputy doctor && deputy serve")


def doctor(as_json: AsJson = False) -> None:
    """Check everything that Deputy needs, and say what to do about what is missing."""
    settings = load_settings()
    rows = [_checked(name, look) for name, look in _checks(settings).items()]
    if as_json:
        say_json([dict(row) for row in rows])
    else:
        say_table(rows)
    if any(row["state"] == "missing" for row in rows):
        raise typer.Exit(1)


def _checks(settings: Settings) -> dict[str, Callable[[], str]]:
    def database() -> str:
        store = open_store(settings.database_url, settings.artifacts_url)
        missing = store.check_guards()
        store.close()
        if missing:
            raise AuditBroken(
                f"the guards {', '.join(missing)} are gone",
                "somebody changed the database by hand",
                "run `deputy audit verify`, then restore the triggers from a backup",
            )
        return "ready; its audit trail is guarded"

    def policy() -> str:
        store: SqlStore = open_store(settings.database_url, settings.artifacts_url)
        bundle = PolicyFolder(settings.deputy_policies, store).current()
        store.close()
        return f"{bundle.digest[:12]}, {len(bundle.repos)} repositories, {len(bundle.warnings)} warnings"

    boxes = sandboxes_of(settings)

    def scanners() -> str:
        return Scanners.at(settings.home / "scanners").check()

    def slack() -> str:
        token = settings.slack_bot_token.get_secret_value()
        if not token:
            raise BadInput("SLACK_BOT_TOKEN is not set", "", "create the app from deploy/slack-manifest.yaml")
        me = identify(build_client(token, settings.slack_api_url or None))
        return f"team {me.team}, bot {me.user}"

    def model() -> str:
        return f"{model_maker(settings)().name} by the {settings.deputy_model_api} API"

    return {
        "database": database,
        "policy": policy,
        "sandbox": boxes.check,
        "sealing": lambda: sealing(boxes.probe()),
        "scanners": scanners,
        "slack": slack,
        "model": model,
    }


def _checked(name: str, look: Callable[[], str]) -> dict[str, str]:
    try:
        return {"part": name, "state": "ok", "what": look()}
    except DeputyError as error:
        return {"part": name, "state": "optional" if name == "model" else "missing", "what": str(error)}


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
