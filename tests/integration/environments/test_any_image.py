"""A sandbox works in any image: one without Python is given one that stands by itself, and keeps its own files."""

import os
from collections.abc import Iterator

import pytest

from deputy.adapters.sandbox.environments.environments import DockerEnvironments
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.domain.policy.config import Environment
from deputy.ports import EnvironmentSpec, Sandbox, SandboxSpec
from tests.support.environment_builds import IMAGE, OWNER, SMALL, TREE, Steps, ours, sh

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def image(bare: str, environments: DockerEnvironments) -> str:
    environment = Environment(setup=(sh("id -u; echo made > /made"),), env={"WITH": "setup"})
    return environments.build(EnvironmentSpec("acme/bare", "b" * 64, bare, environment, TREE), Steps())


@pytest.fixture
def sandbox(image: str) -> Iterator[Sandbox]:
    sandboxes = DockerSandboxes(owner=OWNER)
    with sandboxes.start(SandboxSpec(f"deputy-bare-{os.getpid()}", "D-BARE0000", image, TREE, limits=SMALL)) as started:
        yield started
    sandboxes.sweep(lambda _: False)


def test_commands_run_as_nobody_special_in_an_image_without_python(sandbox):
    done = sandbox.run(sh("id -u; cat /made README.md; echo $WITH; exit 3"))
    assert (done.exit_code, done.output) == (3, b"1000\nmade\nhello\nsetup\n")
    assert sandbox.run(["python3", "-V"]).exit_code == 127, "the Python is process 1's alone"
    assert b"LD_LIBRARY_PATH" not in sandbox.run(sh("set")).output


def test_output_streams_and_timeouts_kill_in_it(sandbox):
    pieces: list[bytes] = []
    done = sandbox.run(sh("echo one; sleep 30 & sleep 30"), timeout=1, on_output=pieces.append)
    assert done.timed_out
    assert b"".join(pieces) == b"one\n"
    assert sandbox.run(sh("ls /proc")).output.count(b"\n") > 0
    running = [name for name in sandbox.run(sh("ls /proc")).output.split() if name.isdigit()]
    assert len(running) <= 3, "process 1, the shell and ls"


def test_files_go_in_and_out_of_it(sandbox):
    sandbox.write("new/file.txt", b"new\n")
    assert sandbox.read("README.md") == b"hello\n"
    assert sandbox.run(sh("cat new/file.txt; echo changed > README.md")).output == b"new\n"
    delta = sandbox.delta()
    assert {file.path: file.content for file in delta.written} == {"README.md": b"changed\n", "new/file.txt": b"new\n"}
    assert delta.deleted == ()


def test_nothing_can_be_written_beside_the_workspace_in_it(sandbox):
    assert sandbox.run(sh("echo x > /made")).exit_code != 0
    assert sandbox.run(sh("echo x > /opt/deputy/runtime/lib/x")).exit_code != 0


def test_an_environment_on_an_environment_keeps_its_python(image, environments, engine):
    again = EnvironmentSpec("acme/bare", "c" * 64, image, Environment(), TREE)
    second = engine.images.get(environments.build(again, Steps()))
    assert second.labels["deputy.python"] == engine.images.get(image).labels["deputy.python"]
    assert len(ours(engine)) >= 2


def test_a_volume_of_the_base_is_memory_in_a_builder(environments, engine):
    name = f"deputy-test-volume-{os.getpid()}:latest"
    container = engine.api.create_container(IMAGE, ["true"])["Id"]
    repository, _, tag = name.partition(":")
    engine.api.commit(container, repository, tag, changes=["VOLUME /var/lib/apt/lists /srv/data"])
    engine.api.remove_container(container)
    steps = Steps()
    mounted = sh("grep -E ' /(srv/data|var/lib/apt/lists) ' /proc/mounts | cut -d' ' -f1,2")
    environment = Environment(setup=(mounted, sh("touch /srv/data/x && chown 7 /srv/data/x")))
    try:
        environments.build(EnvironmentSpec("acme/shop", os.urandom(32).hex(), name, environment, TREE), steps)
    finally:
        for image in ours(engine):
            if "/srv/data" in (image.attrs["Config"].get("Volumes") or {}):
                engine.images.remove(image.id, force=True)
        engine.images.remove(name, force=True)
    assert set(steps.output.split(b"\n")) == {b"tmpfs /srv/data", b"tmpfs /var/lib/apt/lists", b""}
