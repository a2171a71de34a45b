"""Environments of repositories: hosts that are hosts, folders where they must be, secrets that are not ours."""

import re
from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath
from typing import TypeVar

from deputy.domain.changes.globs import compile_glob
from deputy.domain.policy.config import Environment, RepoConfig
from deputy.policy.files.problems import Problem
from deputy.policy.files.tables import Entries

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:\*\.)?(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SECRET = re.compile(r"[A-Z][A-Z0-9_]*\Z")
# What Deputy itself lives by: no command of a repository may ever be told.
_OURS = re.compile(
    r"(?:SLACK|OPENAI|DEPUTY)_|DOCKER_(?:HOST|CONFIG|CONTEXT|CERT_PATH|TLS\w*)\Z|\w*DATABASE_UR[IL]\Z|PGPASS\w+\Z"
)
# The workspace, and what can be another name of it.
_NOT_THE_IMAGES = re.compile(r"/+(?:workspace|proc)(?:/|\Z)")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")  # Debian policy, 5.6.1
_SIZES = ("memory", "cpus", "processes", "disk", "inodes")
T = TypeVar("T")

# A clause, what to write instead, and the key that it is about.
Flaw = tuple[str, str, str]


def lint_environment(repos: Entries[RepoConfig], repo: RepoConfig) -> Iterator[Problem]:
    """Problems of ``environment``, ``sandbox`` and ``network`` of one repository."""
    for message, fix, key in _network(repo.network):
        yield repos.problem(message, fix, "repo", repo.name, key)
    for message, fix, key in _path(repo):
        yield repos.problem(message, fix, "repo", repo.name, key)
    for message, fix, key in _sizes(repo):
        yield repos.problem(message, fix, "repo", repo.name, "sandbox", key)
    for message, fix, key in _environment(repo.environment) if repo.environment else ():
        yield repos.problem(message, fix, "repo", repo.name, "environment", key)


def is_outside(path: str) -> bool:
    """Whether a path is not one of the workspace, written plainly."""
    return (
        not path
        or path.startswith("/")
        or normpath(path) != path.removesuffix("/")
        or path.split("/", 1)[0] in {"..", "."}
    )


def host_flaw(host: str) -> str:
    """Why this names no host and no hosts below one, as a clause; empty when it does."""
    below = host.removeprefix("*.")
    flaws = (
        (below == "*" or (below != host and "." not in below), "would be every host, or nearly"),
        ("://" in host, "has a scheme"),
        (re.search(r":\d*\Z", host) is not None, "has a port"),
        ("/" in host, "has a path"),
        ("*" in below, "has a star elsewhere than in front"),
        (below == "localhost" or below.endswith(".localhost"), "is the machine itself"),
        (not _HOST.match(host), "is no host name in lower case"),
    )
    return next((flaw for is_so, flaw in flaws if is_so), "")


def _network(hosts: tuple[str, ...]) -> Iterator[Flaw]:
    for host in hosts:
        if flaw := host_flaw(host):
            yield f"{host!r} {flaw}", "write a host such as pypi.org, or *.example.org for all below it", "network"


def _path(repo: RepoConfig) -> Iterator[Flaw]:
    """PATH as a whole would hide the image's own programs, the one that runs commands among them."""
    environments = (("env", repo.env), ("environment", repo.environment.env if repo.environment else {}))
    for key, variables in environments:
        if "PATH" in variables:
            yield "env sets PATH, and the image's own programs would not be found", "name folders in path instead", key


def _sizes(repo: RepoConfig) -> Iterator[Flaw]:
    for name in _SIZES:
        size = getattr(repo.sandbox, name)
        if size is not None and not 0 < size < float("inf"):
            yield f"{name} = {size} leaves nothing", "write a positive number, or leave it out", name


def _environment(environment: Environment) -> Iterator[Flaw]:
    yield from _network(environment.network)
    yield from _each(environment.setup, _is_no_command, "{!r} is no command", "write a list of words", "setup")
    fix = "write its name, such as libpq-dev"
    yield from _each(environment.packages, _is_no(_PACKAGE), "{!r} is no Debian package", fix, "packages")
    fix = "write one such as /opt/env/bin"
    yield from _each(environment.path, _is_no_folder, "{!r} is no absolute folder", fix, "path")
    yield from _each(environment.path, _is_not_the_images, "{!r} is no folder of the image", fix, "path")
    fix = "write a path below it, such as node_modules"
    yield from _each(environment.keep, is_outside, "{!r} is not inside the workspace", fix, "keep")
    fix = "write a variable's name in capitals, such as NPM_TOKEN; its value is never written here"
    yield from _each(environment.secrets, _is_no(_SECRET), "{!r} is no name of a secret", fix, "secrets")
    ours, fix = "{} is Deputy's own: no repository's command may have it", "give setup a credential of its own"
    yield from _each(environment.secrets, _is_ours, ours, f"{fix}, under another name", "secrets")
    fix = "write letters, digits and underscores"
    yield from _each(tuple(environment.env), _is_no(_VARIABLE), "{!r} is no name of a variable", fix, "env")
    for glob in environment.inputs:
        try:
            compile_glob(glob)
        except ValueError as error:
            yield str(error), "write a glob such as requirements*.txt", "inputs"
    if environment.timeout <= 0:
        yield f"timeout {environment.timeout} leaves no time", "write seconds, such as 900", "timeout"


def _each(values: Iterable[T], is_wrong: Callable[[T], bool], message: str, fix: str, key: str) -> Iterator[Flaw]:
    yield from ((message.format(value), fix, key) for value in values if is_wrong(value))


def _is_no(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: not pattern.match(value)


def _is_ours(name: str) -> bool:
    return bool(_OURS.match(name))


def _is_no_command(command: tuple[str, ...]) -> bool:
    return not command or not command[0]


def _is_not_the_images(path: str) -> bool:
    """What a commit brings must not come before the image's programs: a sandbox itself runs one of them, git."""
    return bool(_NOT_THE_IMAGES.match(path))


def _is_no_folder(path: str) -> bool:
    return not path.startswith("/") or normpath(path) != (path.rstrip("/") or "/") or ":" in path
