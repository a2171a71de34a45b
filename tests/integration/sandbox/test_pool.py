"""Warm sandboxes on the real engine: taken where they fit, never where they don't, and never a reason to fail."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import docker
import pytest

from deputy.adapters.sandbox.engine import labels
from deputy.adapters.sandbox.host import pool
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.adapters.sandbox.host.start_limiter import StartLimiter
from deputy.domain.errors import Cancelled, OutOfBudget
from deputy.ports import SandboxLimits, SandboxSpec
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

OWNER = f"test-pool-{os.getpid()}"
SMALL = SandboxLimits(memory=256 * 1024**2, disk=8 * 1024**2, inodes=500)
TREE = tree_of({"README.md": (b"hello\n", 0o644), "src/a.py": (b"a = 1\n", 0o644), "old/gone.txt": (b"old\n", 0o644)})
OTHER = tree_of({"README.md": (b"hello\n", 0o644), "src/a.py": (b"a = 2\n", 0o644), "src/b.py": (b"b\n", 0o755)})


def wanted(**changes: object) -> SandboxSpec:
    plain = SandboxSpec("", "", "", TREE, limits=SMALL, warm_pool="shop")
    return replace(plain, **changes)  # type: ignore[arg-type]


def asked(purpose: str, **changes: object) -> SandboxSpec:
    task = f"D-P{os.getpid():07d}"
    return replace(wanted(**changes), name=f"deputy-{task.lower()}-1-{purpose}", task=task)


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def sandboxes(monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerSandboxes]:
    monkeypatch.setattr(pool, "_PAUSE_SECONDS", 0.0)
    made = DockerSandboxes(owner=OWNER)
    yield made
    made.close()
    made.sweep(lambda _: False)


def ours(engine: docker.DockerClient) -> dict[str, str]:
    """The containers of this test by id, with their names."""
    found = engine.api.containers(all=True, filters={"label": f"deputy.home={OWNER}"})
    # The engine lists one whose removal it has begun without its name.
    return {c["Id"]: c["Names"][0].removeprefix("/") for c in found if c["Names"]}


def waiting(engine: docker.DockerClient) -> list[str]:
    return [container for container, name in ours(engine).items() if name.startswith(labels.WAITING)]


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def keep_warm(sandboxes: DockerSandboxes, engine: docker.DockerClient, *specs: SandboxSpec) -> list[str]:
    """Have these waiting; the ids of those that do."""
    sandboxes.keep_ready(specs)
    assert eventually(lambda: sandboxes._pool._tending is None)
    assert len(waiting(engine)) == len(specs)
    return waiting(engine)


def id_of(engine: docker.DockerClient, name: str) -> str:
    return str(engine.containers.get(name).id)


# ------------------------------------------------------------------------------------------------------ taken


def test_a_waiting_sandbox_becomes_the_one_that_is_asked_for(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    (kept,) = keep_warm(sandboxes, engine, wanted())
    spec = asked("work", tree=OTHER, limits=replace(SMALL, seconds=77))
    with sandboxes.start(spec) as sandbox:
        assert id_of(engine, spec.name) == kept
        assert sandbox.name == spec.name
        assert sandboxes.remaining(spec.task) == (spec.name,)
        assert sandbox.run(["sh", "-c", "find . -type f | sort; cat src/a.py; stat -c %a src/b.py"]).output == (
            b"./README.md\n./src/a.py\n./src/b.py\na = 2\n755\n"
        )
        sandbox.write("new", b"new")
        assert [file.path for file in sandbox.delta().written] == ["new"]
    assert sandboxes.remaining(spec.task) == ()
    assert kept not in ours(engine)


def test_what_was_taken_is_replaced_and_nothing_is_used_twice(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    (first,) = keep_warm(sandboxes, engine, wanted())
    sandboxes.start(asked("work")).close()
    assert eventually(lambda: bool(sandboxes._pool._waiting))
    (second,) = waiting(engine)
    with sandboxes.start(asked("check")):
        assert id_of(engine, asked("check").name) == second != first


def test_more_of_a_kind_wait_when_more_are_wanted(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    two = keep_warm(sandboxes, engine, wanted(), wanted())
    with sandboxes.start(asked("work")), sandboxes.start(asked("check")):
        assert {id_of(engine, asked("work").name), id_of(engine, asked("check").name)} == set(two)


@pytest.mark.parametrize(
    "spec",
    [
        asked("work", warm_pool=""),
        asked("work", warm_pool="site"),
        asked("work", env={"MORE": "1"}),
        asked("work", git=True),
        asked("work", links={"node_modules": "/opt"}),
        asked("work", limits=replace(SMALL, memory=128 * 1024**2)),
        replace(asked("work"), name=f"some-name-{OWNER}"),
        replace(asked("work"), task="D-AN0THER"),
    ],
    ids=[
        "no warm pool",
        "hidden paths",
        "variables",
        "git",
        "links",
        "limits",
        "a name without a task",
        "another task",
    ],
)
def test_one_that_differs_is_left_waiting(
    sandboxes: DockerSandboxes, engine: docker.DockerClient, spec: SandboxSpec
) -> None:
    kept = keep_warm(sandboxes, engine, wanted())
    with sandboxes.start(spec) as sandbox:
        assert id_of(engine, spec.name) not in kept
        assert sandboxes.remaining(spec.task) == (spec.name,)
        assert sandbox.run(["cat", "README.md"]).output == b"hello\n"


def test_an_image_that_was_built_anew_is_another_kind(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    image = f"deputy-test-pool-{os.getpid()}"
    engine.images.get("deputy-sandbox:latest").tag(image)
    try:
        kept = keep_warm(sandboxes, engine, wanted(image=image))
        made = engine.api.create_container("deputy-sandbox:latest", ["true"], labels={"deputy.home": OWNER})
        engine.api.commit(made["Id"], image, changes="ENV BUILT=anew")
        with sandboxes.start(asked("work", image=image)) as sandbox:
            assert id_of(engine, sandbox.name) not in kept
            assert sandbox.run(["sh", "-c", "echo $BUILT"]).output == b"anew\n"
    finally:
        sandboxes.close()
        sandboxes.sweep(lambda _: False)
        engine.images.remove(image, force=True)


# ------------------------------------------------------------------------------------------------------ what is inside


def test_nothing_of_the_tree_that_waited_can_be_read_in_its_repository(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    """Attack 37: hidden paths read through git's history, objects, reflog."""
    words = b"the-old-content-of-a-file"
    before = tree_of({"kept": (b"kept\n", 0o644), "src/secret-name": (words, 0o644), "src/same": (b"x\n", 0o644)})
    after = tree_of({"kept": (b"kept\n", 0o644), "src/same": (b"x\n", 0o644), "src/new": (b"new\n", 0o644)})
    (kept,) = keep_warm(sandboxes, engine, wanted(tree=before, git=True))
    spec = asked("work", tree=after, git=True)
    with sandboxes.start(spec) as sandbox:
        assert id_of(engine, spec.name) == kept
        assert sandbox.run(["git", "log", "--all", "--format=%s", "--name-only"]).output.split() == (
            [b"base", b"kept", b"src/new", b"src/same"]
        )
        assert sandbox.run(["git", "status", "--porcelain"]).output == b""
        objects = sandbox.run(["sh", "-c", "git cat-file --batch --batch-all-objects; git reflog; cat .git/index"])
        assert b"new\n" in objects.output
        assert words not in objects.output
        assert b"secret-name" not in objects.output
        # Two trees, three contents and the commit; nothing is packed or lost.
        counted = sandbox.run(["git", "count-objects", "-v"]).output.split(b"\n")
        assert b"count: 6" in counted
        assert b"in-pack: 0" in counted
        assert b"garbage: 0" in counted
        assert sandbox.delta().written == ()


def test_an_unchanged_repository_is_not_made_again(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    """Its commit has the time at which the sandbox was put to wait."""
    keep_warm(sandboxes, engine, wanted(git=True))
    made = time.time()
    time.sleep(1.1)
    with sandboxes.start(asked("work", git=True, tree=dict(TREE))) as sandbox:
        assert int(sandbox.run(["git", "log", "-1", "--format=%ct"]).output) <= made


def test_links_give_way_to_files_of_the_next_tree(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    links = {"web/node_modules": "/usr/lib", "cache": "/usr/share"}
    (kept,) = keep_warm(sandboxes, engine, wanted(links=links))
    tree = tree_of({"web/node_modules/own.js": (b"own\n", 0o644)})
    with sandboxes.start(asked("work", links=links, tree=tree)) as sandbox:
        assert id_of(engine, sandbox.name) == kept
        told = sandbox.run(["sh", "-c", "cat web/node_modules/own.js; readlink cache; ls"]).output
        assert told == b"own\n/usr/share\ncache\nweb\n"
        assert sandbox.delta().written == ()


# ------------------------------------------------------------------------------------------------------ never a failure


@pytest.mark.parametrize("harm", ["kill", "remove", "pause"])
def test_one_that_died_is_replaced_by_a_new_start(
    sandboxes: DockerSandboxes, engine: docker.DockerClient, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = keep_warm(sandboxes, engine, wanted())
    if harm == "pause":
        monkeypatch.setattr("deputy.adapters.sandbox.channel.client._FILL_SECONDS", 6.0)
    hurt = {"kill": engine.api.kill, "remove": lambda c: engine.api.remove_container(c, force=True)}
    hurt.get(harm, engine.api.pause)(kept)
    with sandboxes.start(asked("work")) as sandbox:
        assert id_of(engine, sandbox.name) != kept
        assert sandbox.run(["cat", "README.md"]).output == b"hello\n"
    assert eventually(lambda: kept not in ours(engine))


def test_the_dead_are_noticed_at_the_next_look(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    (kept,) = keep_warm(sandboxes, engine, wanted())
    engine.api.kill(kept)
    assert eventually(lambda: kept not in ours(engine))
    assert keep_warm(sandboxes, engine, wanted()) != [kept]


def test_a_tree_that_does_not_fit_is_refused_as_in_a_new_sandbox(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    keep_warm(sandboxes, engine, wanted())
    spec = asked("work", tree=tree_of({"big": (bytes(9 * 1024**2), 0o644)}))
    with pytest.raises(OutOfBudget, match="does not fit"):
        sandboxes.start(spec)
    assert sandboxes.remaining(spec.task) == ()


def test_a_full_one_takes_another_tree_of_its_size(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    keep_warm(sandboxes, engine, wanted(tree=tree_of({"big": (b"1" * 5 * 1024**2, 0o644)})))
    with sandboxes.start(asked("work", tree=tree_of({"other": (b"2" * 5 * 1024**2, 0o644)}))) as sandbox:
        assert sandbox.run(["ls"]).output == b"other\n"


def test_what_can_not_be_made_does_not_keep_others_from_waiting(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    absent = wanted(image="deputy-no-such-image:1")
    too_big = wanted(warm_pool="site", tree=tree_of({"big": (bytes(9 * 1024**2), 0o644)}))
    sandboxes.keep_ready([absent, too_big, wanted()])
    assert eventually(lambda: sandboxes._pool._tending is None)
    assert len(ours(engine)) == len(waiting(engine)) == 1


def test_a_cancelled_start_leaves_nothing(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    (kept,) = keep_warm(sandboxes, engine, wanted())
    with pytest.raises(Cancelled):
        sandboxes.start(asked("warm", tree=OTHER), lambda: True)
    with pytest.raises(Cancelled):
        sandboxes.start(asked("cold", warm_pool=""), lambda: True)
    assert sandboxes.remaining(asked("warm").task) == ()
    assert kept not in ours(engine)


# ------------------------------------------------------------------------------------------------------ tended


def test_a_moved_tip_is_filled_in_before_anybody_asks(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    kept = keep_warm(sandboxes, engine, wanted())
    assert keep_warm(sandboxes, engine, wanted(tree=OTHER)) == kept
    assert [w.spec.tree for w in sandboxes._pool._waiting] == [OTHER]


def test_what_nobody_wants_any_more_goes(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    keep_warm(sandboxes, engine, wanted(), wanted(warm_pool="site"))
    kept = keep_warm(sandboxes, engine, wanted(warm_pool="site"))
    assert [w.kind.warm_pool for w in sandboxes._pool._waiting] == ["site"]
    assert keep_warm(sandboxes, engine) == []
    assert kept[0] not in ours(engine)


def test_nothing_waits_for_ever(
    sandboxes: DockerSandboxes, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = keep_warm(sandboxes, engine, wanted())
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.0)
    with sandboxes.start(asked("work")) as sandbox:
        assert id_of(engine, sandbox.name) != old
    monkeypatch.setattr(pool, "WAIT_SECONDS", 900.0)
    sandboxes.keep_ready([wanted()])
    assert eventually(lambda: sandboxes._pool._tending is None)


def test_closing_removes_what_waits_and_its_thread(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    keep_warm(sandboxes, engine, wanted())
    sandboxes.keep_ready([wanted(), wanted(), wanted()])
    sandboxes.close()
    assert ours(engine) == {}
    assert "warm-sandboxes" not in [thread.name for thread in threading.enumerate()]
    sandboxes.keep_ready([wanted()])
    assert eventually(lambda: sandboxes._pool._tending is None)
    assert ours(engine) == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_ends_neither_the_pool_nor_the_program(
    sandboxes: DockerSandboxes, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> None:
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patched:
        patched.setattr(pool.Pool, "_make", mistaken)
        sandboxes.keep_ready([wanted()])
        time.sleep(0.3)
    sandboxes.keep_ready([wanted()])
    assert eventually(lambda: len(waiting(engine)) == 1)
    with monkeypatch.context() as patched:
        patched.setattr(pool.Pool, "_make", mistaken)
        sandboxes.keep_ready([wanted(), wanted(git=True)])
        time.sleep(0.3)
        closing = threading.Thread(target=sandboxes.close, daemon=True)
        closing.start()
        closing.join(20)
    assert not closing.is_alive()


def test_nothing_is_made_ready_while_a_task_waits_for_its_own() -> None:
    limiter, over = StartLimiter(1), threading.Event()
    order: list[str] = []

    def fill() -> None:
        with limiter.for_warm_pool(over) as may:
            order.append(f"warm {may}")

    def task() -> None:
        with limiter.for_task():
            order.append("task")

    with limiter.for_task():
        waits = threading.Thread(target=task)
        waits.start()
        assert eventually(lambda: limiter._in_line == 1)
        # A place is free before the one in line has noticed.
        limiter._places.release()
        tends = threading.Thread(target=fill)
        with limiter._lock:
            limiter._in_line += 1
        waits.join()
        tends.start()
        time.sleep(0.5)
        assert order == ["task"]
        with limiter._lock:
            limiter._in_line -= 1
        tends.join()
        assert order == ["task", "warm True"]
        limiter._places.acquire()
        over.set()
        fill()
    assert order[-1] == "warm False"


# ------------------------------------------------------------------------------------------------------ swept


def test_the_sweep_spares_those_that_wait_in_another_process_until_their_time_is_up(
    sandboxes: DockerSandboxes, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = keep_warm(sandboxes, engine, wanted())
    other = DockerSandboxes(owner=OWNER)
    assert other.sweep(lambda _: False) == ()
    later = time.time() + pool.WAIT_SECONDS + pool._GRACE_SECONDS + 1
    monkeypatch.setattr("deputy.adapters.sandbox.engine.labels.time.time", lambda: later)
    assert other.sweep(lambda _: True) == ()
    assert len(other.sweep(lambda _: False)) == 1
    assert kept not in ours(engine)


def test_one_that_was_taken_is_swept_with_its_task(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    keep_warm(sandboxes, engine, wanted())
    sandboxes.keep_ready([])
    with sandboxes.start(asked("work")) as sandbox:
        assert sandboxes.sweep(lambda task: task == asked("work").task) == ()
        assert sandboxes.sweep(lambda task: task != asked("work").task) == (sandbox.name,)
    assert ours(engine) == {}
