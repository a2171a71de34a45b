"""Sandboxes on the real engine: nothing is left behind, whoever dies, and nobody else's container is touched."""

import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest import mock

import docker
import docker.errors
import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.adapters.sandbox.host.pool import WAIT_SECONDS
from deputy.domain.errors import BadInput, Cancelled, OutOfBudget, SandboxFailed, Unavailable
from deputy.ports import SandboxLimits, SandboxSpec, Tree
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

# Test processes run side by side; a process that a test starts is given its parent's.
OWNER = os.environ.get("TEST_LIFECYCLE_OWNER", f"test-lifecycle-{os.getpid()}")
TASK = "D-L1FECYC1"
SMALL = SandboxLimits(memory=256 * 1024**2, disk=16 * 1024**2, inodes=2000)
TREE = tree_of({"README.md": (b"hello\n", 0o644)})


def make_spec(purpose: str, *, task: str = TASK, tree: Tree = TREE, image: str = "") -> SandboxSpec:
    return SandboxSpec(f"deputy-{task}-{purpose}-{OWNER}", task, image, tree, {}, SMALL, git=True)


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner=OWNER)
    yield made
    made.sweep(lambda _: False)


def exists(engine: docker.DockerClient, name: str) -> bool:
    try:
        engine.containers.get(name)
    except docker.errors.NotFound:
        return False
    return True


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


# ------------------------------------------------------------------------------------------------------ gone


def test_leaving_the_block_removes_the_container(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    with sandboxes.start(make_spec("leave")) as sandbox:
        assert exists(engine, sandbox.name)
    assert not exists(engine, sandbox.name)


def test_an_error_in_the_block_removes_the_container(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    with pytest.raises(ZeroDivisionError), sandboxes.start(make_spec("error")):
        _ = 1 / 0
    assert not exists(engine, make_spec("error").name)


def test_a_cancelled_command_is_gone_with_its_container(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    sandbox = sandboxes.start(make_spec("cancel"))
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    with pytest.raises(Cancelled):
        sandbox.run(["sh", "-c", "trap '' TERM INT; while :; do :; done"], is_cancelled=cancelled.is_set)
    assert not exists(engine, sandbox.name)


@pytest.mark.usefixtures("sandboxes")
def test_the_container_goes_when_its_host_process_is_killed(engine: docker.DockerClient, tmp_path: Path) -> None:
    spec = make_spec("crash")
    ready = tmp_path / "ready"
    script = (
        "import pathlib\n"
        "from deputy.adapters.sandbox.host.docker import DockerSandboxes\n"
        f"from {__name__} import make_spec\n"
        f"sandbox = DockerSandboxes(owner={OWNER!r}).start(make_spec('crash'))\n"
        f"sandbox.run(['sh', '-c', 'sleep 300 & echo up; sleep 300'],"
        f" on_output=lambda _: pathlib.Path({str(ready)!r}).touch())\n"
    )
    root = Path(__file__).parents[3]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "TEST_LIFECYCLE_OWNER": OWNER}
    host = subprocess.Popen([sys.executable, "-c", script], cwd=root, env=env)
    try:
        assert eventually(ready.exists)
        assert exists(engine, spec.name)
    finally:
        host.send_signal(signal.SIGKILL)
        host.wait()
    assert eventually(lambda: not exists(engine, spec.name))


def test_a_sandbox_that_dies_is_a_failed_sandbox(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    sandbox = sandboxes.start(make_spec("dies"))
    threading.Timer(0.3, lambda: engine.containers.get(sandbox.name).kill()).start()
    with pytest.raises(SandboxFailed):
        sandbox.run(["sleep", "60"])
    sandbox.close()
    assert eventually(lambda: not exists(engine, sandbox.name))


def test_a_frozen_sandbox_is_given_up_and_removed(
    sandboxes: DockerSandboxes, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deputy.adapters.sandbox.channel.client._GRACE_SECONDS", 0.5)
    sandbox = sandboxes.start(make_spec("frozen"))
    engine.containers.get(sandbox.name).pause()
    with pytest.raises(SandboxFailed, match="no reply in time"):
        sandbox.run(["true"], timeout=0.2)
    assert not exists(engine, sandbox.name)


def test_a_workspace_that_does_not_fit_leaves_nothing(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    spec = make_spec("big", tree=tree_of({"big": (bytes(20 * 1024**2), 0o644)}))
    with pytest.raises(OutOfBudget, match="does not fit"):
        sandboxes.start(spec)
    assert not exists(engine, spec.name)


# ------------------------------------------------------------------------------------------------------ whose


def test_a_strangers_container_of_the_same_name_is_left_alone(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    spec = make_spec("foreign")
    foreign = engine.containers.create("deputy-sandbox:latest", ["true"], name=spec.name, network_mode="none")
    try:
        with pytest.raises(SandboxFailed, match="not ours"):
            sandboxes.start(spec)
        assert exists(engine, spec.name)
    finally:
        foreign.remove(force=True)


def test_sweep_leaves_other_installations_alone(sandboxes: DockerSandboxes) -> None:
    other = DockerSandboxes(owner="test-lifecycle-other")
    with other.start(make_spec("theirs", task="D-0THER000")) as theirs, sandboxes.start(make_spec("ours")):
        assert sandboxes.sweep(lambda _: False) == (make_spec("ours").name,)
        assert theirs.run(["echo", "alive"]).output == b"alive\n"


def test_sweep_survives_a_container_without_our_labels_details(
    sandboxes: DockerSandboxes, engine: docker.DockerClient
) -> None:
    odd = engine.containers.create(
        "deputy-sandbox:latest", ["true"], labels={"deputy.home": OWNER}, network_mode="none"
    )
    assert sandboxes.sweep(lambda task: task == TASK) == (odd.id[:12],)


def test_many_start_at_once_and_stay_apart(sandboxes: DockerSandboxes) -> None:
    def work(number: int) -> bytes:
        with sandboxes.start(make_spec(f"many{number}")) as sandbox:
            sandbox.write("mine", str(number).encode())
            return sandbox.run(["sh", "-c", "cat mine; ls | wc -l"]).output

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(6))) == [f"{number}2\n".encode() for number in range(6)]


# ------------------------------------------------------------------------------------------------------ the engine


def test_no_engine_is_one_sentence_with_the_way_out() -> None:
    absent = DockerSandboxes(owner=OWNER, base_url="unix:///nonexistent/docker.sock")
    for use in (absent.check, lambda: absent.start(make_spec("x")), lambda: absent.sweep(lambda _: True)):
        with pytest.raises(Unavailable) as caught:
            use()
        assert "DOCKER_HOST" in str(caught.value)
        assert "make setup" in str(caught.value)


def test_no_image_is_one_sentence_with_the_way_out(sandboxes: DockerSandboxes) -> None:
    with pytest.raises(Unavailable, match="make setup"):
        sandboxes.start(make_spec("x", image="deputy-no-such-image:1"))
    with pytest.raises(Unavailable, match="deputy-no-such-image:2 is missing"):
        DockerSandboxes(owner=OWNER, default_image="deputy-no-such-image:2").check()


@pytest.fixture
def tcp_engine() -> Iterator[str]:
    """The local engine at a loopback port, as a remote one would be."""

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect("/var/run/docker.sock")
                other = {self.request: engine, engine: self.request}
                while True:
                    for ready in select.select(list(other), [], [], 30)[0]:
                        data = ready.recv(1 << 16)
                        if not data:
                            return
                        other[ready].sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.skipif(not Path("/var/run/docker.sock").exists(), reason="the engine is not at its usual socket")
def test_an_engine_behind_tcp_does_as_well(tcp_engine: str, engine: docker.DockerClient) -> None:
    archive = tree_of({"big": (b"x" * 3_000_000, 0o644)})
    with DockerSandboxes(owner=OWNER, base_url=tcp_engine).start(make_spec("tcp", tree=archive)) as sandbox:
        assert sandbox.run(["sh", "-c", "wc -c < big; echo new > new"]).output == b"3000000\n"
        assert [file.path for file in sandbox.delta().written] == ["new"]
    assert not exists(engine, sandbox.name)


def test_the_runtime_is_the_engines_to_know() -> None:
    with pytest.raises(SandboxFailed, match="deputy-no-such-runtime"):
        DockerSandboxes(owner=OWNER, runtime="deputy-no-such-runtime").start(make_spec("runtime"))


def test_the_engine_was_asked_for_every_seal(sandboxes: DockerSandboxes, engine: docker.DockerClient) -> None:
    with sandboxes.start(make_spec("seals")) as sandbox:
        attributes = engine.containers.get(sandbox.name).attrs
    host = attributes["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"] is True
    assert host["LogConfig"]["Type"] == "none"
    assert host["Memory"] == host["MemorySwap"] == SMALL.memory
    assert host["PidsLimit"] == SMALL.processes
    assert host["IpcMode"] == "private"
    assert not host["Binds"]
    assert not host["Privileged"]
    assert attributes["Config"]["User"] == "1000:1000"
    assert attributes["Mounts"] == []
    assert host["SecurityOpt"][0] == "no-new-privileges"


# ------------------------------------------------------------------------------------------------------ the tree


def test_the_image_has_what_recipes_and_agents_need(sandboxes: DockerSandboxes) -> None:
    tools = "git rg patch make less jq ps file unzip xz ruff pytest python python3"
    with sandboxes.start(make_spec("tools")) as sandbox:
        missing = sandbox.run(["sh", "-c", f"for t in {tools}; do command -v $t >/dev/null || echo $t; done"])
        assert missing.output == b""
        assert sandbox.run(["python", "-c", "import libcst"]).exit_code == 0
        assert sandbox.run(["ls", "/opt/deputy/tools"]).exit_code == 0


def test_the_sandbox_knows_nothing_of_its_host(sandboxes: DockerSandboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "host-only-value")
    with sandboxes.start(make_spec("env")) as sandbox:
        assert b"host-only-value" not in sandbox.run(["env"]).output
        assert sandbox.run(["git", "log", "--format=%s %an"]).output == b"base Deputy\n"
        assert sandbox.run(["git", "status", "--short"]).output == b""
        assert sandbox.run(["git", "remote"]).output == b""


def test_a_hostile_repository_of_the_sandbox_stays_in_the_sandbox(sandboxes: DockerSandboxes) -> None:
    with sandboxes.start(make_spec("hostile")) as sandbox:
        sandbox.run(["sh", "-c", "rm -rf .git; ln -s /etc .git; echo x > y"])
        assert [file.path for file in sandbox.delta().written] == ["y"]
        sandbox.run(
            ["sh", "-c", "rm .git; mkdir -p .git/hooks; echo evil > .git/config; echo evil > .git/hooks/post-checkout"]
        )
        assert [file.path for file in sandbox.delta().written] == ["y"]


def test_links_come_out_as_links_wherever_they_point(sandboxes: DockerSandboxes) -> None:
    with sandboxes.start(make_spec("links")) as sandbox:
        sandbox.run(
            ["sh", "-c", "ln -s /proc/1/root/etc/shadow a; ln -s ../../.. b; ln -s a c; mkdir d; ln -s ../d d/self"]
        )
        written = {file.path: (file.mode, file.content) for file in sandbox.delta().written}
    assert written == {
        "a": ("120000", b"/proc/1/root/etc/shadow"),
        "b": ("120000", b"../../.."),
        "c": ("120000", b"a"),
        "d/self": ("120000", b"../d"),
    }


def test_a_name_that_is_not_utf8_is_refused_by_name(sandboxes: DockerSandboxes) -> None:
    with sandboxes.start(make_spec("names")) as sandbox:
        sandbox.run(["python3", "-c", "open(b'bad\\xff', 'w')"])
        with pytest.raises(BadInput, match="UTF-8"):
            sandbox.delta()


def test_a_write_through_a_shared_memory_map_comes_out(sandboxes: DockerSandboxes) -> None:
    code = (
        "import mmap\nwith open('README.md', 'r+b') as f:\n  m = mmap.mmap(f.fileno(), 0)\n  m[0]; m[0:5] = b'HELLO'\n"
    )
    with sandboxes.start(make_spec("mmap")) as sandbox:
        assert sandbox.run(["python3", "-c", code]).exit_code == 0
        assert [file.content for file in sandbox.delta().written] == [b"HELLO\n"]


# ------------------------------------------------------------------------------------------------------ kill -9

# At which call of whose a host process stops and is killed; what it had done by then.
STAGES = {
    "created": ("docker.api.client.APIClient.start", "start"),
    "started": ("deputy.adapters.sandbox.channel.client.SandboxClient.fill", "start"),
    "filled": ("deputy.adapters.sandbox.channel.client.SandboxClient.run", "start"),
    "waiting and created": ("docker.api.client.APIClient.start", "wait"),
    "waiting and started": ("deputy.adapters.sandbox.channel.client.SandboxClient.fill", "wait"),
    "waiting": ("deputy.adapters.sandbox.channel.client.SandboxClient.run", "wait"),
    "being renamed": ("docker.api.client.APIClient.rename", "take"),
    "renamed": ("deputy.adapters.sandbox.channel.client.SandboxClient.fill", "take"),
    "taken": ("deputy.adapters.sandbox.channel.client.SandboxClient.run", "take"),
}


def be_killed_at(stage: str, ready: str) -> None:
    """Start a sandbox and stop at that stage; the test then kills this process."""
    place, way = STAGES[stage]
    sandboxes = DockerSandboxes(owner=OWNER)
    spec = replace(make_spec("killed", task="D-K1LLED00"), name="deputy-d-k1lled00-1-work", warm_pool="shop")

    def stop(*_: object) -> None:
        Path(ready).touch()
        time.sleep(600)

    if way == "take":
        sandboxes.keep_ready([spec])
        assert eventually(lambda: bool(sandboxes._pool._waiting), 60)
    with mock.patch(place, stop):
        if way == "wait":
            sandboxes.keep_ready([spec])
            assert stage != "waiting" or eventually(lambda: bool(sandboxes._pool._waiting), 60)
            stop() if stage == "waiting" else time.sleep(600)
        sandboxes.start(spec).run(["true"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_at_any_stage_leaves_only_what_the_sweep_finds(
    sandboxes: DockerSandboxes,
    engine: docker.DockerClient,
    tmp_path: Path,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def left() -> list[str]:
        found = engine.api.containers(all=True, filters={"label": f"deputy.home={OWNER}"})
        return [c["State"] for c in found]

    ready = tmp_path / "ready"
    root = Path(__file__).parents[3]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    code = f"from {__name__} import be_killed_at; be_killed_at({stage!r}, {str(ready)!r})"
    env = {**os.environ, "PYTHONPATH": path, "TEST_LIFECYCLE_OWNER": OWNER}
    host = subprocess.Popen([sys.executable, "-c", code], cwd=root, env=env)
    try:
        assert eventually(ready.exists, 60)
        assert len(left()) == 1
    finally:
        host.kill()
        host.wait()
    if "created" not in stage:
        # Process 1 ends with its host, and the engine removes what has run; nobody has to look.
        assert eventually(lambda: left() == [])
        return
    time.sleep(0.3)
    assert left() == ["created"]
    assert sandboxes.sweep(lambda task: task == "D-K1LLED00") == ()
    if "waiting" in stage:
        # Another process may be about to start it: only time tells.
        assert sandboxes.sweep(lambda _: False) == ()
        later = time.time() + WAIT_SECONDS * 2
        monkeypatch.setattr("deputy.adapters.sandbox.engine.labels.time.time", lambda: later)
    assert len(sandboxes.sweep(lambda _: False)) == 1
    assert left() == []
