"""Where a repository lists Python packages: extras, groups, Poetry's tables, the settings of other tools."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deputy.environments.files import Files, Table, table, text_of, texts
from deputy.environments.python.pipfile import pipfile
from deputy.environments.python.requirement_files import NAME, name_of

_Named = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Lists:
    """What is listed, whoever wants it: requirements by extra and by dependency group, names by Poetry's group.

    ``project`` is what the project itself needs; so is what ``poetry`` has under no name. ``defaults`` are the
    requirements that uv takes without being asked.
    """

    project: tuple[str, ...]
    extras: _Named
    groups: _Named
    poetry: _Named
    defaults: tuple[str, ...]


def lists_of(files: Files) -> Lists:
    """All lists of a repository but its requirement files."""
    project = files.toml("pyproject.toml")
    groups = _groups(project)
    needed = texts(table(project, "project").get("dependencies"))
    return Lists(needed, _extras(files, project), groups, _poetry(project), tuple(_uv_defaults(project, groups)))


def _extras(files: Files, project: Table) -> dict[str, tuple[str, ...]]:
    extras = {name: texts(value) for name, value in table(project, "tool", "poetry", "extras").items()}
    extras |= {name: texts(value) for name, value in table(project, "project", "optional-dependencies").items()}
    options = files.ini("setup.cfg").get("options.extras_require", {})
    extras |= {name: tuple(value.split("\n")) for name, value in options.items()}
    return {**_setup_extras(files.text("setup.py")), **extras}


def _setup_extras(text: str) -> dict[str, tuple[str, ...]]:
    """``extras_require={…}`` of a ``setup.py``, as far as it is written out."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    given = (
        word.value
        for node in nodes
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "extras_require"
    )
    found = next((value for value in given if isinstance(value, ast.Dict)), None)
    if found is None:
        return {}
    pairs = zip(found.keys, found.values, strict=True)
    return {
        key.value: _words(value) for key, value in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _words(node: ast.AST) -> tuple[str, ...]:
    inner = ast.walk(node)
    return tuple(each.value for each in inner if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _groups(project: Table) -> dict[str, tuple[str, ...]]:
    """``[dependency-groups]`` with what they include."""
    groups = table(project, "dependency-groups")
    return {name: tuple(_expanded(groups, name)) for name in list(groups)[:50]}


def _expanded(groups: Table, name: str) -> Iterator[str]:
    # Each group once: those that include each other, or one twice, would be very many.
    waiting, seen = [name], set[str]()
    while waiting:
        here = waiting.pop(0)
        entries = groups.get(here)
        for entry in entries if isinstance(entries, list) and here not in seen else ():
            if isinstance(entry, str):
                yield entry
            else:
                waiting.append(text_of(table(entry).get("include-group")))
        seen.add(here)


def _uv_defaults(project: Table, groups: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What uv exports without being asked: its default groups, and what was once ``dev-dependencies``."""
    uv = table(project, "tool", "uv")
    said = uv.get("default-groups", ["dev"])
    names = tuple(groups) if said == "all" else texts(said)
    yield from (each for name in names for each in groups.get(name, ()))
    if said == "all" or "dev" in names:
        yield from texts(uv.get("dev-dependencies"))


def _poetry(project: Table) -> dict[str, tuple[str, ...]]:
    """The names in Poetry's groups; under no name, what the project itself needs. Poetry's ranges are its own."""
    poetry = table(project, "tool", "poetry")
    main = table(poetry, "dependencies")
    needed = (name for name, value in main.items() if table(value).get("optional") is not True and name != "python")
    groups = {name: table(group, "dependencies") for name, group in table(poetry, "group").items()}
    if old := table(poetry, "dev-dependencies"):
        groups["dev"] = {**old, **groups.get("dev", {})}
    return {"": tuple(map(name_of, needed)), **{name: tuple(map(name_of, group)) for name, group in groups.items()}}


def elsewhere(files: Files, words: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Requirements written into the settings of tools, best first: they are taken over word by word.

    ``words`` are the names of groups that are wanted.
    """
    project = files.toml("pyproject.toml")
    yield "Pipfile", pipfile(files).plain
    hatch = table(project, "tool", "hatch", "envs")
    for name in ("hatch-test", "test", "default"):
        keys = ("dependencies", "extra-dependencies")
        yield "pyproject.toml", tuple(each for key in keys for each in texts(table(hatch, name).get(key)))
    yield "pyproject.toml", texts(table(project, "tool", "uv").get("dev-dependencies"))
    pdm = table(project, "tool", "pdm", "dev-dependencies")
    yield "pyproject.toml", tuple(each for name in pdm if name in words for each in texts(pdm[name]))
    tox = files.ini("tox.ini")
    yield "tox.ini", tuple(filter(None, map(_tox_line, tox.get("testenv", {}).get("deps", "").split("\n"))))
    yield "noxfile.py", _nox(files.text("noxfile.py"))


def _tox_line(line: str) -> str:
    """A plain requirement; lines for some versions only, options and placeholders are left out."""
    line = line.partition(" #")[0].strip()
    return line if NAME.match(line) and "{" not in line and not re.match(r"[\w,{}!.-]+:\s", line) else ""


def _nox(text: str) -> tuple[str, ...]:
    """What ``session.install("…")`` installs in sessions of tests."""
    found = re.findall(r"def (\w+)\((session.*?)(?=\ndef |\Z)", text, re.DOTALL)
    installs = [
        each for name, body in found if "test" in name for each in re.findall(r"session\.install\(([^()]*)\)", body)
    ]
    words = [word for each in installs for word in re.findall(r"[\"']([^\"']+)[\"']", each)]
    return tuple(dict.fromkeys(word for word in words if NAME.fullmatch(name_of(word)) and word[0] not in "-."))
