"""What sandboxes and their environments need, wired from the settings: no Slack, no engine of workflows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deputy.adapters.network.gateways import Gateways
from deputy.adapters.policies import PolicyFolder
from deputy.adapters.repos import GitRepos
from deputy.adapters.sandbox.environments.environments import DockerEnvironments
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.clock import SystemClock
from deputy.app.settings import Settings
from deputy.ports import Clock, Gateway, Policies, Repos


@dataclass(frozen=True)
class SandboxServices:
    """Satisfies ``flow.environments.Workshop``."""

    store: SqlStore
    repos: Repos
    environments: DockerEnvironments
    gateway: Gateway
    policies: Policies
    clock: Clock
    secret: Callable[[str], str]
    image: str


def sandboxes_of(settings: Settings) -> DockerSandboxes:
    """The sandboxes of this installation."""
    return DockerSandboxes(
        owner=settings.owner,
        base_url=settings.docker_host or None,
        default_image=settings.deputy_sandbox_image,
        runtime=settings.deputy_sandbox_runtime or None,
    )


def gateways_of(settings: Settings) -> Gateways:
    """The ways out of its sandboxes."""
    return Gateways(settings.home / "gateways", settings.internal_hosts)


def environments_of(settings: Settings) -> DockerEnvironments:
    """The environments of this installation."""
    return DockerEnvironments(
        owner=settings.owner,
        base_url=settings.docker_host or None,
        runtime=settings.deputy_sandbox_runtime or None,
        default_image=settings.deputy_sandbox_image,
    )


@contextmanager
def opened_workshop(settings: Settings) -> Iterator[SandboxServices]:
    """A workshop; its store is closed afterwards."""
    store = open_store(settings.database_url, settings.artifacts_url)
    try:
        yield SandboxServices(
            store=store,
            repos=GitRepos(settings.home / "git"),
            environments=environments_of(settings),
            gateway=gateways_of(settings),
            policies=PolicyFolder(settings.deputy_policies, store),
            clock=SystemClock(),
            secret=settings.variable,
            image=settings.deputy_sandbox_image,
        )
    finally:
        store.close()
