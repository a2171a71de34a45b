"""Which image a repository's sandboxes start from, what building it may reach, and what the trail is told."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.repos import build as build_commands
from deputy.app.settings import Settings
from deputy.domain.errors import BadInput, Cancelled, DeputyError, Unavailable
from deputy.domain.events import Event, EventName
from deputy.domain.policy.config import Environment, Limits, RepoConfig
from deputy.flow.policy.effective_policy import effective_policy, governed_in_advance
from deputy.flow.sandboxes.environments import Prepared, hosts_of, prepare, prepared_already
from deputy.flow.sandboxes.sandboxes import warm_pool_of
from deputy.flow.state.services import Services
from deputy.flow.upkeep.environment_upkeep import build_environment, keep_environments
from deputy.policy import Bundle, load
from deputy.policy.files.model import MODEL
from deputy.policy.repo_policy import REPO_POLICY_FILE
from deputy.ports import BuildStep, EnvironmentSpec, NetworkUse, RepoSource
from tests.support.steps import DirectSteps
from tests.support.trees import tree_of

PLAIN = RepoConfig(name="acme/site", url="site.git")
SHOP = RepoConfig(
    name="acme/shop",
    url="shop.git",
    env={"SHOP": "repo"},
    environment=Environment(
        setup=(("pip", "install", "-r", "requirements.txt"),),
        network=("pypi.org",),
        env={"SHOP": "setup", "MODE": "fast"},
        keep=("deps/",),
    ),
)
NO_RULES = load({"model.conf": MODEL.encode(), "policy.csv": b"", "repos.toml": b""})


@dataclass
class Images:
    """Environments without an engine: ``broken`` is what a build raises."""

    built: dict[str, EnvironmentSpec] = field(default_factory=dict)
    broken: DeputyError | None = None
    base: str = "sha256:base"
    pruned: list[tuple[str, int]] = field(default_factory=list)
    kept: tuple[str, ...] = ()

    def base_id(self, image: str) -> str:
        if image == "missing":
            raise Unavailable("the image missing is missing")
        return f"{self.base}:{image}"

    def find(self, repo: str, key: str) -> str:
        return f"image:{key}" if key in self.built else ""

    def build(self, spec: EnvironmentSpec, on_step: Callable[[BuildStep], None]) -> str:
        on_step(BuildStep(1, 1, "pip install"))
        if self.broken:
            raise self.broken
        self.built[spec.key] = spec
        return f"image:{spec.key}"

    def size(self, image: str) -> int:
        return 0

    def prune(self, repo: str, keep: int) -> tuple[str, ...]:
        self.pruned.append((repo, keep))
        return ()

    def prune_others(self, repos: Collection[str]) -> tuple[str, ...]:
        self.kept = tuple(repos)
        return ()


@dataclass
class Shop:
    """A world in which only what environments need is there."""

    store: SqlStore
    repos: tuple[RepoConfig, ...] = (PLAIN, SHOP)
    images: Images = field(default_factory=Images)
    files: dict[str, dict[str, tuple[bytes, int]]] = field(default_factory=dict)
    opened: list[tuple[str, ...]] = field(default_factory=list)
    queued: list[tuple[str, ...]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    now: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    tip: str = "c0ffee"
    own: bytes | None = None
    bundle: Bundle | None = None

    def services(self) -> Services:
        def refresh(source: RepoSource) -> str:
            if source.name == "acme/gone":
                raise Unavailable("the repository acme/gone can't be fetched")
            return self.tip

        def enqueue(_: object, workflow: str, workflow_id: str, *args: str) -> None:
            if (workflow_id, workflow, *args) not in self.queued:
                self.queued.append((workflow_id, workflow, *args))

        files = {"requirements.txt": (b"six\n", 0o644), "app.py": (b"x = 1\n", 0o644)}
        bundle = self.bundle or replace(NO_RULES, limits=Limits(environments_kept=7), repos=self.repos)
        parts = {
            "store": self.store,
            "environments": self.images,
            "gateway": SimpleNamespace(open=self.open),
            "repos": SimpleNamespace(
                checkout=lambda repo, commit, hidden: tree_of(self.files.get(commit, files)),
                refresh=refresh,
                paths=lambda repo, commit: () if self.own is None else (REPO_POLICY_FILE,),
                read=lambda repo, commit, path: self.own,
            ),
            "policies": SimpleNamespace(current=lambda: bundle),
            "clock": SimpleNamespace(now=lambda: self.now),
            "queue": SimpleNamespace(enqueue=enqueue),
            "locate": lambda url: url,
            "secret": lambda name: self.secrets.get(name, ""),
            "image": "default:latest",
        }
        return Services(**cast("Any", {name: parts.get(name) for name in Services.__dataclass_fields__}))

    @contextmanager
    def open(self, hosts: tuple[str, ...]) -> Iterator[SimpleNamespace]:
        self.opened.append(tuple(hosts))
        uses = (NetworkUse("pypi.org", 443, 2, 100, 2000), NetworkUse("evil.example", 443, refused="not allowed"))
        yield SimpleNamespace(folder="/gateway", uses=lambda: uses)

    def events(self, name: EventName) -> list[Event]:
        with self.store.transaction() as ledger:
            return [stored.event for stored in ledger.events(name=name)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    store = open_store(f"sqlite:///{tmp_path}/d.sqlite", str(tmp_path / "blobs"))
    yield Shop(store)
    store.close()


steps = DirectSteps()


def test_a_repository_without_an_environment_starts_from_the_default_image(shop):
    assert prepare(shop.services(), PLAIN, "c0ffee") == Prepared("default:latest", {})
    assert shop.images.built == {}


def test_an_environment_is_built_once_and_found_again(shop):
    first, told = prepare(shop.services(), SHOP, "c0ffee", (seen := []).append), seen
    assert [step.text for step in told] == ["pip install"]
    assert first.env == {"SHOP": "repo", "MODE": "fast"}
    assert first.links == {"deps": "/opt/deputy/kept/deps"}
    assert prepare(shop.services(), SHOP, "c0ffee") == first
    [spec] = shop.images.built.values()
    assert (spec.base, spec.gateway, spec.secrets) == ("default:latest", "/gateway", {})
    [built] = shop.events(EventName.ENVIRONMENT_BUILT)
    assert (built.data["image"], built.data["hosts"]) == (first.image, ["pypi.org"])
    uses = {event.data["host"]: event.data for event in shop.events(EventName.NETWORK_USED)}
    assert (uses["pypi.org"]["received"], uses["evil.example"]["refused"]) == (2000, "not allowed")


def test_only_what_setup_depends_on_makes_another_image(shop):
    base = {"requirements.txt": (b"six\n", 0o644), "app.py": (b"x = 1\n", 0o644)}
    shop.files = {
        "code": base | {"app.py": (b"x = 2\n", 0o644)},
        "lock": base | {"requirements.txt": (b"six==1\n", 0o644)},
    }
    first = prepare(shop.services(), SHOP, "c0ffee").image
    assert prepare(shop.services(), SHOP, "code").image == first
    assert prepare(shop.services(), SHOP, "lock").image != first
    assert prepare(shop.services(), SHOP, "c0ffee").image == first, "the old commit keeps the old image"
    shop.images.base = "sha256:newer"
    assert prepare(shop.services(), SHOP, "c0ffee").image != first


def test_an_image_of_ones_own_becomes_an_environment(shop):
    assert prepare(shop.services(), PLAIN.model_copy(update={"image": "node:22"}), "c0ffee").image.startswith("image:")
    assert shop.opened == [], "nothing to fetch: no way out"


def test_debian_is_reached_for_packages_only():
    assert hosts_of(Environment(network=("pypi.org",))) == ("pypi.org",)
    assert "deb.debian.org" in hosts_of(Environment(packages=("tree",)))


def test_a_failure_is_in_the_trail_once_and_in_every_task(shop):
    shop.images.broken = BadInput("step 1 of 1, `pip install`, ended with exit status 1", "no such thing \x1b[31m")
    for _ in range(3):
        with pytest.raises(BadInput, match="exit status 1"):
            prepare(shop.services(), SHOP, "c0ffee")
    [failed] = shop.events(EventName.ENVIRONMENT_FAILED)
    assert failed.data["why"] == "no such thing \\x1b[31m"
    assert len(shop.events(EventName.NETWORK_USED)) == 6, "each try reached out"


def test_a_cancelled_build_is_no_failure(shop):
    shop.images.broken = Cancelled("the task was cancelled")
    with pytest.raises(Cancelled):
        prepare(shop.services(), SHOP, "c0ffee")
    assert shop.events(EventName.ENVIRONMENT_FAILED) == []
    assert len(shop.events(EventName.NETWORK_USED)) == 2


def test_secrets_are_given_and_a_missing_one_is_named(shop):
    assert SHOP.environment
    environment = SHOP.environment.model_copy(update={"secrets": ("ACME_TOKEN",)})
    repo = SHOP.model_copy(update={"environment": environment})
    with pytest.raises(BadInput, match="needs ACME_TOKEN"):
        prepare(shop.services(), repo, "c0ffee")
    shop.secrets = {"ACME_TOKEN": "nobodys-token", "OTHER": "not asked for"}
    prepare(shop.services(), repo, "c0ffee")
    [spec] = shop.images.built.values()
    assert spec.secrets == {"ACME_TOKEN": "nobodys-token"}
    with shop.store.transaction() as ledger:
        assert not any("nobodys-token" in stored.body for stored in ledger.events())


def test_deputy_s_own_settings_are_never_a_setup_s_secret(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "not-a-token")
    monkeypatch.setenv("ACME_TOKEN", "nobodys-token")
    settings = Settings()
    assert settings.variable("ACME_TOKEN") == "nobodys-token"
    assert settings.variable("NOT_SET_ANYWHERE") == ""
    for name in ("SLACK_BOT_TOKEN", "openai_api_key", "DEPUTY_DATABASE_URL"):
        with pytest.raises(BadInput, match="a setting of Deputy itself"):
            settings.variable(name)


def test_missing_environments_are_handed_over_once_an_hour(shop):
    services = shop.services()
    assert keep_environments(services) == ["acme/shop"]
    assert keep_environments(services) == ["acme/shop"]
    [(_, workflow, *args)] = shop.queued
    assert (workflow, args) == ("build_environment", ["acme/shop", "c0ffee"])
    shop.now = shop.now.replace(hour=10)
    keep_environments(services)
    assert len(shop.queued) == 2
    build_environment(services, steps, "acme/shop", "c0ffee")
    assert keep_environments(services) == []
    assert len(shop.events(EventName.ENVIRONMENT_BUILT)) == 1
    build_environment(services, steps, "acme/shop", "c0ffee")
    assert len(shop.events(EventName.ENVIRONMENT_BUILT)) == 1, "done again, it finds the first"
    assert ("acme/shop", 7) in shop.images.pruned
    assert shop.images.kept == ("acme/shop",), "acme/site has none"


def test_one_repository_in_trouble_does_not_keep_the_others_waiting(shop):
    gone = SHOP.model_copy(update={"name": "acme/gone"})
    shop.repos = (gone, PLAIN.model_copy(update={"name": "acme/bare", "image": "missing"}), SHOP)
    assert keep_environments(shop.services()) == ["acme/shop"]


def test_images_that_can_t_be_removed_keep_no_build_from_being_handed_over(shop, monkeypatch):
    def refuse(*_: object) -> tuple[str, ...]:
        raise Unavailable("the Docker engine does not answer")

    monkeypatch.setattr(Images, "prune_others", refuse)
    assert keep_environments(shop.services()) == ["acme/shop"]


def test_a_build_in_the_background_that_fails_ends_its_workflow_well(shop):
    shop.images.broken = BadInput("no")
    build_environment(shop.services(), steps, "acme/shop", "c0ffee")
    assert len(shop.events(EventName.ENVIRONMENT_FAILED)) == 1


REPOS = b"""
[repo."acme/shop"]
url = "shop.git"
hidden = ["secrets/**"]
[repo."acme/shop".environment]
setup = [["pip", "install", "-r", "requirements.txt"]]
"""
OWN = b"""
hidden = ["vault/**"]
[[rule]]
action = "read"
paths = ["legal/**"]
effect = "deny"
"""


@pytest.mark.parametrize("by", ["background", "hand"])
def test_what_is_built_before_a_task_is_what_the_task_asks_for_where_a_repository_has_a_policy(shop, by):
    people = b"g, user:T0ACME/U0ALICE, role:engineer, acme/*\np, a, role:engineer, acme/*, run, **, allow, -\n"
    shop.bundle = load({"model.conf": MODEL.encode(), "policy.csv": people, "repos.toml": REPOS})
    shop.own = OWN
    services = shop.services()
    if by == "hand":
        settings = cast("Any", SimpleNamespace(locate=lambda url: url))
        build_commands._build(cast("Any", services), settings, shop.bundle.repo("acme/shop"), force=False, quiet=True)
    else:
        assert keep_environments(services) == ["acme/shop"]
        build_environment(services, steps, "acme/shop", "c0ffee")
        assert keep_environments(services) == []
    repo = governed(services, shop.bundle, "U0ALICE")
    assert {"secrets/**", "vault/**", "legal/**"} <= {*repo.hidden}
    assert prepared_already(services, repo, "c0ffee"), "the task finds it"
    assert len(shop.images.built) == 1


def starter() -> Bundle:
    """The policies that Deputy comes with, and a repository that somebody added."""
    files = {path.name: path.read_bytes() for path in Path("policies").iterdir() if path.is_file()}
    return load({**files, "model.conf": MODEL.encode(), "repos.toml": REPOS})


def governed(services: Services, bundle: Bundle, user: str) -> RepoConfig:
    task = SimpleNamespace(
        spec=SimpleNamespace(repo="acme/shop"), requester=SimpleNamespace(subject=f"user:T0ACME/{user}")
    )
    return effective_policy(services, cast("Any", task), bundle, "c0ffee").repo("acme/shop")


@pytest.mark.parametrize("user", ["U0ALICE", "U0SAM"])
def test_what_nobody_may_read_is_hidden_from_what_is_built_before_a_task(shop, user):
    shop.bundle = starter()
    services = shop.services()
    build_environment(services, steps, "acme/shop", "c0ffee")
    repo = governed(services, shop.bundle, user)
    assert "**/.env*" in repo.hidden
    assert prepared_already(services, repo, "c0ffee"), "the task finds it"
    assert warm_pool_of(repo) == warm_pool_of(governed_in_advance(services.repos, shop.bundle, "acme/shop", "c0ffee"))


def test_what_is_built_before_a_task_is_what_most_of_those_who_may_ask_see(shop):
    rules = ["p, run, role:engineer, **, run, **, allow, -", "p, temps, role:temp, **, read, legal/**, deny, -"]
    rules += ["g, role:temp, role:engineer, **", "p, lawyers, role:lawyer, **, read, **/*.py, deny, -"]
    rules += [f"g, user:T0ACME/U{number}, role:temp, **" for number in range(3)]
    rules += [f"g, user:T0ACME/U{number}, role:engineer, **" for number in range(3, 5)]
    rules += [f"g, user:T0ACME/U{number}, role:lawyer, **" for number in range(5, 9)]  # who may not have work run
    files = {"model.conf": MODEL.encode(), "repos.toml": REPOS}
    shop.bundle = load({**files, "policy.csv": "\n".join(rules).encode()})
    services = shop.services()
    assert governed_in_advance(services.repos, shop.bundle, "acme/shop", "c0ffee") == governed(
        services, shop.bundle, "U0"
    )
    assert governed(services, shop.bundle, "U0").hidden != governed(services, shop.bundle, "U3").hidden
    rules.append("p, u1, user:T0ACME/U1, **, read, x/**, deny, -")  # a rule about one person makes a kind of one
    rules.append("p, u2, user:T0ACME/U2, **, read, y/**, deny, -")
    shop.bundle = load({**files, "policy.csv": "\n".join(rules).encode()})
    services = shop.services()
    assert governed_in_advance(services.repos, shop.bundle, "acme/shop", "c0ffee") == governed(
        services, shop.bundle, "U3"
    )
