"""Which image a key finds: never one that was built from other files, or for another repository."""

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.repos import GitRepos
from deputy.domain.policy.config import Environment, Limits, RepoConfig
from deputy.environments import key as key_of
from deputy.flow.sandboxes.environments import wanted_at
from deputy.ports import EnvironmentSpec, RepoSource
from tests.support.environment_builds import IMAGE, Steps, output_in, sh
from tests.support.origin import SHOP, Origin
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker


def wanted(repo: RepoConfig, commit: str, repos: GitRepos) -> EnvironmentSpec:
    services = SimpleNamespace(
        repos=repos,
        environments=SimpleNamespace(base_id=lambda _: "sha256:base"),
        policies=SimpleNamespace(current=lambda: SimpleNamespace(limits=Limits())),
        image=IMAGE,
    )
    found = wanted_at(cast("Any", services), repo, commit)
    assert found
    return found.spec


def test_what_is_hidden_now_is_not_in_an_environment_that_was_built_before(environments, sandboxes, tmp_path):
    origin, repos = Origin(tmp_path / "origin"), GitRepos(tmp_path / "home")
    origin.commit(("100644", b"app.py", b"x = 1\n"), ("100644", b"vault/plan.txt", b"the plan\n"))
    commit = repos.refresh(RepoSource(SHOP, str(origin.folder)))
    # ``hidden`` includes the requester's own ``read`` rules and those of the repository's own policy: no image may
    # serve both people who may read a path and people who may not.
    # The setup copies the repository's files, as one that installs or compiles them does.
    environment = Environment(setup=(sh(f"cp -r . /opt/installed; : {os.urandom(4).hex()}"),))
    before = RepoConfig(name=SHOP, url="shop", environment=environment)
    environments.build(wanted(before, commit, repos), Steps())
    after = before.model_copy(update={"hidden": ("vault/**",)})
    spec = wanted(after, commit, repos)
    image = environments.find(SHOP, spec.key) or environments.build(spec, Steps())
    assert "the plan" not in output_in(
        sandboxes, image, "sh", "-c", "cat /opt/installed/vault/plan.txt 2>/dev/null || true"
    )


def test_two_repositories_never_share_an_environment(environments, sandboxes):
    environment = Environment(setup=(sh(f"cp -r . /opt/installed; : {os.urandom(4).hex()}"),))
    one, other = (tree_of({"app.py": (text, 0o644)}) for text in (b"of shop_api\n", b"of shop-api\n"))
    key = key_of(environment, "sha256:base", {"app.py": "1"})  # app.py is no input: it is the same for both
    assert key == key_of(environment, "sha256:base", {"app.py": "2"})
    environments.build(EnvironmentSpec("acme/shop_api", key, IMAGE, environment, one, disk=1024**3), Steps())
    spec = EnvironmentSpec("acme/shop-api", key, IMAGE, environment, other, disk=1024**3)
    image = environments.find(spec.repo, key) or environments.build(spec, Steps())
    assert output_in(sandboxes, image, "cat", "/opt/installed/app.py") == "of shop-api\n"
