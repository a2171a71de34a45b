"""``deputy doctor``: whether everything is there that Deputy needs."""

from collections.abc import Callable

import typer

from deputy.adapters.policies import PolicyFolder
from deputy.adapters.scanners import Scanners
from deputy.adapters.slack.client import build_client
from deputy.adapters.slack.identity import identify
from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.composition.environment_services import sandboxes_of
from deputy.app.composition.sealing import sealing
from deputy.app.composition.wiring import model_maker
from deputy.app.output import AsJson, say_json, say_table
from deputy.app.settings import Settings, load_settings
from deputy.domain.errors import AuditBroken, BadInput, DeputyError


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
