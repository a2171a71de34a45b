"""``deputy init``: a starter policy bundle, from the installed package or from the source tree."""

import shutil
from importlib.resources import files
from pathlib import Path

import typer

from deputy.app.output import say
from deputy.domain.errors import BadInput


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


def starter_policies() -> Path:
    """The folder with the starter bundle."""
    packaged = Path(str(files("deputy"))) / "starter_policies"
    return packaged if packaged.is_dir() else Path(__file__).parents[4] / "policies"
