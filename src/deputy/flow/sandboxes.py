"""Sandboxes as the workflows use them: named after task and purpose, bounded by policy, stopped on a wish."""

import time
from collections.abc import Callable

from deputy.domain.config import Limits, RepoConfig
from deputy.domain.values import Task
from deputy.flow.world import World
from deputy.ports import RepoSource, Sandbox, SandboxLimits, SandboxSpec

CANCEL_POLL_SECONDS = 0.4


def source_of(world: World, repo: RepoConfig) -> RepoSource:
    """Where git finds a repository."""
    return RepoSource(repo.name, world.locate(repo.url), repo.branch)


def open_sandbox(world: World, task: Task, repo: RepoConfig, limits: Limits, purpose: str, archive: bytes) -> Sandbox:
    """Start a sealed sandbox with the archive as its workspace."""
    return world.sandboxes.start(
        SandboxSpec(
            name=f"deputy-{task.id.lower()}-{task.run}-{purpose}",
            task=task.id,
            image=repo.image or world.image,
            archive=archive,
            env=repo.env,
            limits=SandboxLimits(
                memory=limits.sandbox_memory,
                cpus=limits.sandbox_cpus,
                processes=limits.sandbox_processes,
                disk=limits.sandbox_disk,
                seconds=limits.run_seconds,
            ),
        )
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
