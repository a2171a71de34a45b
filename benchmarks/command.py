"""``true`` through Deputy's channel and through the engine's ``exec``, in containers that are sealed alike."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import docker
from docker.models.containers import Container

from benchmarks import boxes
from benchmarks.docker_cli import IMAGE
from benchmarks.measuring import Comparison, Series, Setting, each, in_turns
from benchmarks.rivals import Rivals, rivals
from deputy.adapters.sandbox.engine.hardening import USER, WORKSPACE, host_options
from deputy.ports import Sandbox, SandboxLimits

PER_ROUND = 10


def measure(setting: Setting) -> Sequence[Comparison]:
    """All containers stand all the time."""
    amount = setting.amount(PER_ROUND, tiny=1)
    with ExitStack() as stack:
        box = stack.enter_context(boxes.start(boxes.sandboxes(), boxes.tree_of({"README.md": b"# Bench\n"})))
        container = stack.enter_context(_container())
        others = stack.enter_context(rivals(setting))
        for name in others.names:
            stack.callback(others.stop, name)
            others.start(name)
        ours, bare, *theirs = in_turns(
            setting.repeat,
            each(amount, lambda: _run(box)),
            each(amount, lambda: _exec(container)),
            *(partial(_theirs, others, name, amount) for name in others.names),
        )
    names = ("docker-py's exec_run", *others.names)
    baselines = [Series(f"`true` by {name}", taken) for name, taken in zip(names, (bare, *theirs), strict=True)]
    found = [Comparison(Series("`true` in the sandbox", ours), baseline) for baseline in baselines]
    return replace(found[0], notes=others.notes), *found[1:]


def _theirs(others: Rivals, name: str, amount: int) -> list[float]:
    return [others.run(name) for _ in range(amount)]


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
