"""Sandboxes as the workflows use them: named after task and purpose, bounded by policy, stopped on a wish."""

import hashlib
import time
from collections.abc import Callable

from deputy.domain.config import Limits, RepoConfig
from deputy.domain.values import Task
from deputy.flow.environments import Prepared
from deputy.flow.world import World
from deputy.ports import RepoSource, Sandbox, SandboxLimits, SandboxSpec, Tree

CANCEL_POLL_SECONDS = 0.4


def source_of(world: World, repo: RepoConfig) -> RepoSource:
    """Where git finds a repository."""
    return RepoSource(repo.name, world.locate(repo.url), repo.branch)


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
        stock=stock_of(repo),
        links=prepared.links,
        gateway=gateway,
    )


def stock_of(repo: RepoConfig) -> str:
    """What names the waiting sandboxes of a repository: another set of hidden paths is another stock."""
    hidden = "\n".join((repo.name, *repo.hidden))
    return hashlib.sha256(hidden.encode()).hexdigest()[:16]


def open_sandbox(
    world: World,
    task: Task,
    repo: RepoConfig,
    limits: Limits,
    prepared: Prepared,
    tree: Tree,
    *,
    purpose: str,
    needs_git: bool = False,
    gateway: str = "",
) -> Sandbox:
    """Start a sealed sandbox with the tree as its workspace."""
    name = f"deputy-{task.id.lower()}-{task.run}-{purpose}"
    return world.sandboxes.start(
        spec_of(repo, limits, prepared, tree, name=name, task=task.id, needs_git=needs_git, gateway=gateway)
    )


def cancel_watch(world: World, task_id: str) -> Callable[[], bool]:
    """A question to ask often: has somebody asked to stop this task? The database is asked at most twice a second."""
    asked_at, wanted = 0.0, False

    def is_cancelled() -> bool:
        nonlocal asked_at, wanted
        if not wanted and time.monotonic() - asked_at > CANCEL_POLL_SECONDS:
            asked_at = time.monotonic()
            with world.store.transaction() as ledger:
                wanted = bool(ledger.task(task_id).cancel_by)
        return wanted

    return is_cancelled
