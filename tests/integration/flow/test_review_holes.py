"""Holes that a review has found, each tried for real. Every test is to pass once its hole is closed."""

import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.repos import GitRepos
from deputy.adapters.sandbox.host.pool import Pool
from deputy.adapters.sandbox.host.start_limiter import StartLimiter
from deputy.domain.errors import BadInput
from deputy.domain.events import EventName
from deputy.domain.policy.config import Check, Environment, Limits, RepoConfig
from deputy.environments import key as key_of
from deputy.flow.sandboxes.environments import wanted_at
from deputy.ports import EnvironmentSpec, RepoSource, SandboxSpec
from tests.e2e.conftest import SAM, running
from tests.integration.environments.test_environments import Steps, environments, sandboxes, sh, told
from tests.integration.environments.test_environments import engine as engine  # noqa: PLC0414 - fixtures
from tests.integration.flow.test_verification import FILE, PATCH, REPORTING, bench, on_plain
from tests.integration.repos.test_attacks import SHOP, Origin
from tests.support.trees import tree_of

__all__ = ["bench", "engine", "environments", "sandboxes"]

IMAGE = "deputy-sandbox:latest"


@on_plain
def test_a_check_can_not_mend_the_tree_for_the_next_one(bench: Any) -> None:
    lint = Check(name="lint", run=("sh", "-c", "! grep -q eval app.txt"))
    mends = b"sed -i s/eval/fine/ app.txt; mkdir -p out && cp good.xml out/junit.xml && echo 1 passed in 0.1s\n"
    proof = bench.verify({"app.txt": b"eval\n", "check.sh": mends}, REPORTING, lint)
    (seen,) = [result for result in proof.checks if result.phase is PATCH and result.name == "lint"]
    assert not seen.passed


def wanted(tmp: Path, repo: RepoConfig, commit: str, repos: GitRepos) -> EnvironmentSpec:
    services = SimpleNamespace(
        repos=repos,
        environments=SimpleNamespace(base_id=lambda _: "sha256:base"),
        policies=SimpleNamespace(current=lambda: SimpleNamespace(limits=Limits())),
        image=IMAGE,
    )
    found = wanted_at(cast("Any", services), repo, commit)
    assert found
    return found.spec


@pytest.mark.docker
def test_what_is_hidden_now_is_not_in_an_environment_that_was_built_before(environments, sandboxes, tmp_path):
    origin, repos = Origin(tmp_path / "origin"), GitRepos(tmp_path / "home")
    origin.commit((FILE, b"app.py", b"x = 1\n"), (FILE, b"vault/plan.txt", b"the plan\n"))
    commit = repos.refresh(RepoSource(SHOP, str(origin.folder)))
    # ``hidden`` is what ``governing`` makes of it: the requester's own ``read`` rules and the repository's own policy
    # are part of it, so one image serves people who may read a path and people who may not.
    # As a setup that installs, compiles or copies the repository's own files does.
    environment = Environment(setup=(sh(f"cp -r . /opt/installed; : {os.urandom(4).hex()}"),))
    before = RepoConfig(name=SHOP, url="shop", environment=environment)
    environments.build(wanted(tmp_path, before, commit, repos), Steps())
    after = before.model_copy(update={"hidden": ("vault/**",)})
    spec = wanted(tmp_path, after, commit, repos)
    image = environments.find(SHOP, spec.key) or environments.build(spec, Steps())
    assert "the plan" not in told(sandboxes, image, "sh", "-c", "cat /opt/installed/vault/plan.txt 2>/dev/null || true")


@pytest.mark.docker
def test_two_repositories_never_share_an_environment(environments, sandboxes):
    environment = Environment(setup=(sh(f"cp -r . /opt/installed; : {os.urandom(4).hex()}"),))
    one, other = (tree_of({"app.py": (text, 0o644)}) for text in (b"of shop_api\n", b"of shop-api\n"))
    key = key_of(environment, "sha256:base", {"app.py": "1"})  # app.py is no input: it is the same for both
    assert key == key_of(environment, "sha256:base", {"app.py": "2"})
    environments.build(EnvironmentSpec("acme/shop_api", key, IMAGE, environment, one, disk=1024**3), Steps())
    spec = EnvironmentSpec("acme/shop-api", key, IMAGE, environment, other, disk=1024**3)
    image = environments.find(spec.repo, key) or environments.build(spec, Steps())
    assert told(sandboxes, image, "cat", "/opt/installed/app.py") == "of shop-api\n"


def test_a_changed_setup_script_makes_another_environment():
    environment = Environment(setup=(("sh", "scripts/setup.sh"),))
    assert key_of(environment, "b", {"scripts/setup.sh": "1"}) != key_of(environment, "b", {"scripts/setup.sh": "2"})


@pytest.mark.docker
def test_an_environment_can_be_built_anew_while_a_sandbox_uses_the_old_one(environments, sandboxes):
    environment = Environment(setup=(sh(f"date +%N > /opt/made; : {os.urandom(4).hex()}"),))
    key = key_of(environment, "sha256:base", {})
    spec = EnvironmentSpec("acme/shop", key, IMAGE, environment, {}, disk=1024**3)
    image = environments.build(spec, Steps())
    used = SandboxSpec(f"deputy-review-{os.getpid()}", "D-ENV1R0NM", image, {})
    with sandboxes.start(used), environments.set_aside(spec.repo, key):
        environments.build(spec, Steps())


@pytest.mark.docker
def test_a_setup_step_is_stopped_when_it_has_used_its_disk(environments):
    megabyte = 1024**2
    fills = "for i in $(seq 60); do head -c 8000000 /dev/urandom > /opt/$i || exit 1; sleep 0.2; echo $i; done"
    steps = Steps()
    environment = Environment(setup=(sh(fills),))
    key = key_of(environment, os.urandom(8).hex(), {})
    with pytest.raises(BadInput):
        environments.build(EnvironmentSpec("acme/shop", key, IMAGE, environment, {}, disk=16 * megabyte), steps)
    assert b"60\n" not in steps.output


@pytest.mark.docker
def test_a_secret_in_a_file_whose_name_is_no_utf8_is_found(environments):
    environment = Environment(setup=(sh("echo $SHOP_TOKEN > \"$(printf '/opt/\\377')\""),), secrets=("SHOP_TOKEN",))
    key = key_of(environment, os.urandom(8).hex(), {})
    value = {"SHOP_TOKEN": "made-up-for-this-test"}
    with pytest.raises(BadInput, match="SHOP_TOKEN"):
        environments.build(EnvironmentSpec("acme/shop", key, IMAGE, environment, {}, secrets=value), Steps())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_whose_thread_died_by_surprise_can_be_closed():
    def dies(*_: object) -> str:
        raise ValueError("not an error that anybody expects")

    pool = Pool(
        cast("Any", SimpleNamespace(image_id=dies, running=lambda _: frozenset())), StartLimiter(1), "test-review"
    )
    pool.keep_ready([SandboxSpec("", "", "", {}, warm_pool="shop")])
    if tending := pool._tending:
        tending.join(10)
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    closing.join(3)
    is_stuck = closing.is_alive()
    pool._tending = None  # so that it does not spin on in this process
    assert not is_stuck


REPO = """
[repo."acme/asks"]
url = "remotes/tiny.git"
aliases = ["asks"]
network = ["shown.example"]
"""
CSV = """
p, n-asks, role:engineer, acme/asks, use-network, **, allow, -
p, n-senior, role:engineer, acme/asks, use-network, **, review, role:senior=1
"""
RECIPE = """
[recipe.jot]
title = "Jot"
kind = "docs"
patterns = ['jot it down']
commands = [["sh", "-c", "echo noted > note.md"]]
"""


@pytest.mark.docker
@pytest.mark.timeout(150)
def test_a_clearance_opens_no_host_that_nobody_was_shown(tmp_path: Path) -> None:
    with running(tmp_path, csv=CSV, more={"repos.toml": REPO, "recipes.toml": RECIPE}) as yard:
        thread = yard.ask("can you just jot it down in `asks`")
        waiting = yard.until(thread, "Waiting for clearance")
        assert "shown.example" in waiting.text
        assert "unseen.example" not in waiting.text
        file = yard.site.policies / "repos.toml"
        file.write_text(file.read_text().replace('["shown.example"]', '["shown.example", "unseen.example"]'))
        yard.click(SAM, thread, "Approve")
        yard.wait(
            lambda: yard.task(thread).status.value not in {"held_for_clearance", "queued", "running"} or None, "end", 60
        )
        opened = yard.events(task=yard.task(thread).id, name=EventName.NETWORK_OPENED)
        assert all("unseen.example" not in event.data["hosts"] for event in opened), yard.names(thread)
