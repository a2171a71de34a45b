"""Other OCI runtimes: each that the engine lists is sealed or is refused, and a name that it does not have is said."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.errors import DeputyError, SandboxFailed, Unavailable
from deputy.ports import Sandbox
from tests.support.escapes import KERNEL, NETWORK
from tests.support.runtimes import further_runtimes, refusal
from tests.support.sealed_sandbox import LIMITS, assert_in_sync, attempts, make_spec

pytestmark = pytest.mark.docker

# Its own cgroup is where this engine mounts it; crun 1.8 leaves the folder above as a little memory.
CORE = {**NETWORK, **{name: code for name, code in KERNEL.items() if name != "its cgroup"}}


@pytest.fixture(
    params=[*further_runtimes()] or [pytest.param("", marks=pytest.mark.skip("the engine has one runtime"))]
)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sandbox(runtime: str) -> Iterator[Sandbox]:
    if said := refusal(runtime):
        pytest.skip(said)
    sandboxes = DockerSandboxes(owner=f"test-runtimes-{os.getpid()}", runtime=runtime)
    with sandboxes.start(replace(make_spec("runtime"), name=f"deputy-runtime-{os.getpid()}")) as started:
        yield started
    sandboxes.sweep(lambda _: False)


def test_the_default_runtime_is_named() -> None:
    assert ", runtime runc, " in DockerSandboxes(owner=f"test-runtimes-{os.getpid()}").check()


def test_a_missing_runtime_is_reported_with_those_that_the_engine_has() -> None:
    sandboxes = DockerSandboxes(owner=f"test-runtimes-{os.getpid()}", runtime="no-such-runtime")
    with pytest.raises(Unavailable) as caught:
        sandboxes.check()
    said = str(caught.value)
    assert said.startswith("The engine has no runtime no-such-runtime: it has ")
    assert "runc" in said
    assert said.endswith("Register it with the engine, or change DEPUTY_SANDBOX_RUNTIME.")
    with pytest.raises(SandboxFailed, match="no-such-runtime"):
        sandboxes.start(make_spec("runtime"))


def test_each_runtime_is_sealed_or_refused_in_words(runtime: str) -> None:
    assert f", runtime {runtime}, " in DockerSandboxes(owner=f"test-runtimes-{os.getpid()}", runtime=runtime).check()
    said = refusal(runtime)
    assert not said or said.startswith(
        ("The sandboxes are not sealed: ", "The Docker engine refused: ", "The sandbox ")
    )


def test_the_core_of_the_battery(sandbox: Sandbox) -> None:
    said = attempts(sandbox, CORE)
    assert said.keys() == CORE.keys()
    assert [(name, words) for name, words in said.items() if not words.startswith("SHUT")] == []
    assert_in_sync(sandbox)


def test_bombs(sandbox: Sandbox) -> None:
    code = "held = []\nwhile True: held.append(bytearray(b'x' * 2**20))"
    assert sandbox.run(["python3", "-c", code], timeout=15).exit_code != 0
    assert_in_sync(sandbox)
    sandbox.run(["sh", "-c", "b() { b | b & b; }; b"], timeout=2)
    assert_in_sync(sandbox)
    assert sandbox.run(["sh", "-c", "head -c 100M /dev/zero > full"]).exit_code != 0
    assert_in_sync(sandbox)
    assert len(sandbox.run(["head", "-c", "200M", "/dev/zero"]).output) < LIMITS.output + 100
    with pytest.raises(DeputyError):
        sandbox.delta()
