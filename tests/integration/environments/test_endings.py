"""Builds that are stopped or broken off at any step, and what could run or stay beside a build's own commands."""

import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import docker
import pytest

from deputy.adapters.sandbox.environments.environments import DockerEnvironments
from deputy.domain.errors import BadInput, Cancelled, SandboxFailed, Unavailable
from deputy.domain.policy.config import Environment
from deputy.environments import key as key_of
from deputy.ports import BuildStep, EnvironmentSpec, SandboxSpec
from tests.support.environment_builds import (
    IMAGE,
    OWNER,
    REPO,
    TREE,
    Steps,
    builders,
    eventually,
    ours,
    output_in,
    sh,
    spec,
)

pytestmark = pytest.mark.docker

SECRETS = {"ACME_TOKEN": "nobodys-token"}


# ------------------------------------------------------------------------------------------------------ cancelled


def cancel_at(text: str, act: Callable[[], None] = lambda: None) -> Callable[[BuildStep], None]:
    """Cancels what runs at the second word of this step, that is, while it is worked on."""
    said: list[BuildStep] = []

    def listen(step: BuildStep) -> None:
        if step.text.startswith(text):
            if said:
                raise Cancelled("the task was cancelled")
            said.append(step)
            act()

    return listen


@pytest.mark.parametrize("step", ["keep deps", "clean up"])
def test_packing_up_is_cancelled_while_it_goes_on(environments, engine, monkeypatch, step):
    monkeypatch.setattr("deputy.adapters.sandbox.environments.builder._FILE_SECONDS", 20.0)

    def freeze() -> None:
        (name,) = builders(engine)
        engine.containers.get(name).pause()

    with pytest.raises(Cancelled):
        environments.build(spec(sh("mkdir deps"), keep=("deps",)), Steps(cancel_at(step, freeze)))
    assert builders(engine) == []


def test_the_look_for_secrets_is_cancelled_while_it_goes_on(environments, engine):
    wanted = replace(spec(("true",)), secrets=SECRETS)
    with pytest.raises(Cancelled):
        environments.build(wanted, Steps(cancel_at("save the image")))
    assert environments.find(REPO, wanted.key) == ""
    assert builders(engine) == []


def test_a_build_is_cancelled_before_its_first_step(environments, engine):
    steps = Steps(cancel_at("a builder"))
    with pytest.raises(Cancelled):
        environments.build(spec(sh("echo never")), steps)
    assert list(steps.texts) == ["0/0 a builder"]
    assert builders(engine) == []


# ------------------------------------------------------------------------------------------------------ broken off


@pytest.mark.parametrize("step", ["sh -c", "clean up"])
def test_a_builder_that_is_ended_from_outside_is_nobodys_mistake(environments, engine, step):
    ended: list[str] = []

    def end(now: BuildStep) -> None:
        if now.text.startswith(step) and not ended:
            ended.extend(builders(engine))
            engine.api.remove_container(ended[0], force=True)

    with pytest.raises(SandboxFailed) as caught:
        environments.build(spec(sh("sleep 30") if step == "sh -c" else ("true",)), Steps(end))
    assert f"the environment of {REPO} can't be built: step " in caught.value.what
    assert f"`{'sh -c' if step == 'sh -c' else 'clean up'}" in caught.value.what
    assert caught.value.what.endswith(", broke off")
    assert "process ended" in caught.value.why
    assert "repos.toml" not in str(caught.value)


def test_a_caller_that_waited_for_a_build_that_broke_off_builds_it(environments, engine):
    wanted, errors, images, begun = spec(sh("test -e /opt/x || sleep 2")), [], [], threading.Event()

    def end(step: BuildStep) -> None:
        begun.set()
        if waiting.is_set() and not ended.is_set() and step.number == 1:
            ended.set()
            engine.api.remove_container(builders(engine)[0], force=True)

    def first() -> None:
        with pytest.raises(SandboxFailed) as caught:
            environments.build(wanted, Steps(end))
        errors.append(caught.value)

    waiting, ended = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=first),
        threading.Thread(target=lambda: images.append(environments.build(wanted, Steps(lambda _: waiting.set())))),
    ]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1
    assert images == [environments.find(REPO, wanted.key)] != [""]


@pytest.mark.parametrize("error", [BadInput, Cancelled])
def test_a_builder_that_stays_hides_neither_failure_nor_wish(environments, engine, monkeypatch, error):
    def refuse(*_: object, **__: object) -> None:
        raise docker.errors.APIError("500", explanation="could not kill")

    def listen(step: BuildStep) -> None:
        if step.number:
            monkeypatch.setattr(docker.api.client.APIClient, "remove_container", refuse)
        if step.number and error is Cancelled:
            raise Cancelled("the task was cancelled")

    with pytest.raises(error):
        environments.build(spec(sh("exit 3")), Steps(listen))
    # Its end of the connection is closed: process 1 ends, and the engine removes it by itself.
    assert eventually(lambda: builders(engine) == [])


def test_the_default_image_is_named_when_its_python_is_wanted_and_it_is_gone(bare):
    lacking = DockerEnvironments(owner=OWNER, default_image="deputy-no-such-default:1")
    wanted = EnvironmentSpec("acme/bare", os.urandom(32).hex(), bare, Environment(), TREE)
    with pytest.raises(Unavailable, match=r"deputy-no-such-default:1 is missing.*make setup"):
        lacking.build(wanted, Steps())


# ------------------------------------------------------------------------------------------------------ beside it


@pytest.fixture(scope="module")
def checked(engine: docker.DockerClient) -> Iterator[str]:
    """An image with a program that runs beside the commands: it keeps what secrets it finds."""
    name = f"deputy-test-checked-{os.getpid()}:latest"
    check = "HEALTHCHECK --interval=1s CMD touch /opt/checked; cat /run/secrets/* > /opt/stolen; true\n"
    engine.images.build(fileobj=io.BytesIO(f"FROM {IMAGE}\n{check}".encode()), tag=name, rm=True)
    yield name
    for image in ours(engine):
        if (image.attrs["Config"].get("Healthcheck") or {}).get("Test", ["NONE"]) != ["NONE"]:
            engine.images.remove(image.id, force=True)
    engine.images.remove(name, force=True)


def test_the_health_check_of_a_base_does_not_run_beside_the_build(environments, engine, checked, sandboxes):
    image = environments.build(spec(sh("sleep 3; ls /opt"), base=checked), steps := Steps())
    assert b"checked" not in steps.output
    assert "checked" not in output_in(sandboxes, image, "ls", "/opt")
    assert engine.images.get(image).attrs["Config"]["Healthcheck"]["Test"] == ["NONE"]


def test_secrets_are_gone_before_the_image_is_packed_up(environments, engine):
    seen: list[bytes] = []

    def look(step: BuildStep) -> None:
        if step.text == "save the image" and not seen:
            (name,) = builders(engine)
            seen.append(engine.containers.get(name).exec_run(["ls", "-A", "/run/secrets"]).output)

    environments.build(replace(spec(("true",)), secrets=SECRETS), Steps(look))
    assert seen == [b""]


def test_no_file_below_run_raises_rights_or_is_hidden(environments, sandboxes):
    setup = sh("install -m 6700 /bin/true /run/raised; mkdir -m 700 /run/lock2; umask 077; echo one > /run/lock2/own")
    image = environments.build(spec(setup), Steps())
    script = "find / -xdev -type f -perm /6000 2>/dev/null; stat -c %a /run/raised; cat /run/lock2/own"
    assert output_in(sandboxes, image, *sh(script)).split() == ["755", "one"]


def test_an_environment_can_be_built_anew_while_a_sandbox_uses_the_old_one(environments, sandboxes):
    environment = Environment(setup=(sh(f"date +%N > /opt/made; : {os.urandom(4).hex()}"),))
    key = key_of(environment, "sha256:base", {})
    spec = EnvironmentSpec("acme/shop", key, IMAGE, environment, {}, disk=1024**3)
    image = environments.build(spec, Steps())
    used = SandboxSpec(f"deputy-review-{os.getpid()}", "D-ENV1R0NM", image, {})
    with sandboxes.start(used), environments.set_aside(spec.repo, key):
        environments.build(spec, Steps())


def test_a_setup_step_is_stopped_when_it_has_used_its_disk(environments):
    megabyte = 1024**2
    fills = "for i in $(seq 60); do head -c 8000000 /dev/urandom > /opt/$i || exit 1; sleep 0.2; echo $i; done"
    steps = Steps()
    environment = Environment(setup=(sh(fills),))
    key = key_of(environment, os.urandom(8).hex(), {})
    with pytest.raises(BadInput):
        environments.build(EnvironmentSpec("acme/shop", key, IMAGE, environment, {}, disk=16 * megabyte), steps)
    assert b"60\n" not in steps.output
