"""What a Pipfile names, for where no lock file says it better."""

from collections.abc import Iterator
from dataclasses import dataclass

from deputy.environments.files import Files, Table, table, text_of, texts
from deputy.environments.python.requirement_files import name_of, plain_of

_FILE, _LOCK = "Pipfile", "Pipfile.lock"
_ELSEWHERE = ("git", "hg", "svn", "bzr", "path", "file")
_MARKERS = ("sys_platform", "platform_system", "platform_machine", "python_version", "os_name", "implementation_name")


@dataclass(frozen=True)
class Pipfile:
    """``plain`` are requirements as pip takes them; ``left`` are names that come from elsewhere than an index."""

    plain: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def pipfile(files: Files) -> Pipfile:
    """What is needed to run and to work on the project; the project itself, which it may name, is neither."""
    top = files.toml(_FILE)
    entries = [pair for part in ("packages", "dev-packages") for pair in table(top, part).items()]
    plain = {name: _plain(name, value) for name, value in entries}
    ours = {name for name, value in entries if text_of(table(value).get("path")) in {".", "./"}}
    left = tuple(name for name, found in plain.items() if not found and name not in ours)
    return Pipfile(tuple(filter(None, plain.values())), left)


def locked_names(files: Files) -> frozenset[str]:
    """All that the lock file has."""
    lock = files.json(_LOCK)
    return frozenset(name_of(name) for part in ("default", "develop") for name in table(lock, part))


def _plain(name: str, value: object) -> str:
    """A requirement; nothing for what does not come from an index, or can't be read."""
    settings = table(value)
    if any(key in settings for key in _ELSEWHERE):
        return ""
    version = text_of(value) or text_of(settings.get("version"))
    extras = ",".join(texts(settings.get("extras")))
    wanted = f"{name}[{extras}]" if extras else name
    wanted += "" if version.strip() in {"", "*"} else "".join(version.split())
    # What came back changed has something in it that is no part of a requirement.
    return "; ".join((wanted, *_markers(settings))) if plain_of(wanted) == wanted else ""


def _markers(settings: Table) -> Iterator[str]:
    said = [text_of(settings.get("markers"))]
    said += [f"{key} {text}" for key in _MARKERS if (text := text_of(settings.get(key)))]
    if joined := " and ".join(f"({each})" for each in said if each and each.isprintable()):
        yield joined
