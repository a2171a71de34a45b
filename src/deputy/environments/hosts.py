"""Hosts beside the usual registries: other indexes, mirrors that a lock file names, repositories of dependencies."""

import re
from collections.abc import Iterable, Iterator

from deputy.environments.files import Files
from deputy.environments.proposal import Finding, Topic

_AT = r"https?://(?:[^@/\s\"']{0,100}@)?([a-z0-9.-]{1,253})(?=[/:?\"'\s]|$)"
_GIT = (rf"git\+{_AT}", rf'\bgit = "{_AT}', rf'type = "git"\nurl = "{_AT}')
_PLACES = re.compile(
    "|".join(
        (
            *_GIT,
            rf"(?:^|\s)(?:-i|--index-url|--extra-index-url|--find-links|-f)[ =]{_AT}",  # of pip
            rf"^\[\[(?:tool\.uv\.index|tool\.poetry\.source|source)\]\]\n(?:[^\[\n]*\n)*?url = \"{_AT}",
            rf"^(?:@[\w.-]+:)?registry\s*=\s*{_AT}",  # of npm
            rf"^[ \t]*\"?resolved\"?:? \"{_AT}",  # what a lock file says that something comes from
        )
    ),
    re.MULTILINE,
)
_BY_GIT = re.compile("|".join(_GIT))
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_MAX = 10


def other_hosts(files: Files, found: Iterable[Finding]) -> Iterator[Finding]:
    """The hosts that the files which setup reads send it to."""
    read = [finding.text for finding in found if finding.topic is Topic.INPUTS]
    hosts: dict[str, str] = {}
    for path in read:
        for match in _PLACES.finditer(files.text(path)):
            host = next(filter(None, match.groups()), "")
            if _HOST.fullmatch(host):
                hosts.setdefault(host, path)
    for host, path in list(hosts.items())[:_MAX]:
        yield Finding(topic=Topic.NETWORK, text=host, why=f"{path} says so", file=path)


def comes_by_git(files: Files, path: str) -> bool:
    """Whether some dependency in a file is a git repository, of which no installer can check a hash."""
    return bool(_BY_GIT.search(files.text(path)))
