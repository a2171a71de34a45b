"""`deputy serve` as a stranger would run it: by environment alone, against somebody else's Slack and model."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.strangers.model import ModelServer
from tests.e2e.strangers.slack import TEAM, Slack

SOURCE = Path(__file__).parents[3]
RENAMED = {
    "acme/shop": "initech/web",
    "acme/*": "initech/*",
    "T0ACME/U0ALICE": f"{TEAM}/U9PETER",
    "T0ACME/U0SAM": f"{TEAM}/W9BILL",
    "T0ACME/U0CORA": f"{TEAM}/U9MILT",
    'aliases = ["shop"]': 'aliases = ["web"]',
}


class Stranger:
    """A Slack, a model server, a repository, policies and a running Deputy."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.slack, self.model = folder, Slack(), ModelServer()
        self.repository = _repository(folder / "git server" / "web.git")
        self._policies(folder / "rules")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "DOCKER_HOST") if name in os.environ}
        self.environment = {
            **kept,
            "SLACK_BOT_TOKEN": "xoxb-9-test",
            "SLACK_API_URL": f"{self.slack.address}/api",
            "OPENAI_BASE_URL": self.model.address,
            "OPENAI_API_KEY": "key-of-ours",
            "DEPUTY_MODEL": "initech-9",
            "DEPUTY_POLICIES": str(folder / "rules"),
            "DEPUTY_HOME": str(folder / "home"),
            **environment,
        }
        self.deputy: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "deputy.log").open("ab") as log:
            argv = [sys.executable, "-m", "deputy.app.cli", "serve"]
            self.deputy = subprocess.Popen(argv, env=self.environment, cwd=self.folder, stdout=log, stderr=log)
        before, deadline = self.log().count("Deputy is ready"), time.monotonic() + 60
        while self.log().count("Deputy is ready") == before:
            assert self.deputy.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def stop(self) -> None:
        if self.deputy is not None:
            self.deputy.terminate()
            self.deputy.wait(60)
            self.deputy = None

    def close(self) -> None:
        self.stop()
        self.slack.close()
        self.model.close()

    def log(self) -> str:
        return (self.folder / "deputy.log").read_text(errors="replace")

    def cli(self, *words: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-m", "deputy.app.cli", *words]
        return subprocess.run(  # noqa: PLW1510 - the caller looks at the status
            argv, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60
        )

    def is_well(self) -> None:
        assert self.slack.complaints == []
        assert self.model.complaints == []
        assert "Traceback" not in self.log(), self.log()[-4000:]
        assert "Deputy itself failed" not in self.log()
        for secret in ("xoxb-9", "xapp-9", "key-of-ours"):
            assert secret not in self.log()

    def _policies(self, folder: Path) -> None:
        shutil.copytree(SOURCE / "policies", folder)
        for file in folder.rglob("*.*"):
            text = file.read_text()
            for ours, theirs in RENAMED.items():
                text = text.replace(ours, theirs)
            file.write_text(text)
        repos = folder / "repos.toml"
        text = repos.read_text().replace("remotes/shop.git", self.repository.as_uri())
        repos.write_text(text[: text.index('[repo."acme/site"]')])


def _repository(place: Path) -> Path:
    place.parent.mkdir(parents=True)
    work = place.with_suffix(".work")
    shutil.copytree(SOURCE / "examples" / "shop", work)
    quiet = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    who = ["-c", "user.name=Peter", "-c", "user.email=peter@initech.example"]
    for words in (["init", "-q", "-b", "trunk"], ["add", "-A"], [*who, "commit", "-q", "-m", "Start"]):
        subprocess.run(["git", *words], cwd=work, env=quiet, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(place)], env=quiet, check=True)
    return place
