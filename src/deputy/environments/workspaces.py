"""The packages of a pnpm workspace: those that its globs match, and no others have a ``node_modules`` of their own."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice

from deputy.environments.files import Files
from deputy.environments.workflows import values

FILE = "pnpm-workspace.yaml"
_MOST_GLOBS = 100
_BRACES = re.compile(r"\{([^{}]*)\}")
_NEVER = frozenset({"node_modules", "bower_components"})


def pnpm_packages(files: Files) -> tuple[str, ...]:
    """The paths of their ``package.json``, the top's own left out."""
    said = [text for keys, text in values(files.text(FILE)) if keys == ("packages",)]
    wanted = [*_globs(text for text in said if not text.startswith("!"))]
    unwanted = [*_globs(text[1:] for text in said if text.startswith("!"))]
    found = (path for path in files.matching("*/**/package.json") if _NEVER.isdisjoint(path.split("/")))
    return tuple(path for path in found if _is_in(path, wanted) and not _is_in(path, unwanted))


def _globs(texts: Iterable[str]) -> Iterator[list[str]]:
    """Each glob as its segments, with the words of its braces written out."""
    every = (each for text in texts for each in islice(_without_braces(text), _MOST_GLOBS))
    yield from (glob.removeprefix("./").rstrip("/").split("/") for glob in islice(every, _MOST_GLOBS))


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
