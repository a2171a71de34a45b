"""Which sandboxes a worker keeps ready: whose, how many, of which kind. Git and database are real."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.repos import GitRepos
from deputy.adapters.store.store import SqlStore, open_store
from deputy.domain.errors import Unavailable
from deputy.domain.events import Event, EventName
from deputy.domain.people import Actor
from deputy.domain.policy.config import Environment, Limits, RepoConfig, SandboxSize
from deputy.domain.tasks.request import Place, TaskKind, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.sandboxes.sandboxes import warm_pool_of
from deputy.flow.state.services import Services
from deputy.flow.upkeep.warm_pool import fill_warm_pool
from deputy.policy import load
from deputy.policy.files.model import MODEL
from deputy.ports import RepoSource, SandboxSpec

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SHOP = RepoConfig(name="acme/shop", url="shop", hidden=("secrets/**",), sandbox=SandboxSize(memory=512 * 1024**2))
SITE = RepoConfig(name="acme/site", url="site", git=True)
NEVER = RepoConfig(name="acme/never-fetched", url="never")
UNBUILT = RepoConfig(name="acme/unbuilt", url="shop", environment=Environment(setup=(("make",),)))
POLICY = load(
    {
        "model.conf": MODEL.encode(),
        "policy.csv": b"p, a-eng, role:engineer, **, edit, **, allow, -\ng, user:T0ACME/U0ALICE, role:engineer, **\n",
        "repos.toml": b"",
    }
)


@dataclass
class RunningDeputy:
    """A world with two fetched repositories; ``ready`` is what was asked to be kept ready, each time."""

    store: SqlStore
    repos: GitRepos
    image: str = ""
    has_model: bool = True
    ready: list[Sequence[SandboxSpec]] = field(default_factory=list)

    def services(self, *repos: RepoConfig, **limits: int) -> Services:
        bundle = replace(POLICY, limits=Limits(**limits), repos=repos)

        def model() -> object:
            if not self.has_model:
                raise Unavailable("no model is configured")
            return object()

        parts = {
            "store": self.store,
            "repos": self.repos,
            "clock": SimpleNamespace(now=lambda: NOW),
            "policies": SimpleNamespace(current=lambda: bundle),
            "environments": SimpleNamespace(base_id=lambda _: "sha256:1", find=lambda *_: self.image),
            "sandboxes": SimpleNamespace(keep_ready=self.ready.append),
            "model": model,
            "image": "deputy-sandbox:latest",
        }
        return Services(**cast("Any", {name: parts.get(name) for name in Services.__dataclass_fields__}))

    def worked_on(self, repo: str, at: datetime) -> None:
        spec = TaskSpec(repo=repo, kind=TaskKind.OTHER, goal="work")
        task = Task(
            id=f"D-{repo[-4:].upper()}{at.hour:04d}",
            request=f"{repo}{at}",
            requester=Actor(team="T0ACME", user="U0ALICE"),
            place=Place(team="T0ACME", channel="C0SHOP", thread="1.0"),
            text="work",
            spec=spec,
            status=TaskStatus.DELIVERED,
            created_at=at,
            updated_at=at,
        )
        with self.store.transaction() as ledger:
            ledger.add_task(task, Event(name=EventName.REQUEST_RECEIVED, at=at, actor="deputy", task=task.id))


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[RunningDeputy]:
    store = open_store(f"sqlite:///{tmp_path / 'deputy.sqlite'}", (tmp_path / "artifacts").as_uri())
    repos = GitRepos(tmp_path / "git")
    for repo in (SHOP, SITE, UNBUILT):
        repos.refresh(RepoSource(repo.name, str(_remote(tmp_path, repo.name))))
    yield RunningDeputy(store, repos)
    store.close()


def _remote(folder: Path, name: str) -> Path:
    remote = folder / name
    (remote / "secrets").mkdir(parents=True)
    (remote / "README.md").write_text(name)
    (remote / "secrets" / "key").write_text("not for a sandbox")
    who = ["-c", "user.name=Ben", "-c", "user.email=ben@acme.example"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *who, *words], cwd=remote, check=True)
    return remote


def names(specs: Sequence[SandboxSpec]) -> list[str]:
    return [spec.tree["README.md"].content.decode() for spec in specs]


def test_the_tip_waits_without_hidden_paths_in_the_repositorys_size(yard: RunningDeputy) -> None:
    (spec,) = fill_warm_pool(yard.services(SHOP, warm_total=1))
    assert yard.ready == [[spec]]
    assert set(spec.tree) == {"README.md"}
    assert spec.image == "deputy-sandbox:latest"
    assert spec.limits.memory == 512 * 1024**2
    assert spec.warm_pool
    assert not spec.git


def test_what_the_repositorys_own_policy_hides_waits_nowhere(yard: RunningDeputy, tmp_path: Path) -> None:
    remote = tmp_path / SHOP.name
    (remote / ".deputy").mkdir()
    (remote / ".deputy" / "policy.toml").write_text('hidden = ["README.md"]\n')
    who = ["-c", "user.name=Ben", "-c", "user.email=ben@acme.example"]
    for words in (["add", "-A"], ["commit", "-q", "-m", "own policy"]):
        subprocess.run(["git", *who, *words], cwd=remote, check=True)
    yard.repos.refresh(RepoSource(SHOP.name, str(remote)))
    (spec,) = fill_warm_pool(yard.services(SHOP, warm_total=1))
    assert set(spec.tree) == {".deputy/policy.toml"}
    assert spec.warm_pool != warm_pool_of(SHOP)


def test_what_was_worked_on_last_comes_first_then_the_bundles_order(yard: RunningDeputy) -> None:
    services = yard.services(SHOP, SITE)
    assert names(fill_warm_pool(services)) == ["acme/shop", "acme/site"]
    yard.worked_on("acme/shop", NOW - timedelta(hours=2))
    yard.worked_on("acme/site", NOW - timedelta(hours=1))
    yard.worked_on("acme/gone", NOW)
    assert names(fill_warm_pool(services)) == ["acme/site", "acme/shop"]
    assert names(fill_warm_pool(yard.services(SHOP, SITE, warm_total=1))) == ["acme/site"]


def test_work_of_long_ago_does_not_count(yard: RunningDeputy) -> None:
    yard.worked_on("acme/site", NOW - timedelta(days=8))
    assert names(fill_warm_pool(yard.services(SHOP, SITE))) == ["acme/shop", "acme/site"]


def test_both_bounds_hold(yard: RunningDeputy) -> None:
    services = yard.services(SHOP, SITE, warm_total=3, warm_per_repo=2)
    assert names(fill_warm_pool(services)) == ["acme/shop", "acme/shop", "acme/site"]


def test_the_second_has_a_repository_where_an_agent_may_come(yard: RunningDeputy) -> None:
    services = yard.services(SHOP, warm_total=3, warm_per_repo=3)
    assert [spec.git for spec in fill_warm_pool(services)] == [False, True, False]
    yard.has_model = False
    assert [spec.git for spec in fill_warm_pool(services)] == [False, False, False]
    assert [spec.git for spec in fill_warm_pool(yard.services(SITE))] == [True]


@pytest.mark.parametrize("limits", [{"warm_total": 0}, {"warm_per_repo": 0}])
def test_nought_turns_it_off_and_removes_what_waits(yard: RunningDeputy, limits: dict[str, int]) -> None:
    assert fill_warm_pool(yard.services(SHOP, SITE, **limits)) == ()
    assert yard.ready == [[]]


def test_nothing_is_fetched_or_built_for_it(yard: RunningDeputy) -> None:
    assert names(fill_warm_pool(yard.services(NEVER, UNBUILT, SHOP, warm_total=1))) == ["acme/shop"]
    yard.image = "deputy-env-x"
    (spec,) = fill_warm_pool(yard.services(NEVER, UNBUILT, SHOP, warm_total=1))
    assert (names([spec]), spec.image) == (["acme/unbuilt"], "deputy-env-x")
