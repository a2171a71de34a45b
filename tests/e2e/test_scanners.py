"""A credential that only a scanner knows, and a workflow that can be abused, on their way through Deputy."""

import stat
from collections.abc import Iterator

import pytest

from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import Evidence
from deputy.domain.review.finding import GateReport
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from tests.e2e.conftest import RunningDeputy, running

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

# In a format that our own patterns do not know; put together in the sandbox, so that it stands nowhere before.
RECIPES = """
[recipe.leak]
title = "Write a key down"
kind = "docs"
patterns = ['''write a key down''']
commands = [["python3", "-c", "open('key.md', 'w').write('key: dop' + '_v1_' + '3f9a1c7e5b2d8064' * 4 + '\\\\n')"]]

[recipe.automate]
title = "Add a workflow"
kind = "other"
patterns = ['''add a workflow''']
commands = [["mkdir", "-p", ".github/workflows"], ["python3", "-c", '''open(".github/workflows/x.yml", "w").write("on: push\\njobs: {a: {runs-on: ubuntu-latest, steps: [{uses: acme/tool@v1}]}}\\n")''']]
"""  # noqa: E501 - one command is one line


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    with running(tmp_path_factory.mktemp("scanned"), more={"recipes.toml": RECIPES}) as yard:
        yield yard


def _with_report(task: Task) -> Task | None:
    return task if task.result and task.result.run.report else None


def ended(yard: RunningDeputy, text: str) -> tuple[Task, GateReport, Evidence]:
    thread = yard.ask(f"can you just {text} in `tiny`")
    task = yard.wait(
        lambda: ((found := yard.task(thread)).result and found.result.run.report and found) or None, "report", 60
    )
    store = yard.store()
    try:
        report = GateReport.model_validate_json(store.blob(task.result.run.report))
        return task, report, Evidence.model_validate_json(store.blob(task.result.run.evidence))
    finally:
        store.close()


def test_a_credential_that_only_the_scanner_knows_stops_the_patch(yard: RunningDeputy) -> None:
    task, report, proof = ended(yard, "write a key down")
    (finding,) = [found for found in report.findings if found.gate == "secrets"]
    assert (finding.severity, finding.path, finding.line) == (Severity.DENY, "key.md", 1)
    assert finding.rule.startswith("secrets/kingfisher-digitalocean")
    assert "3f9a1c7e" not in report.model_dump_json() + proof.model_dump_json()
    assert task.status is not TaskStatus.DELIVERED


def test_a_workflow_is_audited(yard: RunningDeputy) -> None:
    _, report, proof = ended(yard, "add a workflow")
    assert proof.scan
    assert [name.split()[0] for name in proof.scan.scanners] == ["kingfisher", "zizmor"]
    rules = {found.rule for found in report.findings}
    assert {"runs-on-its-own/ci", "runs-on-its-own/zizmor-unpinned-uses"} <= rules


def test_the_home_of_the_scanners_is_private_and_empty(yard: RunningDeputy) -> None:
    home = yard.site.home / "scanners"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [*(home / "runs").iterdir()] == []


def test_doctor_says_which_are_ready(yard: RunningDeputy) -> None:
    assert "kingfisher 2" in yard.cli("doctor", "--json")
