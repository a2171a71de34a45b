"""``deputy repo build``: make the environments of repositories now, and watch."""

import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from deputy.app.composition.environment_services import SandboxServices, opened_workshop
from deputy.app.output import AsJson, say, say_json
from deputy.app.repos.build_progress import shown
from deputy.app.settings import Settings, load_settings
from deputy.domain.errors import DeputyError
from deputy.domain.policy.config import RepoConfig
from deputy.flow.policy.effective_policy import governed_in_advance
from deputy.flow.sandboxes.environments import build as build_wanted
from deputy.flow.sandboxes.environments import has_environment, wanted_at
from deputy.ports import RepoSource

OPERATOR = "operator:cli"
_MEGABYTE = 1024**2


@dataclass(frozen=True)
class Built:
    """What became of one repository. ``size`` in bytes, with the base; ``error`` is empty when all is well."""

    repo: str
    commit: str = ""
    key: str = ""
    image: str = ""
    size: int = 0
    added: int = 0
    seconds: float = 0
    is_new: bool = False
    error: str = ""
    output: str = ""
    todo: str = ""


def register(app: typer.Typer) -> None:
    """Add the command to ``deputy repo``."""
    app.command()(build)


def build(
    name: Annotated[list[str] | None, typer.Argument(help="Repositories, or their aliases; all if left out.")] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Build anew what is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the environments for the newest commits: packages and setup, with network, once; tasks find them ready."""
    settings = load_settings()
    with opened_workshop(settings) as workshop:
        bundle = workshop.policies.current()
        repos = [bundle.repo(each) for each in name or ()] or [each for each in bundle.repos if has_environment(each)]
        results = [_built(workshop, settings, repo, force=force, quiet=as_json) for repo in repos]
    if not repos and not as_json:
        say("No repository has an environment: `environment` in repos.toml, or `deputy repo add`, gives it one.")
    if as_json:
        say_json([asdict(result) for result in results])
    if any(result.error for result in results):
        raise typer.Exit(1)


def _built(workshop: SandboxServices, settings: Settings, repo: RepoConfig, *, force: bool, quiet: bool) -> Built:
    """Build one, and tell: a repository that fails does not keep the others from being built."""
    try:
        result = _build(workshop, settings, repo, force=force, quiet=quiet)
    except DeputyError as error:
        result = Built(repo.name, error=error.what, output=error.why, todo=error.todo)
    if not quiet:
        _tell(result)
    return result


def _build(workshop: SandboxServices, settings: Settings, repo: RepoConfig, *, force: bool, quiet: bool) -> Built:
    began = time.monotonic()
    if not has_environment(repo):
        return Built(repo.name)
    tip = workshop.repos.refresh(RepoSource(repo.name, settings.locate(repo.url), repo.branch))
    governed = governed_in_advance(workshop.repos, workshop.policies.current(), repo.name, tip)
    wanted = wanted_at(workshop, governed, tip)
    if wanted is None:
        return Built(repo.name, tip)
    key, environments = wanted.spec.key, workshop.environments
    image = environments.find(repo.name, key)
    is_new = force or not image
    if is_new:
        aside = environments.set_aside(repo.name, key) if image else nullcontext()
        with aside, shown(repo.name, quiet=quiet) as show:
            image = build_wanted(workshop, wanted, show, OPERATOR)
    size = environments.size(image)
    seconds = round(time.monotonic() - began, 1)
    return Built(repo.name, tip, key, image, size, size - environments.size(wanted.spec.base), seconds, is_new)


def _tell(result: Built) -> None:
    if result.error:
        say(f"{result.repo}  failed: {result.error}")
        for line in result.output.splitlines():
            say(f"    {line}")
        if result.todo:
            say(f"  {result.todo[:1].upper()}{result.todo[1:]}.")
    elif not result.image:
        say(f"{result.repo}  needs no environment: its sandboxes start from the default image")
    else:
        how = f"built in {result.seconds:.0f} s" if result.is_new else "already there"
        size = f"{result.size // _MEGABYTE} MB, {result.added // _MEGABYTE} MB of it its own"
        say(f"{result.repo}  {how}: {result.image} ({size})")
