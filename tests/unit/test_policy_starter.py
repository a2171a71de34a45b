"""The bundle that ships: it loads without a warning, answers its own cases, and names real gates."""

from pathlib import Path

from deputy.domain.gates import GateName
from deputy.gates import GATES
from deputy.policy import lint, load, run_cases

FOLDER = Path(__file__).parents[2] / "policies"
FILES = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}


def test_it_loads_without_a_warning() -> None:
    assert [str(problem) for problem in lint(FILES)] == []


def test_its_own_cases_pass() -> None:
    results = run_cases(load(FILES), FILES)
    assert len(results) >= 20
    assert [result.failure for result in results if not result.passed] == []


def test_every_gate_has_a_level() -> None:
    assert {*load(FILES).gates} == {*GateName} == {*GATES}


def test_the_demo_can_run_on_it() -> None:
    bundle = load(FILES)
    assert bundle.repo("shop").url == "remotes/shop.git"
    assert bundle.repo("site").url == "remotes/site.git"
    assert bundle.prices["scripted-1"].output > 0
    assert {check.kind for check in bundle.repo("shop").checks} == {"tests", "lint"}
    assert all(repo.hides("secrets/prod.env") and repo.hides("a/.env.local") for repo in bundle.repos)
    assert bundle.holders("role:senior", "acme/shop") == ("user:T0ACME/U0SAM",)
