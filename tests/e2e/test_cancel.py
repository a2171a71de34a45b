"""Cancel, end to end: whatever a task is busy with ends within two seconds, and nothing of it is alive."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from deputy.app.settings import Settings
from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy_playground.model.scripts import Move
from deputy_playground.model.wire import Asked
from tests.e2e.conftest import ALICE, NOTE, RunningDeputy, running

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

# No process of anybody else's has this among its words.
MARK = f"600.{os.getpid()}"
# Two seconds are what is promised; this is a machine that many share.
BOUND = 8.0
GONE = "Cancelled; nothing was delivered. Its sandbox is gone."
RECIPE = f"""
[recipe.hang]
title = "Hang"
kind = "other"
patterns = ['hang about']
commands = [["sh", "-c", "sleep {MARK} & trap '' TERM INT; sleep {MARK}"]]
"""
REPOS = f"""
[repo."acme/slow"]
url = "remotes/tiny.git"
aliases = ["slow"]

[[repo."acme/slow".checks]]
name = "slow"
run = ["sh", "-c", "sleep {MARK} & sleep {MARK}"]

[repo."acme/building"]
url = "remotes/tiny.git"
aliases = ["building"]

[repo."acme/building".environment]
setup = [["sleep", "{MARK}"]]
"""


class SlowModel:
    """Lets the scripted model think until it may answer."""

    def __init__(self, move: Callable[[Asked], Move]) -> None:
        self._move = move
        self.may_answer, self.is_asked = threading.Event(), threading.Event()

    def __call__(self, asked: Asked) -> Move:
        if asked.tools:
            self.is_asked.set()
            self.may_answer.wait(100)
        return self._move(asked)


@pytest.fixture(scope="module")
def cancelling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    with running(tmp_path_factory.mktemp("cancelling"), more={"recipes.toml": RECIPE, "repos.toml": REPOS}) as yard:
        yield yard
        yard.is_well()


def processes() -> list[str]:
    """The processes of this host that are busy with what these tests start."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes() if process.name.isdecimal() else b""
            if MARK.encode() in words:
                found.append(f"{process.name} {words!r}")
    return found


def cancelled(yard: RunningDeputy, thread: str, *, by: str = "button") -> float:
    """Cancel, and wait for the end of the task's containers and processes; seconds from the click."""
    task = yard.task(thread).id
    began = time.monotonic()
    if by == "button":
        assert yard.whispered(ALICE, lambda: yard.click(ALICE, thread, "Cancel")) == f"Stopping {task}."
    else:
        assert yard.cli("task", "cancel", task).strip() == f"{task} is being stopped."
    yard.wait(lambda: not yard.containers(task) and not processes(), "end of it")
    took = time.monotonic() - began
    print(f"\nfrom {by} to nothing alive: {took:.2f} s")
    return took


def proof(yard: RunningDeputy, thread: str) -> dict[str, object]:
    """What the trail says about the task's end."""
    yard.wait(lambda: yard.task(thread).status is TaskStatus.CANCELLED, "end")
    (ended,) = yard.events(task=yard.task(thread).id, name=EventName.TASK_CANCELLED)
    assert ended.actor in {"user:T0ACME/U0ALICE", "operator:cli"}
    return dict(ended.data)


@pytest.mark.parametrize("by", ["button", "operator"])
def test_a_running_command_and_its_children_are_gone_and_the_trail_proves_it(
    cancelling: RunningDeputy, by: str
) -> None:
    thread = cancelling.ask("can you just hang about in `tiny`")
    cancelling.wait(processes, "sleeping process")
    task = cancelling.task(thread)
    assert len(cancelling.containers(task.id)) == 1
    assert cancelled(cancelling, thread, by=by) < BOUND
    assert proof(cancelling, thread) == {
        "outcome": GONE,
        "sandboxes_stopped": [f"deputy-{task.id.lower()}-1-work"],
        "sandboxes_left": [],
    }
    assert GONE in cancelling.until(thread, "*Cancelled*").text
    assert EventName.PATCH_COMPUTED not in cancelling.names(thread)


def test_a_check_of_the_patch_is_stopped(cancelling: RunningDeputy) -> None:
    thread = cancelling.ask(NOTE.replace("tiny", "slow"))
    cancelling.wait(processes, "sleeping process")
    task = cancelling.task(thread)
    assert task.status is TaskStatus.VERIFYING
    assert cancelled(cancelling, thread) < BOUND
    told = proof(cancelling, thread)
    assert told["sandboxes_left"] == []
    assert told["sandboxes_stopped"] == [f"deputy-{task.id.lower()}-1-patch-0-0"]
    assert EventName.CHECKS_FINISHED not in cancelling.names(thread)


def test_the_build_of_an_environment_is_stopped(cancelling: RunningDeputy) -> None:
    thread = cancelling.ask(NOTE.replace("tiny", "building"))
    cancelling.wait(processes, "sleeping process", 60)
    assert cancelled(cancelling, thread) < BOUND
    assert proof(cancelling, thread)["sandboxes_left"] == []
    assert GONE in cancelling.until(thread, "*Cancelled*").text


def test_a_models_answer_is_not_waited_for_and_counts_nowhere(
    cancelling: RunningDeputy, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowModel(cancelling.site.model.move)
    monkeypatch.setattr(cancelling.site.model, "move", slow)
    thread = cancelling.ask("can you just fix: the title is wrong, with a regression test, in `tiny`")
    try:
        assert slow.is_asked.wait(60)
        task = cancelling.task(thread)
        assert cancelling.containers(task.id)
        assert cancelled(cancelling, thread) < BOUND
        assert proof(cancelling, thread)["sandboxes_stopped"] == [f"deputy-{task.id.lower()}-1-work"]
    finally:
        slow.may_answer.set()
    time.sleep(1)
    assert cancelling.task(thread).usage == task.usage
    assert EventName.RUN_TURN not in cancelling.names(thread)
    assert cancelling.task(thread).status is TaskStatus.CANCELLED


def test_a_sandbox_waits_for_the_next_task_and_is_gone_when_deputy_stops(cancelling: RunningDeputy) -> None:
    """The last of this file: Deputy is stopped and started again."""
    cancelling.until(cancelling.ask(NOTE), "Delivered", 60)
    client = docker.from_env()

    def ours() -> list[str]:
        found = client.api.containers(all=True, filters={"label": f"deputy.home={owner}"})
        return [c["Names"][0] for c in found]

    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cancelling.site.environment.items():
                patch.setenv(name, value)
            owner = Settings().owner
        # The worker looks each minute; a restart looks at once, and knows the mirror that the first task left.
        cancelling.site.stop_deputy()
        assert ours() == []
        cancelling.site.start_deputy()
        cancelling.wait(lambda: [name for name in ours() if name.startswith("/deputy-waiting-")], "waiting one", 60)
    finally:
        client.close()
