"""Sandboxes that end badly: what went wrong first is told, the others are still removed, connections are closed."""

import gc
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import docker
import docker.errors
import pytest
from docker.api.client import APIClient

from deputy.adapters.sandbox.channel.wire import DockerWire
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.errors import Cancelled, OutOfBudget, SandboxFailed, Unavailable
from deputy.ports import SandboxLimits, SandboxSpec, Tree
from tests.support.trees import tree_of

pytestmark = pytest.mark.docker

OWNER = f"test-endings-{os.getpid()}"
TASK = "D-END1NGS0"
SMALL = SandboxLimits(memory=256 * 1024**2, disk=16 * 1024**2, inodes=2000)
TREE = tree_of({"README.md": (b"hello\n", 0o644)})


def make_spec(purpose: str, *, tree: Tree = TREE, image: str = "") -> SandboxSpec:
    return SandboxSpec(f"deputy-{TASK}-{purpose}-{OWNER}", TASK, image, tree, {}, SMALL)


@pytest.fixture
def sandboxes() -> Iterator[DockerSandboxes]:
    made = DockerSandboxes(owner=OWNER)
    yield made
    made.sweep(lambda _: False)
    made.close()


class Stuck:
    """An engine that can't remove some containers, as when a process hangs in the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ids: set[str] = set()
        self.tries: list[str] = []
        real = APIClient.remove_container

        def remove(api: APIClient, container: str, **more: bool) -> None:
            self.tries.append(container)
            if container in self.ids:
                raise docker.errors.APIError("500", explanation="could not kill: tried to kill it, but got no exit")
            real(api, container, **more)

        monkeypatch.setattr(APIClient, "remove_container", remove)

    def hold(self, name: str = "") -> str:
        """From now on the container of this name stays; its id."""
        client = docker.from_env()
        container = str(client.api.inspect_container(name)["Id"])
        client.close()
        self.ids.add(container)
        return container


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    made = Stuck(monkeypatch)
    yield made
    made.ids.clear()


# ------------------------------------------------------------------------------------------------------ removing


def test_one_that_stays_does_not_keep_the_sweep_from_the_others(sandboxes: DockerSandboxes, stuck: Stuck) -> None:
    specs = [make_spec(purpose) for purpose in ("one", "two", "three")]
    # Kept: a sandbox that nobody holds ends with its connection.
    started = [sandboxes.start(spec) for spec in specs]
    held = {stuck.hold(spec.name): spec.name for spec in specs[1:]}
    with pytest.raises(SandboxFailed, match="could not kill"):
        sandboxes.sweep(lambda _: False)
    assert set(stuck.tries) > set(held)
    assert set(sandboxes.remaining(TASK)) == set(held.values())
    stuck.ids.clear()
    assert set(sandboxes.sweep(lambda _: False)) == set(held.values())
    assert len(started) == len(specs)


def test_an_engine_that_is_gone_is_not_asked_for_each_of_them(
    sandboxes: DockerSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def refuse(_: APIClient, container: str, **__: bool) -> None:
        tries.append(container)
        raise ConnectionRefusedError

    started = [sandboxes.start(make_spec(purpose)) for purpose in ("one", "two")]
    with monkeypatch.context() as away:
        away.setattr(APIClient, "remove_container", refuse)
        with pytest.raises(Unavailable):
            sandboxes.sweep(lambda _: False)
    assert (len(tries), len(started)) == (1, 2)


def test_a_cancelled_command_is_reported_as_such_however_its_sandbox_ends(
    sandboxes: DockerSandboxes, stuck: Stuck
) -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    sandbox = sandboxes.start(make_spec("cancel"))
    container = stuck.hold(sandbox.name)
    with pytest.raises(Cancelled), sandbox:
        sandbox.run(["sleep", "60"], is_cancelled=cancelled.is_set)
    assert stuck.tries.count(container) == 1, "nobody waits twice: what is still there goes with the sweep"
    with pytest.raises(SandboxFailed, match="closed"):
        sandbox.run(["true"])
    stuck.ids.clear()
    assert sandboxes.sweep(lambda _: False) == (sandbox.name,)


def test_a_sandbox_that_can_not_be_removed_is_reported_when_nothing_else_went_wrong(
    sandboxes: DockerSandboxes, stuck: Stuck
) -> None:
    sandbox = sandboxes.start(make_spec("stays"))
    stuck.hold(sandbox.name)
    with pytest.raises(SandboxFailed, match="could not kill"):
        sandbox.close()
    stuck.ids.clear()
    sandbox.close()
    assert sandboxes.remaining(TASK) == ()


def test_a_start_that_fails_says_why_whatever_becomes_of_its_sandbox(sandboxes: DockerSandboxes, stuck: Stuck) -> None:
    names: list[str] = []

    def hold_and_stop() -> bool:
        if sandboxes.remaining(TASK) and not stuck.ids:
            names.append(stuck.hold(make_spec("start").name))
        return bool(names)

    with pytest.raises(Cancelled):
        sandboxes.start(make_spec("start"), hold_and_stop)
    assert names


def test_a_container_that_does_not_start_says_why_whatever_becomes_of_it(
    sandboxes: DockerSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise docker.errors.APIError("500", explanation="no room for another")

    with monkeypatch.context() as broken:
        broken.setattr(APIClient, "start", refuse)
        broken.setattr(APIClient, "remove_container", lambda *_, **__: (_ for _ in ()).throw(TimeoutError()))
        with pytest.raises(SandboxFailed, match="no room for another"):
            sandboxes.start(make_spec("unstarted"))


def test_a_workspace_that_does_not_fit_is_reported_however_its_sandbox_ends(
    sandboxes: DockerSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = make_spec("big", tree=tree_of({"big": (bytes(20 * 1024**2), 0o644)}))
    with monkeypatch.context() as broken:
        broken.setattr(APIClient, "remove_container", lambda *_, **__: (_ for _ in ()).throw(TimeoutError()))
        with pytest.raises(OutOfBudget, match="does not fit"):
            sandboxes.start(big)


# ------------------------------------------------------------------------------------------------------ connections


@pytest.mark.parametrize("is_stuck", [False, True])
def test_a_closed_sandboxes_connection_is_closed_at_once(
    sandboxes: DockerSandboxes, stuck: Stuck, monkeypatch: pytest.MonkeyPatch, is_stuck: bool
) -> None:
    connections: list[socket.socket] = []
    attach = APIClient.attach_socket

    def watched(api: APIClient, *args: object, **more: object) -> object:
        attached = attach(api, *args, **more)
        connections.append(attached._sock)
        return attached

    monkeypatch.setattr(APIClient, "attach_socket", watched)
    gc.disable()
    try:
        sandbox = sandboxes.start(make_spec("connected"))
        (connection,) = connections
        assert connection.fileno() >= 0
        if is_stuck:
            stuck.hold(sandbox.name)
        with suppress(SandboxFailed):
            sandbox.close()
        assert connection.fileno() == -1
    finally:
        gc.enable()


def test_the_other_end_sees_that_a_wire_is_closed() -> None:
    near, far = socket.socketpair()
    # What docker-py gives: a file around the socket, which keeps the socket open for as long as it lives.
    attached = socket.SocketIO(near, "rwb")
    near._io_refs += 1  # type: ignore[attr-defined]  # as ``makefile`` counts it
    wire = DockerWire(attached)
    wire.close()
    far.settimeout(5)
    assert far.recv(1) == b""
    assert near.fileno() == -1
    far.close()
    wire.close()
