"""The bundle that ships: it loads without a warning, answers its own cases, and names real gates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.domain.policy.facts import Facts, FileSize, Footprint
from deputy.domain.review.gates import GateName
from deputy.domain.tasks.request import TaskKind
from deputy.gates import GATES
from deputy.policy import lint, load, run_cases

FOLDER = Path(__file__).parents[3] / "policies"
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


ALICE, NOW = "user:T0ACME/U0ALICE", datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def asked(action: Action, *paths: str, lines: int = 0, spent: int = 0, budget: str = "standard") -> Decision:
    """Alice in the shop, with so many lines in this patch, and so many in billing the day before."""
    before = FileSize(path="billing/refunds.py", lines=spent)
    then = NOW - timedelta(days=1)
    earlier = Footprint(task="D-1", subject=ALICE, repo="acme/site", at=then, out=then, files=(before,))
    patch = tuple(FileSize(path=path, lines=lines) for path in paths)
    known = Facts(at=NOW, kind=TaskKind.FIX, channel="C0SHOP", budget=budget, patch=patch or None, earlier=(earlier,))
    return load(FILES).decide(ALICE, "acme/shop", action, paths, known)


def test_a_large_change_to_billing_cannot_be_split_into_small_ones() -> None:
    assert asked(Action.EDIT, "billing/tax.py", lines=20, spent=1980).effect is Effect.REVIEW
    stopped = asked(Action.EDIT, "billing/tax.py", lines=21, spent=1980)
    assert stopped.effect is Effect.DENY
    assert [rule.id for rule in stopped.rules] == ["d-billing-week"]
    assert stopped.counter_offer == (
        "with a patch of at most 20 lines, or from 2026-11-26 12:00 UTC you may edit billing/tax.py in acme/shop, "
        "with review by 1 senior"
    )
    assert asked(Action.EDIT, "shop/cart.py", lines=2001, spent=1980).effect is Effect.ALLOW


def test_a_large_budget_needs_a_senior_before_it_runs() -> None:
    assert asked(Action.RUN).effect is Effect.ALLOW
    assert asked(Action.RUN, budget="small").effect is Effect.ALLOW
    large = asked(Action.RUN, budget="large")
    assert (large.effect, [need.role for need in large.needs]) == (Effect.REVIEW, ["role:senior"])
    bundle = load(FILES)
    small, usual, great = (bundle.limits_for(name) for name in ("small", "standard", "large"))
    assert small.agent_cost < usual.agent_cost < great.agent_cost


def test_the_freeze_is_a_pattern_that_stops_nothing_any_more() -> None:
    assert asked(Action.DELIVER).effect is Effect.ALLOW
