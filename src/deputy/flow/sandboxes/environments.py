"""The image that a repository's sandboxes start from, at one commit: found by what it depends on, or built now."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from types import NoneType
from typing import Protocol

from pydantic import JsonValue

from deputy.domain.errors import BadInput, BadPolicy, Cancelled, DeputyError
from deputy.domain.events import SYSTEM, EventName, happened
from deputy.domain.policy.config import Environment, RepoConfig
from deputy.environments import key as key_of
from deputy.evidence import presentable
from deputy.flow.state.tasks import once
from deputy.ports import (
    KEPT_FOLDER,
    BuildStep,
    Clock,
    Environments,
    EnvironmentSpec,
    Gateway,
    Ledger,
    OpenGateway,
    Policies,
    Repos,
    Store,
)

# Where Debian packages come from, on Debian's own images.
DEBIAN_HOSTS = ("deb.debian.org", "security.debian.org")
_SENTENCE, _FAILURE = 1000, 3000


class EnvironmentServices(Protocol):
    """The part of ``World`` that building an environment touches: a command line has no need of Slack for it."""

    @property
    def store(self) -> Store:
        """Where the trail is."""

    @property
    def repos(self) -> Repos:
        """Git, on the host."""

    @property
    def environments(self) -> Environments:
        """The images."""

    @property
    def gateway(self) -> Gateway:
        """The way out, for setup."""

    @property
    def policies(self) -> Policies:
        """Where limits are from."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def secret(self) -> Callable[[str], str]:
        """The value of a variable of Deputy's own environment, by name."""

    @property
    def image(self) -> str:
        """The default sandbox image."""


@dataclass(frozen=True)
class Prepared:
    """What a sandbox of a repository starts with: its image, variables, and links into the image (``SandboxSpec``)."""

    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """An environment that a repository needs at a commit: what is to be built, but for secrets and network."""

    environment: Environment
    spec: EnvironmentSpec


def prepare(
    services: EnvironmentServices, repo: RepoConfig, commit: str, on_step: Callable[[BuildStep], None] = lambda _: None
) -> Prepared:
    """The repository's image for a commit, built now if it has to be.

    ``BadInput`` has the failing command and the end of its output; what ``on_step`` raises ends the build.
    """
    wanted = wanted_at(services, repo, commit)
    if wanted is None:
        return Prepared(services.image, repo.env)
    image = services.environments.find(repo.name, wanted.spec.key) or build(services, wanted, on_step)
    return _prepared(repo, wanted, image)


def prepared_already(services: EnvironmentServices, repo: RepoConfig, commit: str) -> Prepared | None:
    """The same when the image is there; None when it would have to be built."""
    wanted = wanted_at(services, repo, commit)
    if wanted is None:
        return Prepared(services.image, repo.env)
    image = services.environments.find(repo.name, wanted.spec.key)
    return _prepared(repo, wanted, image) if image else None


def _prepared(repo: RepoConfig, wanted: Wanted, image: str) -> Prepared:
    environment = wanted.environment
    links = {path: f"{KEPT_FOLDER}/{path}" for path in (folder.strip("/") for folder in environment.keep)}
    return Prepared(image, {**environment.env, **repo.env}, links)


def has_environment(repo: RepoConfig) -> bool:
    """Whether the repository's sandboxes start from an image of its own.

    An image that it names becomes an environment even without a setup: it may lack a Python for process 1.
    """
    return repo.environment is not None or bool(repo.image)


def wanted_at(services: EnvironmentServices, repo: RepoConfig, commit: str) -> Wanted | None:
    """The environment that the repository needs at a commit; None when the default image is all it needs."""
    if not has_environment(repo):
        return None
    environment = repo.environment or Environment()
    base = repo.image or services.image
    tree = services.repos.checkout(repo.name, commit, repo.hidden)
    try:
        # What setup could not see, no image of another time may have seen either.
        start = "\n".join((services.environments.base_id(base), *sorted(repo.hidden)))
        key = key_of(environment, start, {path: file.blob for path, file in tree.items()})
    except ValueError as error:
        raise BadPolicy(
            f"the environment of {repo.name} can't be understood", str(error), "correct its inputs in repos.toml"
        ) from error
    disk = services.policies.current().limits.environment_disk
    return Wanted(environment, EnvironmentSpec(repo.name, key, base, environment, tree, disk=disk))


def build(
    services: EnvironmentServices,
    wanted: Wanted,
    on_step: Callable[[BuildStep], None] = lambda _: None,
    actor: str = SYSTEM,
) -> str:
    """Build it now, with its secrets, behind a gateway to its hosts; the image's name. The trail says how it went."""
    record = _Record(services, wanted.spec, actor)
    spec = replace(wanted.spec, secrets=_secrets(services, wanted))
    with _gateway(services, wanted) as gateway:
        try:
            image = services.environments.build(replace(spec, gateway=gateway.folder if gateway else ""), on_step)
        except DeputyError as error:
            record.uses(gateway)
            if not isinstance(error, Cancelled):
                record.failure(error)
            raise
        record.success(image, record.uses(gateway))
    return image


def hosts_of(environment: Environment) -> tuple[str, ...]:
    """The hosts that building it may reach."""
    return (*environment.network, *(DEBIAN_HOSTS if environment.packages else ()))


def _gateway(services: EnvironmentServices, wanted: Wanted) -> AbstractContextManager[OpenGateway | None]:
    hosts = hosts_of(wanted.environment)
    return services.gateway.open(hosts) if hosts else nullcontext()


def _secrets(services: EnvironmentServices, wanted: Wanted) -> dict[str, str]:
    values = {name: services.secret(name) for name in wanted.environment.secrets}
    if missing := sorted(name for name, value in values.items() if not value):
        raise BadInput(
            f"the environment of {wanted.spec.repo} can't be built",
            f"its setup needs {' and '.join(missing)}, and Deputy's own environment has no such variable",
            "set it where Deputy runs, and start Deputy again",
        )
    return values


class _Record:
    """What the audit trail is told of one build."""

    def __init__(self, services: EnvironmentServices, spec: EnvironmentSpec, actor: str) -> None:
        self._services, self._spec, self._actor, self._began = services, spec, actor, time.monotonic()

    def success(self, image: str, hosts: Sequence[str]) -> None:
        """It was built."""
        with self._services.store.transaction() as ledger:
            self._append(ledger, EventName.ENVIRONMENT_BUILT, {**self._facts(), "image": image, "hosts": [*hosts]})

    def failure(self, error: DeputyError) -> None:
        """It was not; said once for each key and kind of failure, for it may be tried again and again."""
        data = {
            **self._facts(),
            "what": presentable(error.what, _SENTENCE),
            "why": presentable(error.why, _FAILURE),
        }
        with self._services.store.transaction() as ledger:
            key = f"environment:failed:{self._spec.key}:{type(error).__name__}"
            once(ledger, key, lambda: self._append(ledger, EventName.ENVIRONMENT_FAILED, data), returns=NoneType)

    def uses(self, gateway: OpenGateway | None) -> list[str]:
        """What went to which host; returns the hosts that were reached."""
        uses = gateway.uses() if gateway else ()
        about = {"repo": self._spec.repo, "key": self._spec.key, "purpose": "environment"}
        with self._services.store.transaction() as ledger:
            for use in uses:
                self._append(ledger, EventName.NETWORK_USED, {**about, **asdict(use)})
        return sorted({use.host for use in uses if use.connections and not use.refused})

    def _facts(self) -> dict[str, JsonValue]:
        spec, seconds = self._spec, round(time.monotonic() - self._began, 1)
        return {"repo": spec.repo, "key": spec.key, "base": spec.base, "seconds": seconds}

    def _append(self, ledger: Ledger, name: EventName, data: dict[str, JsonValue]) -> None:
        ledger.append(happened(name, self._services.clock.now(), actor=self._actor, data=data))
