"""Deputy does no work in sandboxes that are open: real ``deputy serve``, a real engine, one option taken away."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from deputy.domain.events import EventName
from tests.e2e.conftest import RunningDeputy, make_site

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

WEAKENED = """
from deputy.adapters.sandbox.host import launcher
sealed = launcher.host_options
launcher.host_options = lambda *given: {**sealed(*given), **%s}
from deputy.app.cli import main
main()
"""


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    """Everything but Deputy."""
    site = make_site(tmp_path_factory.mktemp("cold"))
    site.prepare()
    site.slack.start()
    site.model.start()
    yield RunningDeputy(site)
    site.model.stop()
    site.slack.stop()


def starts(yard: RunningDeputy) -> list[dict[str, Any]]:
    """What the audit trail says of workers that started."""
    with contextlib.closing(yard.store()) as store:
        bodies = [json.loads(row.body) for row in store.export_events()]
    return [body for body in bodies if body["name"] == EventName.SERVICE_STARTED]


@pytest.mark.parametrize(
    ("option", "finding"),
    [
        ({"pids_limit": -1}, "processes beyond its limit (more than 96 processes at once)"),
        ({"binds": ["/var/run/docker.sock:/var/run/docker.sock"]}, "the engine's socket"),
    ],
    ids=["no limit of processes", "the engine's socket"],
)
def test_a_worker_does_not_start_when_its_sandboxes_are_open(
    cold: RunningDeputy, option: dict[str, object], finding: str
) -> None:
    command = [sys.executable, "-c", WEAKENED % repr(option), "serve"]
    done = subprocess.run(
        command, check=False, env=dict(cold.site.environment), capture_output=True, text=True, timeout=90
    )
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert done.returncode == 1
    assert said.startswith("deputy: The sandboxes are not sealed: possible from inside: ")
    assert finding in said
    assert said.endswith("See 'Sealing' in docs/sandbox.md.")
    assert starts(cold) == []


def test_what_the_probe_said_is_kept_at_each_start(yard: RunningDeputy) -> None:
    (row,) = [row for row in json.loads(yard.cli("doctor", "--json")) if row["part"] == "sealing"]
    number, _, _ = row["what"].partition(" ")
    assert row == {"part": "sealing", "state": "ok", "what": f"{number} of {number} attempts refused"}
    assert starts(yard)[-1]["data"]["sealing"] == row["what"]
