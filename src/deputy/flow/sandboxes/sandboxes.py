"""Sandboxes as the workflows use them: named after task and purpose, bounded by policy, stopped on a wish."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from deputy.domain.errors import Cancelled, DeputyError
from deputy.domain.identifiers import TaskId
from deputy.domain.policy.config import Limits, RepoConfig
from deputy.domain.tasks.task import Task
from deputy.flow.sandboxes.environments import Prepared
from deputy.flow.state.services import Services
from deputy.ports import BuildStep, RepoSource, Sandbox, SandboxLimits, SandboxSpec, Tree

CANCEL_POLL_SECONDS = 0.4


def source_of(services: Services, repo: RepoConfig) -> RepoSource:
    """Where git finds a repository."""
    return RepoSource(repo.name, services.locate(repo.url), repo.branch)


def spec_of(
    repo: RepoConfig,
    limits: Limits,
    prepared: Prepared,
    tree: Tree,
    *,
    name: str = "",
    task: str = "",
    needs_git: bool = False,
    gateway: str = "",
) -> SandboxSpec:
    """A sandbox of the repository; without a name, one to be kept ready."""
    size = repo.sandbox
    return SandboxSpec(
        name=name,
        task=task,
        image=prepared.image,
        tree=tree,
        env=prepared.env,
        limits=SandboxLimits(
            memory=size.memory or limits.sandbox_memory,
            cpus=size.cpus or limits.sandbox_cpus,
            processes=size.processes or limits.sandbox_processes,
            disk=size.disk or limits.sandbox_disk,
            inodes=size.inodes or limits.sandbox_inodes,
            seconds=limits.run_seconds,
        ),
        git=repo.git or needs_git,
        warm_pool=warm_pool_of(repo),
        links=prepared.links,
        gateway=gateway,
    )


def warm_pool_of(repo: RepoConfig) -> str:
    """What names the waiting sandboxes of a repository: another set of hidden paths is another pool."""
    hidden = "\n".join((repo.name, *sorted({*repo.hidden})))
    return hashlib.sha256(hidden.encode()).hexdigest()[:16]


@contextmanager
def open_sandbox(
    services: Services,
    task: Task,
    repo: RepoConfig,
    limits: Limits,
    prepared: Prepared,
    tree: Tree,
    *,
    purpose: str,
    needs_git: bool = False,
    gateway: str = "",
) -> Iterator[Sandbox]:
    """A sealed sandbox with the tree as its workspace, until the block is left. It can be cancelled while it starts."""
    name = f"deputy-{task.id.lower()}-{task.run_number}-{purpose}"
    spec = spec_of(repo, limits, prepared, tree, name=name, task=task.id, needs_git=needs_git, gateway=gateway)
    try:
        with services.sandboxes.start(spec, cancel_watch(services, task.id)) as box:
            yield box
    except Cancelled:
        with services.store.transaction() as ledger:
            ledger.keep_outcome(_stopped_key(task), json.dumps([name]))
        raise


@dataclass(frozen=True)
class CleanupResult:
    """What a cancelled run left: the sandbox that it was stopped in, and those that the engine still knows.

    ``left`` is None when the engine does not say; then ``why`` tells why.
    """

    stopped: tuple[str, ...]
    left: tuple[str, ...] | None
    why: str = ""


def end_sandboxes(services: Services, task: Task) -> CleanupResult:
    """Remove whatever there is of the task's sandboxes, then ask the engine what it still knows: the proof."""
    with services.store.transaction() as ledger:
        stopped = json.loads(ledger.outcome(_stopped_key(task)) or "[]")
    swept: tuple[str, ...] = ()
    # Nobody hides an error here: what can't be removed is still there when the engine is asked.
    with suppress(DeputyError):
        swept = services.sandboxes.sweep(lambda other: other != task.id)
    names = tuple(sorted({*stopped, *swept}))
    try:
        return CleanupResult(names, services.sandboxes.remaining(task.id))
    except DeputyError as error:
        return CleanupResult(names, None, str(error))


def _stopped_key(task: Task) -> str:
    return f"stopped:{task.id}:{task.run_number}"


def cancel_watch(services: Services, task_id: TaskId) -> Callable[[], bool]:
    """A question to ask often: has somebody asked to stop this task? The database is asked at most twice a second."""
    asked_at, wanted = 0.0, False

    def is_cancelled() -> bool:
        nonlocal asked_at, wanted
        if not wanted and time.monotonic() - asked_at > CANCEL_POLL_SECONDS:
            asked_at = time.monotonic()
            with services.store.transaction() as ledger:
                wanted = bool(ledger.task(task_id).cancel_by)
        return wanted

    return is_cancelled


def building(
    is_cancelled: Callable[[], bool], show: Callable[[str], None] = lambda _: None
) -> Callable[[BuildStep], None]:
    """Shows how far the build of an environment is, and ends it with ``Cancelled`` when that is wanted.

    A build says often how far it is, in the midst of a step, too.
    """

    def on_step(step: BuildStep) -> None:
        if is_cancelled():
            raise Cancelled("the task was cancelled")
        where = f"step {step.number} of {step.total}, {step.text}" if step.total else f"waiting for {step.text}"
        show(f"Building the environment: {where}")

    return on_step
