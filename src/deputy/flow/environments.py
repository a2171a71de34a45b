"""The image that a repository's sandboxes start from, at one commit: found by what it depends on, or built now."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace

from pydantic import JsonValue

from deputy.domain.config import Environment, RepoConfig
from deputy.domain.errors import BadInput, BadPolicy, Cancelled, DeputyError
from deputy.domain.events import EventName
from deputy.environments import key as key_of
from deputy.evidence import presentable
from deputy.flow.tasks import event, once
from deputy.flow.world import World
from deputy.ports import KEPT_FOLDER, BuildStep, EnvironmentSpec, OpenGateway

# Where Debian packages come from, on Debian's own images.
DEBIAN_HOSTS = ("deb.debian.org", "security.debian.org")
_SENTENCE, _FAILURE = 1000, 3000


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
    world: World, repo: RepoConfig, commit: str, on_step: Callable[[BuildStep], None] = lambda _: None
) -> Prepared:
    """The repository's image for a commit, built now if it has to be.

    ``BadInput`` has the failing command and the end of its output; what ``on_step`` raises ends the build.
    """
    wanted = wanted_at(world, repo, commit)
    if wanted is None:
        return Prepared(world.image, repo.env)
    spec, environment = wanted.spec, wanted.environment
    image = world.environments.find(repo.name, spec.key) or build(world, wanted, on_step)
    links = {path: f"{KEPT_FOLDER}/{path}" for path in (folder.strip("/") for folder in environment.keep)}
    return Prepared(image, {**environment.env, **repo.env}, links)


def wanted_at(world: World, repo: RepoConfig, commit: str) -> Wanted | None:
    """The environment that the repository needs at a commit; None when the default image is all it needs.

    An image of the repository's own becomes an environment even without a setup: it may lack a Python for process 1.
    """
    environment = repo.environment or (Environment() if repo.image else None)
    if environment is None:
        return None
    base = repo.image or world.image
    tree = world.repos.checkout(repo.name, commit, repo.hidden)
    try:
        key = key_of(environment, world.environments.base_id(base), {path: file.blob for path, file in tree.items()})
    except ValueError as error:
        raise BadPolicy(
            f"the environment of {repo.name} can't be understood", str(error), "correct its inputs in repos.toml"
        ) from error
    disk = world.policies.current().limits.environment_disk
    return Wanted(environment, EnvironmentSpec(repo.name, key, base, environment, tree, disk=disk))


def build(world: World, wanted: Wanted, on_step: Callable[[BuildStep], None] = lambda _: None) -> str:
    """Build it now, with its secrets, behind a gateway to its hosts; the image's name. The trail says how it went."""
    began = time.monotonic()
    spec = replace(wanted.spec, secrets=_secrets(world, wanted))
    with _gateway(world, wanted) as gateway:
        try:
            image = world.environments.build(replace(spec, gateway=gateway.folder if gateway else ""), on_step)
        except DeputyError as error:
            _keep_uses(world, spec, gateway)
            if not isinstance(error, Cancelled):
                _keep_failure(world, spec, error, time.monotonic() - began)
            raise
        hosts = _keep_uses(world, spec, gateway)
    data = {**_facts(spec, time.monotonic() - began), "image": image, "hosts": hosts}
    with world.store.transaction() as ledger:
        ledger.append(event(world, EventName.ENVIRONMENT_BUILT, data=data))
    return image


def hosts_of(environment: Environment) -> tuple[str, ...]:
    """The hosts that building it may reach."""
    return (*environment.network, *(DEBIAN_HOSTS if environment.packages else ()))


def _gateway(world: World, wanted: Wanted) -> AbstractContextManager[OpenGateway | None]:
    hosts = hosts_of(wanted.environment)
    return world.gateway.open(hosts) if hosts else nullcontext()


def _secrets(world: World, wanted: Wanted) -> dict[str, str]:
    values = {name: world.secret(name) for name in wanted.environment.secrets}
    if missing := sorted(name for name, value in values.items() if not value):
        raise BadInput(
            f"the environment of {wanted.spec.repo} can't be built",
            f"its setup needs {' and '.join(missing)}, and Deputy's own environment has no such variable",
            "set it where Deputy runs, and start Deputy again",
        )
    return values


# ------------------------------------------------------------------------------------------------ the trail


def _facts(spec: EnvironmentSpec, seconds: float) -> dict[str, JsonValue]:
    return {"repo": spec.repo, "key": spec.key, "base": spec.base, "seconds": round(seconds, 1)}


def _keep_uses(world: World, spec: EnvironmentSpec, gateway: OpenGateway | None) -> list[JsonValue]:
    """Say in the trail what went to which host; the hosts that were reached."""
    uses = gateway.uses() if gateway else ()
    about = {"repo": spec.repo, "key": spec.key, "purpose": "environment"}
    with world.store.transaction() as ledger:
        for use in uses:
            ledger.append(event(world, EventName.NETWORK_USED, data={**about, **asdict(use)}))
    return [*sorted({use.host for use in uses if use.connections and not use.refused})]


def _keep_failure(world: World, spec: EnvironmentSpec, error: DeputyError, seconds: float) -> None:
    """Say it in the trail once for each key and reason to fail: it may be tried again and again."""
    what, why = presentable(error.what, _SENTENCE), presentable(error.why, _FAILURE)

    def append() -> None:
        data = {**_facts(spec, seconds), "what": what, "why": why}
        ledger.append(event(world, EventName.ENVIRONMENT_FAILED, data=data))

    with world.store.transaction() as ledger:
        once(ledger, f"environment:failed:{spec.key}:{type(error).__name__}", append)
