"""The packages of a pnpm workspace: those that its globs match, and no others have a ``node_modules`` of their own."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice

from deputy.environments.files import Files, table
from deputy.environments.workflows import values

FILE = "pnpm-workspace.yaml"
_MAX_GLOBS, _MAX_BRACES, _MAX_SEGMENTS = 100, 8, 30
_HEAD = 1000  # characters of a lock file in which its settings stand
_HOISTED = re.compile(r"^node-linker\s*=\s*hoisted\b", re.MULTILINE)
_BRACES = re.compile(r"\{([^{}]*)\}")
_NEVER = frozenset({"node_modules", "bower_components"})


def pnpm_packages(files: Files) -> tuple[str, ...]:
    """The paths of their ``package.json``, the top's own left out."""
    said = [text for keys, text in values(files.text(FILE)) if keys == ("packages",)]
    wanted = [*_globs(text for text in said if not text.startswith("!"))]
    unwanted = [*_globs(text[1:] for text in said if text.startswith("!"))]
    found = (path for path in files.matching("*/**/package.json") if _NEVER.isdisjoint(path.split("/")))
    return tuple(path for path in found if _is_in(path, wanted) and not _is_in(path, unwanted))


def folders_of_their_own(files: Files, packages: Iterable[str]) -> tuple[str, ...]:
    """The ``node_modules`` that pnpm makes for these packages: none where it puts all of them at the top."""
    if _HOISTED.search(files.text(".npmrc")):
        return ()
    return tuple(f"{path.removesuffix('package.json')}node_modules" for path in packages if _has_own(files, path))


def _has_own(files: Files, path: str) -> bool:
    package = files.json(path)
    if any(package.get(key) for key in ("dependencies", "devDependencies", "optionalDependencies")):
        return True
    optional = table(package, "peerDependenciesMeta")
    peers = [name for name in table(package, "peerDependencies") if table(optional, name).get("optional") is not True]
    return bool(peers) and "autoInstallPeers: true" in files.text("pnpm-lock.yaml")[:_HEAD]


def _globs(texts: Iterable[str]) -> Iterator[list[str]]:
    """Each glob as its segments, with the words of its braces written out."""
    told = (text for text in texts if text.count("{") <= _MAX_BRACES and text.count("/") <= _MAX_SEGMENTS)
    every = (each for text in told for each in islice(_without_braces(text), _MAX_GLOBS))
    yield from (glob.removeprefix("./").rstrip("/").split("/") for glob in islice(every, _MAX_GLOBS))


def _without_braces(text: str) -> Iterator[str]:
    found = _BRACES.search(text)
    if not found:
        yield text
        return
    for word in found[1].split(","):
        yield from _without_braces(text[: found.start()] + word + text[found.end() :])


def _is_in(path: str, globs: Iterable[list[str]]) -> bool:
    folder = path.split("/")[:-1]
    return any(_matches(folder, glob) for glob in globs)


def _matches(folder: list[str], glob: list[str]) -> bool:
    """Segment by segment, with every place in the glob that may be reached so far: a repository's glob costs little."""
    places = _past_stars({0}, glob)
    for name in folder:
        stayed = {place for place in places if glob[place : place + 1] == ["**"]}
        went = {place + 1 for place in places - stayed if place < len(glob) and fnmatchcase(name, glob[place])}
        places = _past_stars(stayed | went, glob)
    return len(glob) in places


def _past_stars(places: set[int], glob: list[str]) -> set[int]:
    """These places, and those behind every ``**`` that stands for no folder."""
    reached = set(places)
    for place, segment in enumerate(glob):
        if place in reached and segment == "**":
            reached.add(place + 1)
    return reached
