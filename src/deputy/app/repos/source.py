"""Where a new repository comes from: a URL without secrets, a name that is free, and the commit at its tip."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deputy.domain.errors import BadInput, NotFound, Unavailable
from deputy.policy import Bundle
from deputy.ports import Repos, RepoSource

_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)")  # git@host:path
_PART = re.compile(r"[^A-Za-z0-9._-]+")
_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_HOW = (
    "leave them out, and let git ask for them: name a program in GIT_ASKPASS, or use an ssh URL and a key that "
    "Deputy's user has (see docs/deploy.md)"
)


@dataclass(frozen=True)
class Tip:
    """The commit at the branch's tip: its paths, and a way to read a file of it."""

    commit: str
    paths: tuple[str, ...]
    read: Callable[[str], bytes | None]


def source_of(bundle: Bundle, url: str, name: str, branch: str, home: Path) -> RepoSource:
    """The repository to be added, or ``BadInput`` when its URL holds credentials or its name can't be had."""
    _refuse_credentials(url)
    found = name or _name_in(url)
    if not _NAME.fullmatch(found):
        what = f"{name!r} is no name of a repository" if name else "the URL does not say what the repository is called"
        raise BadInput(what, "a name has an owner and a name", "give it with --name, such as --name acme/shop")
    _refuse_known(bundle, found)
    return RepoSource(found, _lasting(url, home), branch)


def _refuse_credentials(url: str) -> None:
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None
    except ValueError as error:
        raise BadInput("the URL can't be read", str(error), "write it as git does") from None
    # A lone user is a person in ssh, and a token in everything else.
    is_token = parts.username is not None and parts.scheme in {"http", "https"}
    if has_password or is_token or (parts.query and parts.scheme):
        raise BadInput("the URL holds credentials", "repos.toml is read by many, and so would they be", _HOW)


def _name_in(url: str) -> str:
    path = urlsplit(url).path if "://" in url else _SCP.sub("", url)
    parts = [part for part in path.rstrip("/").removesuffix(".git").split("/") if part not in {"", ".", ".."}]
    return "/".join(_PART.sub("-", part).strip("-") for part in parts[-2:])


def _refuse_known(bundle: Bundle, name: str) -> None:
    try:
        known = bundle.repo(name)
    except NotFound:
        return
    what = (
        f"the repository {name} is there already"
        if known.name == name
        else f"the name {name} already means {known.name}"
    )
    raise BadInput(what, "repos.toml has it", "change it there, or give this one another name with --name")


def _lasting(url: str, home: Path) -> str:
    """The URL for repos.toml: a folder of this machine by its whole path, one below the home as it is."""
    if "://" in url or _SCP.match(url) or url.startswith("/"):
        return url
    path = Path(url).expanduser()
    return url if (home / path).exists() or not path.exists() else str(path.resolve())


def alias_of(bundle: Bundle, name: str) -> tuple[str, ...]:
    """The name without its owner, where nothing is called that yet."""
    short = name.split("/")[1]
    try:
        bundle.repo(short)
    except NotFound:
        return (short,)
    return ()


def found_at(repos: Repos, source: RepoSource, url: str) -> Tip:
    """Fetch the repository into its mirror and look at its tip, or ``Unavailable`` with what to do."""
    try:
        commit = repos.refresh(RepoSource(source.name, url, source.branch))
    except Unavailable as error:
        todo = (
            "check the address, the branch and that this machine may read it; credentials come from a program named in "
            "GIT_ASKPASS or from an ssh key, never from the URL"
        )
        raise Unavailable(f"the repository {source.name} can't be fetched", error.why, todo) from None
    except BadInput as error:
        raise BadInput(f"the repository {source.name} can't be fetched", error.why, "correct --branch") from None
    return Tip(commit, repos.paths(source.name, commit), lambda path: repos.read(source.name, commit, path))
