"""A recipe and an agent at work on a real third-party library, judged by the library's own test suite."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.domain.status import TaskStatus
from deputy.playground.scripts import SCRIPTS
from deputy.playground.site import Site, make_repository
from tests.e2e.conftest import SAM, SOURCE, Yard
from tests.e2e.real_library import boltons
from tests.e2e.real_library.ordinals import ORDINALS, TEST

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.timeout(300)]

RENAME = "can you just rename `daterange` to `iter_dates` across `boltons`"
ORDINALS_TASK = (
    "can you just fix: `ordinalize` makes 11st, 12nd and 13rd of the teens, with a regression test, in `boltons`"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """A Deputy of one's own that knows the library."""
    folder = tmp_path_factory.mktemp("library")
    policies = folder / "given"
    shutil.copytree(SOURCE / "policies", policies)
    for name, more in (("repos.toml", boltons.REPO), ("policy.csv", boltons.RULE)):
        with (policies / name).open("a") as file:
            file.write(more)
    site = Site(folder, policies=policies, scripts=(ORDINALS, *SCRIPTS))
    (site.home / "remotes").mkdir(parents=True)
    make_repository(boltons.unpack(boltons.fetch(), folder), site.home / "remotes" / "boltons.git")
    with site:
        site.slack.wait_connected()
        yield Yard(site)


def delivered(yard: Yard, thread: str) -> dict[str, bytes]:
    """A senior approves; the files that come into the thread, by the ends of their names."""
    yard.until(thread, "Waiting for sign-off", 100)
    yard.click(SAM, thread, "Approve")
    yard.until(thread, "*Delivered*", 60)
    ids = [file for m in yard.slack.wait_for(lambda: _with_files(yard, thread), 30) for file in m.files]
    return {name.rpartition(".")[2]: content for name, content in map(yard.slack.file, ids)}


def _with_files(yard: Yard, thread: str):
    return [m for m in yard.slack.thread("C0SHOP", thread) if m.files]


def applied(yard: Yard, patch: bytes, folder: Path) -> Path:
    """A newcomer's clone of the library with the patch on it."""
    quiet = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    clone = folder / "clone"
    git = ("git", "-c", "user.name=Newcomer", "-c", "user.email=new@acme.example")
    remote = str(yard.site.home / "remotes" / "boltons.git")
    subprocess.run([*git, "clone", "-q", remote, str(clone)], env=quiet, check=True)
    subprocess.run([*git, "am", "-q"], cwd=clone, env=quiet, input=patch, check=True)
    return clone


def passes(clone: Path, *, before: str = "") -> subprocess.CompletedProcess[str]:
    """The library's own suite on this machine's Python."""
    words = [sys.executable, *boltons.SUITE[1:]]
    done = subprocess.run(words, cwd=clone, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:]
    return done


def test_a_function_is_renamed_across_the_library(library, tmp_path):
    thread = library.ask(RENAME)
    files = delivered(library, thread)
    print(library.slack.export_text())
    clone = applied(library, files["patch"], tmp_path)
    assert b"Approved-by: user:T0ACME/U0SAM" in files["patch"]
    changed = subprocess.run(
        ["git", "diff", "--name-only", "HEAD~1"], cwd=clone, check=True, capture_output=True, text=True
    )
    assert changed.stdout.split() == ["boltons/timeutils.py", "tests/test_timeutils.py"]
    assert "672 passed" in passes(clone).stdout
    assert library.task(thread).usage.turns == 0


def test_an_agent_repairs_a_function_and_proves_it(library, tmp_path):
    thread = library.ask(ORDINALS_TASK)
    files = delivered(library, thread)
    print(library.slack.export_text())
    proof = json.loads(files["json"])["proof"]
    assert (proof["fails_before"], proof["passes_after"]) == (True, True)
    assert proof["new_tests"] == [TEST]
    assert "683 passed" in passes(applied(library, files["patch"], tmp_path)).stdout
    task = library.task(thread)
    assert task.status is TaskStatus.DELIVERED
    assert task.usage.turns == 7
