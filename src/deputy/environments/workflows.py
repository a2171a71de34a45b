"""What the files of build machines run. Read as events, never built: neither anchors nor depth can make that costly."""

from collections.abc import Iterator

import yaml

from deputy.environments.files import Files

_MAX_CHARACTERS = 64 * 1024
_FOLDERS = (".github/workflows/*.yml", ".github/workflows/*.yaml", ".forgejo/workflows/*.yml", ".gitea/workflows/*.yml")
_GITLAB = ".gitlab-ci.yml"
_SCRIPTS = frozenset({"script", "before_script"})
_MAX_FILES = 10
_DEEPEST = 30

# The keys above a value, in order; what stands in a list has the list's keys.
Keys = tuple[str, ...]


def scripts(files: Files) -> Iterator[tuple[str, str]]:
    """Each line that a build machine runs, after the file that it stands in; those of a file that breaks off too."""
    for path in files.matching(*_FOLDERS)[:_MAX_FILES]:
        for keys, text in values(files.text(path)):
            if keys and keys[-1] == "run":
                yield from ((path, line) for line in _lines(text))
    for keys, text in values(files.text(_GITLAB)):
        if _SCRIPTS.intersection(keys[-1:]):
            yield from ((_GITLAB, line) for line in _lines(text))


def services(files: Files) -> Iterator[tuple[str, str]]:
    """The programs that a build machine starts beside the tests (``postgres``), after the file that names them."""
    found = ((path, keys) for path in files.matching(*_FOLDERS)[:_MAX_FILES] for keys, _ in values(files.text(path)))
    names = {(path, keys[keys.index("services") + 1]) for path, keys in found if "services" in keys[:-1]}
    yield from sorted(names)


def _lines(text: str) -> Iterator[str]:
    joined = text.replace("\\\n", " ")
    yield from (
        " ".join(line.split()) for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")
    )


def values(text: str) -> Iterator[tuple[Keys, str]]:
    """Each text of a document with the keys above it, as far as the document can be read."""
    try:
        yield from _walk(text[:_MAX_CHARACTERS])
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # "\\UFFFFFFFF" is no character
        return


def _walk(text: str) -> Iterator[tuple[Keys, str]]:
    # One entry for each open collection: its keys above, and in a mapping the key that waits for its value.
    above: list[str] = []
    open_: list[str] = []
    waiting: list[str | None] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            key = _take(open_, waiting)
            above.append(key)
            open_.append("map" if isinstance(event, yaml.MappingStartEvent) else "list")
            waiting.append(None)
            if len(open_) > _DEEPEST:  # the parser takes ever longer, the deeper it is
                return
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            above.pop()
            open_.pop()
            waiting.pop()
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            value = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if open_ and open_[-1] == "map" and waiting[-1] is None:
                waiting[-1] = value
            elif open_:
                yield tuple(each for each in (*above, _take(open_, waiting)) if each), value


def _take(open_: list[str], waiting: list[str | None]) -> str:
    """The key that a value stands under, which then waits no more; nothing in a list."""
    if not open_ or open_[-1] == "list":
        return ""
    key, waiting[-1] = waiting[-1] or "", None
    return key
