"""Environments of real libraries: built by the command line, then their own tests pass without a network."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from deputy.adapters.sandbox.environments.environments import HOME_LABEL
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.app.composition.environment_services import opened_workshop
from deputy.app.settings import Settings
from deputy.domain.events import Event
from deputy.domain.policy.config import Limits
from deputy.domain.tasks.dialogue import CommandResult
from deputy.domain.tasks.status import TaskStatus
from deputy.flow.engine import DurableQueue
from deputy.flow.policy.effective_policy import governed_in_advance
from deputy.flow.sandboxes.environments import prepare
from deputy.flow.sandboxes.sandboxes import spec_of
from deputy.flow.workflows import QUEUES
from deputy_playground.site import make_repository
from tests.e2e.conftest import NOTE, SOURCE, RunningDeputy, running
from tests.e2e.real_library import arrow, qs

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

# Registries may be on internal addresses here; which hosts setup may reach, its environment says all the same.
REGISTRIES = "pypi.org,files.pythonhosted.org,registry.npmjs.org,deb.debian.org,security.debian.org"


@dataclass
class Library:
    """A library with an environment, in a Deputy of its own that needs no Slack."""

    name: str
    folder: Path
    settings: Settings

    def build(self, *options: str, status: int = 0) -> dict[str, object]:
        """``deputy repo build`` of it; what it says of it."""
        deputy = [str(SOURCE / ".venv/bin/deputy"), "repo", "build", self.name, "--json", *options]
        told = {
            **os.environ,
            "DEPUTY_HOME": str(self.folder / "home"),
            "DEPUTY_POLICIES": str(self.folder / "policies"),
            "DEPUTY_INTERNAL_HOSTS": REGISTRIES,
        }
        done = subprocess.run(deputy, env=told, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == status, (done.stdout, done.stderr)
        [result] = json.loads(done.stdout)
        assert isinstance(result, dict)
        return result

    def push(self, path: str, change: Callable[[str], str]) -> None:
        """A colleague changes a file at the tip."""
        clone, git = self.folder / "clone", ("git", "-c", "user.name=Ben", "-c", "user.email=ben@acme.example")
        remote = self.folder / "home" / "remotes" / f"{self.name}.git"
        subprocess.run([*git, "clone", "-q", str(remote), str(clone)], check=True)
        (clone / path).write_text(change((clone / path).read_text("utf-8")), "utf-8")
        subprocess.run([*git, "commit", "-q", "-a", "-m", f"Change {path}"], cwd=clone, check=True)
        subprocess.run([*git, "push", "-q", "origin", "HEAD"], cwd=clone, check=True)

    def run(self, commit: str, *argv: str) -> tuple[str, CommandResult]:
        """The image of a commit, which must be there already, and what a command comes to in a sandbox of it."""

        def refuse(_: object) -> None:
            raise AssertionError("the image is there already")

        sandboxes = DockerSandboxes(owner=self.settings.owner)
        with opened_workshop(self.settings) as workshop:
            bundle = workshop.policies.current()
            repo = governed_in_advance(workshop.repos, bundle, bundle.repo(self.name).name, commit)
            prepared = prepare(workshop, repo, commit, refuse)
            tree = workshop.repos.checkout(repo.name, commit, repo.hidden)
        spec = spec_of(repo, Limits(), prepared, tree, name=f"deputy-{self.name}-{os.getpid()}", task="D-ENV1R0NM")
        with sandboxes.start(spec) as box:
            return prepared.image, box.run(argv, timeout=280)


@pytest.fixture
def library(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """The library whose module is the parameter."""
    module, name = request.param, request.param.__name__.rpartition(".")[2]
    policies, home = tmp_path / "policies", tmp_path / "home"
    shutil.copytree(SOURCE / "policies", policies)
    with (policies / "repos.toml").open("a") as file:
        file.write(module.REPO)
    (home / "remotes").mkdir(parents=True)
    make_repository(module.unpack(tmp_path), home / "remotes" / f"{name}.git")
    monkeypatch.setenv("DEPUTY_HOME", str(home))
    monkeypatch.setenv("DEPUTY_POLICIES", str(policies))
    made = Library(name, tmp_path, Settings())
    yield made
    remove_images(made.settings.owner)


def remove_images(owner: str) -> None:
    client = docker.from_env()
    for image in client.images.list(filters={"label": f"{HOME_LABEL}={owner}"}):
        client.images.remove(image.id, force=True)
    client.close()


@pytest.mark.long
@pytest.mark.deep
@pytest.mark.network
@pytest.mark.parametrize("library", [arrow], indirect=True)
def test_a_python_library_s_own_tests_pass_in_its_environment(library):
    built = library.build()
    assert built["is_new"]
    image, done = library.run(str(built["commit"]), *arrow.SUITE)
    assert image == built["image"]
    assert done.exit_code == 0, done.output[-2000:].decode()
    assert b"1863 passed" in done.output
    assert not library.build()["is_new"], "the second time finds the first"
    library.push("tests.lock", lambda text: text.replace("simplejson==3.20.2", "simplejson==3.20.1"))
    changed = library.build()
    assert changed["key"] != built["key"]
    versions = ("python", "-c", "import simplejson; print(simplejson.__version__)")
    assert library.run(str(changed["commit"]), *versions)[1].output == b"3.20.1\n"
    old, said = library.run(str(built["commit"]), *versions)
    assert (old, said.output) == (image, b"3.20.2\n"), "the old commit keeps the old image"


@pytest.mark.long
@pytest.mark.deep
@pytest.mark.network
@pytest.mark.parametrize("library", [qs], indirect=True)
def test_a_node_library_s_own_tests_pass_in_its_environment(library):
    built = library.build()
    image, done = library.run(str(built["commit"]), *qs.SUITE)
    assert done.exit_code == 0, done.output[-2000:].decode()
    assert b"# pass  739" in done.output
    library.push("README.md", lambda text: text + "\nMore.\n")
    same = library.build()
    assert (same["image"], same["is_new"]) == (image, False), "what setup does not read changes nothing"
    assert same["commit"] != built["commit"]


TINY = """
[repo."acme/ready"]
url = "remotes/tiny.git"
aliases = ["ready"]

[repo."acme/ready".environment]
setup = [["sh", "-c", "sleep 6; echo made > /opt/made"], ["sh", "-c", "test -f README.md"]]

[[repo."acme/ready".checks]]
name = "made"
kind = "lint"
run = ["grep", "-q", "made", "/opt/made"]

[repo."acme/later"]
url = "remotes/tiny.git"
aliases = ["later"]

[repo."acme/later".environment]
setup = [["sh", "-c", "echo later > /opt/later"]]

[repo."acme/broken"]
url = "remotes/tiny.git"
aliases = ["broken"]

[repo."acme/broken".environment]
setup = [["sh", "-c", "echo no wheel for you >&2; exit 4"]]
"""


def _hand_over(yard: RunningDeputy, repo: str) -> Event:
    """What the clock does every two minutes, now; how it went."""
    with contextlib.closing(yard.store()) as store:
        queue = DurableQueue(store.engine, QUEUES)
        with store.transaction() as ledger:
            queue.enqueue(ledger, "housekeep", "sched:environments:test", "environments")
        queue.close()
    return yard.wait(
        lambda: [e for e in yard.events(name="environment:built") if e.data["repo"] == repo], "environment", 60
    )[0]


@pytest.mark.long
def test_a_task_shows_the_build_and_one_that_fails_says_why(tmp_path):
    try:
        with running(tmp_path, more={"repos.toml": TINY}) as yard:
            thread = yard.ask(NOTE.replace("tiny", "ready"))
            yard.until(thread, "Building the environment: step 1 of 4, sh -c 'sleep 6", 60)
            yard.until(thread, "*Delivered*", 90)
            assert yard.task(thread).status is TaskStatus.DELIVERED, "its check found what setup made"
            assert [e.data["repo"] for e in yard.events(name="environment:built")].count("acme/ready") == 1
            failing = yard.ask(NOTE.replace("tiny", "broken"))
            card = yard.until(failing, "*Failed*", 60)
            assert "The environment of acme/broken can't be built: step 1 of 3" in card.text
            assert "ended with exit status 4: no wheel for you" in card.text
            [failed] = yard.events(name="environment:failed")
            assert failed.data["why"] == "no wheel for you"
            later = _hand_over(yard, "acme/later")
            assert later.data["repo"] == "acme/later", "a worker takes it from the queue of builds"
            yard.until(yard.ask(NOTE.replace("tiny", "later")), "*Waiting for sign-off*", 90)
            built = [event.data["repo"] for event in yard.events(name="environment:built")]
            assert built.count("acme/later") == 1, "the task finds what was built before anybody asked"
    finally:
        remove_images(Settings(deputy_home=tmp_path / "home").owner)
