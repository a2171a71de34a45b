"""``true`` through Deputy's channel and through the engine's ``exec``, in containers that are sealed alike."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
from docker.models.containers import Container

from benchmarks import boxes
from benchmarks.docker_cli import IMAGE
from benchmarks.measuring import Comparison, Series, Setting, each, in_turns
from deputy.adapters.sandbox.hardening import USER, WORKSPACE, host_options
from deputy.ports import Sandbox, SandboxLimits

PER_ROUND = 10


def measure(setting: Setting) -> Sequence[Comparison]:
    """Both containers stand all the time."""
    amount = setting.amount(PER_ROUND, tiny=1)
    with boxes.start(boxes.sandboxes(), boxes.tree_of({"README.md": b"# Bench\n"})) as box, _container() as container:
        ours, theirs = in_turns(setting.repeat, each(amount, lambda: _run(box)), each(amount, lambda: _exec(container)))
    return (Comparison(Series("`true` in the sandbox", ours), Series("`true` by docker-py's exec_run", theirs)),)


def _run(box: Sandbox) -> None:
    done = box.run(["true"])
    if done.exit_code != 0:
        raise AssertionError(done)


def _exec(container: Container) -> None:
    done = container.exec_run(["true"], user=USER, workdir=WORKSPACE)
    if done.exit_code != 0:
        raise AssertionError(done)


@contextmanager
def _container() -> Iterator[Container]:
    client = docker.from_env()
    try:
        options = host_options(SandboxLimits(), int(client.info()["NCPU"]), None)
        settings = client.api.create_host_config(**options)
        made = client.api.create_container(IMAGE, ["sleep", "infinity"], user=USER, host_config=settings)
        container = client.containers.get(made["Id"])
        try:
            container.start()
            yield container
        finally:
            container.remove(force=True)
    finally:
        client.close()
