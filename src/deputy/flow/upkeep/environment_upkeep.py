"""Environments are built before anybody asks, when what they depend on changes at a branch's tip; old ones go."""

from collections.abc import Sequence

import structlog
from pydantic import JsonValue

from deputy.domain.errors import DeputyError
from deputy.domain.policy.config import RepoConfig
from deputy.flow.policy.effective_policy import governed_in_advance
from deputy.flow.sandboxes.environments import build, has_environment, wanted_at
from deputy.flow.sandboxes.sandboxes import source_of
from deputy.flow.state.services import Services
from deputy.flow.state.steps import StepFailed, Steps
from deputy.policy import Bundle

log = structlog.get_logger(__name__)


def keep_environments(services: Services) -> list[JsonValue]:
    """Hand over the builds that are missing at the tips, and remove images that are old; returns what is to be built.

    A build that failed is tried again in the next hour. A repository that can't be looked at is left for the next time.
    Images of repositories that have no environment any more are old, too.
    """
    bundle = services.policies.current()
    repos = [repo for repo in bundle.repos if has_environment(repo)]
    missing: list[JsonValue] = []
    for repo in repos:
        try:
            if not _is_built(services, bundle, repo):
                missing.append(repo.name)
            _told(services.environments.prune(repo.name, bundle.limits.environments_kept))
        except DeputyError as error:
            log.warning("environments.look", repo=repo.name, error=str(error))
    try:
        _told(services.environments.prune_others([repo.name for repo in repos]))
    except DeputyError as error:
        log.warning("environments.prune", error=str(error))
    return missing


def _is_built(services: Services, bundle: Bundle, repo: RepoConfig) -> bool:
    tip = services.repos.refresh(source_of(services, repo))
    wanted = wanted_at(services, governed_in_advance(services.repos, bundle, repo.name, tip), tip)
    if wanted is None or services.environments.find(repo.name, wanted.spec.key):
        return True
    name = f"build:{repo.name}:{wanted.spec.key[:16]}:{services.clock.now():%Y-%m-%dT%H}"
    with services.store.transaction() as ledger:
        services.queue.enqueue(ledger, "build_environment", name, repo.name, tip)
    return False


def _told(removed: Sequence[str]) -> None:
    if removed:
        log.info("environments.removed", images=removed)


def build_environment(services: Services, steps: Steps, repo_name: str, commit: str) -> None:
    """Build an environment in the background. A failure is in the trail; a task that needs it will say so, too."""

    def act() -> str:
        repo = governed_in_advance(services.repos, services.policies.current(), repo_name, commit)
        wanted = wanted_at(services, repo, commit)
        if wanted is None or services.environments.find(repo.name, wanted.spec.key):
            return ""
        return build(services, wanted)

    try:
        steps("build", act, tries=1)
    except StepFailed as failed:
        log.warning("environments.build", repo=repo_name, error=failed.sentence)
