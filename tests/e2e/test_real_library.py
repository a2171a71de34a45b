"""A recipe and an agent at work on a real third-party library, judged by the library's own test suite."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.domain.tasks.status import TaskStatus
from deputy_playground.model.scripts import SCRIPTS
from deputy_playground.site import Site, make_repository
from tests.e2e.conftest import CHANNEL, SAM, SOURCE, RunningDeputy
from tests.e2e.real_library import boltons
from tests.e2e.real_library.ordinals import ORDINALS, TEST

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.deep, pytest.mark.timeout(300)]

RENAME = "can you just rename `daterange` to `iter_dates` across `boltons`"
ORDINALS_TASK = (
    "can you just fix: `ordinalize` makes 11st, 12nd and 13rd of the teens, with a regression test, in `boltons`"
)


BREAK = """
[recipe.shorten]
title = "Break something"
kind = "other"
patterns = ['''shorten the suffixes''']
commands = [["sed", "-i", "s/'th'/'t'/", "boltons/strutils.py"]]
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    """A Deputy of one's own that knows the library."""
    folder = tmp_path_factory.mktemp("library")
    policies = folder / "given"
    shutil.copytree(SOURCE / "policies", policies)
    for name, more in (("repos.toml", boltons.REPO), ("policy.csv", boltons.RULE), ("recipes.toml", BREAK)):
        with (policies / name).open("a") as file:
            file.write(more)
    site = Site(folder, policies=policies, scripts=(ORDINALS, *SCRIPTS))
    (site.home / "remotes").mkdir(parents=True)
    make_repository(boltons.unpack(boltons.fetch(), folder), site.home / "remotes" / "boltons.git")
    with site:
        site.slack.wait_connected()
        yield RunningDeputy(site)


def delivered(yard: RunningDeputy, thread: str) -> dict[str, bytes]:
    """A senior approves; the files that come into the thread, by the ends of their names."""
    yard.until(thread, "Waiting for sign-off", 150)
    yard.click(SAM, thread, "Approve")
    card = yard.until(thread, "*Delivered*", 60)
    assert "*Approved by*\n@Sam Okafor" in card.text
    return files_in(yard, thread)


def files_in(yard: RunningDeputy, thread: str) -> dict[str, bytes]:
    messages = yard.slack.wait_for(lambda: [m for m in yard.slack.thread(CHANNEL, thread) if m.files], 30)
    named = [yard.slack.file(file) for message in messages for file in message.files]
    return {name.rpartition(".")[2]: content for name, content in named}


def applied(yard: RunningDeputy, patch: bytes, folder: Path) -> Path:
    """A newcomer's clone of the library with the patch on it."""
    quiet = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    clone = folder / "clone"
    git = ("git", "-c", "user.name=Newcomer", "-c", "user.email=new@acme.example")
    remote = str(yard.site.home / "remotes" / "boltons.git")
    subprocess.run([*git, "clone", "-q", remote, str(clone)], env=quiet, check=True)
    subprocess.run([*git, "am", "-q"], cwd=clone, env=quiet, input=patch, check=True)
    return clone


def changed(clone: Path) -> list[str]:
    """The paths of the newest commit."""
    argv = ["git", "diff", "--name-only", "HEAD~1"]
    return subprocess.run(argv, cwd=clone, check=True, capture_output=True, text=True).stdout.split()


def suite(clone: Path) -> str:
    """The last line of the library's own suite, run by this machine's Python."""
    argv = [sys.executable, *boltons.SUITE[1:]]
    done = subprocess.run(argv, cwd=clone, capture_output=True, text=True, timeout=120, check=False)
    return (done.stdout.strip() or done.stderr).splitlines()[-1]


def test_a_function_is_renamed_across_the_library(library, tmp_path):
    thread = library.ask(RENAME)
    files = delivered(library, thread)
    clone = applied(library, files["patch"], tmp_path)
    assert changed(clone) == ["boltons/timeutils.py", "tests/test_timeutils.py"]
    assert suite(clone).startswith("672 passed"), "doctests in the renamed function's docstring, too"
    assert b"Approved-by: user:T0ACME/U0SAM" in files["patch"]
    assert b">>> for day in iter_dates(christmas, new_year):" in files["diff"], "the senior could read all of it"
    assert library.task(thread).usage.turns == 0


def test_a_rename_that_would_collide_says_so(library):
    thread = library.ask("can you just rename `daterange` to `isoparse` across `boltons`")
    card = library.until(thread, "*Failed*", 60)
    assert "isoparse means something else already in boltons.timeutils" in card.text


def test_an_agent_repairs_a_function_and_proves_it(library, tmp_path):
    thread = library.ask(ORDINALS_TASK)
    files = delivered(library, thread)
    proof = json.loads(files["json"])["proof"]
    assert (proof["fails_before"], proof["passes_after"]) == (True, True)
    assert proof["new_tests"] == [TEST]
    clone = applied(library, files["patch"], tmp_path)
    assert changed(clone) == [boltons.MODULE, TEST]
    assert suite(clone).startswith("683 passed")
    task = library.task(thread)
    assert (task.status, task.usage.turns) == (TaskStatus.DELIVERED, 7)
    assert "New tests*\nfail on the old code, pass on the new" in library.card(thread).text


def test_a_patch_that_breaks_the_suite_is_blocked_and_the_log_is_there(library):
    thread = library.ask("can you just shorten the suffixes in `boltons`")
    card = library.until(thread, "*Blocked*", 120)
    assert "Check tests does not pass: 1 failed, 671 passed" in card.text
    assert b"FAILED boltons/strutils.py::boltons.strutils.ordinalize" in files_in(library, thread)["log"]
