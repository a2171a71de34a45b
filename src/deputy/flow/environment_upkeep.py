"""Environments are built before anybody asks, when what they depend on changes at a branch's tip; old ones go."""

from collections.abc import Sequence

import structlog
from pydantic import JsonValue

from deputy.domain.config import RepoConfig
from deputy.domain.errors import DeputyError
from deputy.flow.environments import build, has_environment, wanted_at
from deputy.flow.governing import governed_in_advance
from deputy.flow.sandboxes import source_of
from deputy.flow.steps import StepFailed, Steps
from deputy.flow.world import World
from deputy.policy import Bundle

log = structlog.get_logger(__name__)


def keep_environments(world: World) -> list[JsonValue]:
    """Hand over the builds that are missing at the tips, and remove images that are old; returns what is to be built.

    A build that failed is tried again in the next hour. A repository that can't be looked at is left for the next time.
    Images of repositories that have no environment any more are old, too.
    """
    bundle = world.policies.current()
    repos = [repo for repo in bundle.repos if has_environment(repo)]
    missing: list[JsonValue] = []
    for repo in repos:
        try:
            if not _is_built(world, bundle, repo):
                missing.append(repo.name)
            _told(world.environments.prune(repo.name, bundle.limits.environments_kept))
        except DeputyError as error:
            log.warning("environments.look", repo=repo.name, error=str(error))
    try:
        _told(world.environments.prune_others([repo.name for repo in repos]))
    except DeputyError as error:
        log.warning("environments.prune", error=str(error))
    return missing


def _is_built(world: World, bundle: Bundle, repo: RepoConfig) -> bool:
    tip = world.repos.refresh(source_of(world, repo))
    wanted = wanted_at(world, governed_in_advance(world.repos, bundle, repo.name, tip), tip)
    if wanted is None or world.environments.find(repo.name, wanted.spec.key):
        return True
    name = f"build:{repo.name}:{wanted.spec.key[:16]}:{world.clock.now():%Y-%m-%dT%H}"
    with world.store.transaction() as ledger:
        world.queue.enqueue(ledger, "build_environment", name, repo.name, tip)
    return False


def _told(removed: Sequence[str]) -> None:
    if removed:
        log.info("environments.removed", images=removed)


def build_environment(world: World, steps: Steps, repo_name: str, commit: str) -> None:
    """Build an environment in the background. A failure is in the trail; a task that needs it will say so, too."""

    def act() -> JsonValue:
        repo = governed_in_advance(world.repos, world.policies.current(), repo_name, commit)
        wanted = wanted_at(world, repo, commit)
        if wanted is None or world.environments.find(repo.name, wanted.spec.key):
            return ""
        return build(world, wanted)

    try:
        steps("build", act, tries=1)
    except StepFailed as failed:
        log.warning("environments.build", repo=repo_name, error=failed.sentence)
