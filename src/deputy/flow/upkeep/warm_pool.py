"""Which sandboxes wait for work: those of repositories that had work lately, then the others, filled with the tip.

Each worker keeps its own, so each asks for itself by the clock; it is no job that one worker does for all.
"""

from collections.abc import Iterable
from datetime import timedelta

import structlog

from deputy.domain.errors import DeputyError, Unavailable
from deputy.flow.policy.effective_policy import governed_in_advance
from deputy.flow.sandboxes.environments import prepared_already
from deputy.flow.sandboxes.sandboxes import spec_of
from deputy.flow.state.services import Services
from deputy.policy import Bundle
from deputy.ports import SandboxSpec

log = structlog.get_logger(__name__)

WARM_POOL_SECONDS = 60.0
LATELY = timedelta(days=7)
_TASKS_LOOKED_AT = 100


def fill_warm_pool(services: Services) -> tuple[SandboxSpec, ...]:
    """Have sandboxes waiting, as many as the policy in force wants; returns which."""
    bundle = services.policies.current()
    wanted: list[SandboxSpec] = []
    if bundle.limits.warm_total:
        for name in _by_use(services, bundle):
            wanted += _of_repo(services, bundle, name)[: bundle.limits.warm_total - len(wanted)]
            if len(wanted) == bundle.limits.warm_total:
                break
    services.sandboxes.keep_ready(wanted)
    return tuple(wanted)


def _by_use(services: Services, bundle: Bundle) -> Iterable[str]:
    """The repositories' names, those first that were worked on last."""
    with services.store.transaction() as ledger:
        tasks = ledger.tasks(since=services.clock.now() - LATELY, limit=_TASKS_LOOKED_AT)
    known = [repo.name for repo in bundle.repos]
    worked_on = [task.spec.repo for task in tasks if task.spec and task.spec.repo in known]
    return dict.fromkeys((*worked_on, *known))


def _of_repo(services: Services, bundle: Bundle, name: str) -> list[SandboxSpec]:
    """Its waiting sandboxes, as its own policy at the tip has it; none while its mirror or its image is not there yet.

    Recipes and checks, of which each run has several, need no repository inside: theirs comes first. An agent's first
    turn takes many times what its sandbox takes to start.
    """
    try:
        tip = services.repos.tip(name)
        if not tip:
            return []
        repo = governed_in_advance(services.repos, bundle, name, tip)
        prepared = prepared_already(services, repo, tip)
        if prepared is None:
            return []
        tree = services.repos.checkout(repo.name, tip, repo.hidden)
    except DeputyError as error:
        log.warning("stock.repo", repo=name, error=str(error))
        return []
    kinds = (False, True) if _has_model(services) else (False,)
    return [
        spec_of(repo, bundle.limits, prepared, tree, needs_git=kinds[number % len(kinds)])
        for number in range(bundle.limits.warm_per_repo)
    ]


def _has_model(services: Services) -> bool:
    try:
        services.model()
    except Unavailable:
        return False
    return True
