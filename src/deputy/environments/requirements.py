"""Which Python packages a repository says that it needs, and for what: extras, groups, requirement files, locks."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import dirname, join, normpath

from deputy.environments.files import Files, Table, table, text_of, texts

# What people call the things that their tests need, best first; and what holds everything for working on it.
TESTING = ("test", "tests", "testing", "pytest", "unittest", "unit", "ci")
WORKING = ("dev", "develop", "development", "devel", "all-dev")
TYPING = ("typing", "types", "type-check", "typecheck", "mypy")
LINTING = ("lint", "linting", "linters", "ruff")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_EVERY = (*TESTING, *WORKING)
_FORMS = (
    "requirements-{}",
    "requirements_{}",
    "requirements.{}",
    "{}-requirements",
    "{}_requirements",
    "requirements/{}",
)
_FILES = (
    *(f"{form.format(word)}.txt" for word in _EVERY for form in (*_FORMS, "requirements/requirements-{}")),
    "tests/requirements.txt",
    "test/requirements.txt",
)


def name_of(requirement: str) -> str:
    """The normalised name in a requirement (``PyTest[x]>=8`` is ``pytest``), or nothing."""
    found = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


@dataclass(frozen=True)
class Needs:
    """What is to be installed beside the project, and the names in it. ``file`` is where most of it is written."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    plain_file: str = ""
    names: frozenset[str] = frozenset()
    inputs: tuple[str, ...] = field(default=())
    installs_project: bool = False


def needs_of(files: Files) -> Needs:
    """What tests and checks need, from where the repository says it; the words that its people chose are kept."""
    project = files.toml("pyproject.toml")
    every, groups = _extras(files, project), _groups(project)
    extras, chosen = _chosen(every), _chosen(groups)
    runtime = files.first("requirements.txt", "requirements/base.txt", "requirements/main.txt", "requirements/prod.txt")
    wanted = _test_file(files)
    named = tuple(dict.fromkeys(name for name in (runtime, wanted) if name))
    read, names, itself = _requirement_files(files, named)
    plain: tuple[str, ...] = ()
    plain_file = ""
    if not extras and not chosen and not wanted:
        plain_file, plain = next(((file, found) for file, found in _elsewhere(files, project) if found), ("", ()))
    names |= {name_of(each) for extra in extras for each in every[extra]}
    names |= {name_of(each) for group in chosen for each in groups[group]}
    names |= {name_of(each) for each in (*plain, *texts(table(project, "project").get("dependencies")))}
    names |= {name_of(each) for each in (*groups.get("dev", ()), *_poetry(project))}
    return Needs(extras, chosen, named, plain, plain_file, frozenset(names), tuple(read), itself)


def _chosen(known: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """What is for tests; where nothing is, what is for working on it. Also what checks of types or style need."""
    for words in (TESTING, WORKING):
        found = [name for name in known if name.lower().replace("_", "-") in words]
        if found:
            beside = [name for name in known if name.lower() in (*TYPING, *LINTING)] if words is TESTING else []
            return tuple(found + beside)
    return ()


def _extras(files: Files, project: Table) -> dict[str, tuple[str, ...]]:
    extras = {name: texts(value) for name, value in table(project, "project", "optional-dependencies").items()}
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

    def expand(name: str, above: frozenset[str]) -> Iterator[str]:
        entries = groups.get(name)
        for entry in entries if isinstance(entries, list) and name not in above else ():
            if isinstance(entry, str):
                yield entry
            else:
                yield from expand(text_of(table(entry).get("include-group")), above | {name})

    # Groups that include each other could be very many: what they say in the end is what their own lines say.
    return {name: tuple(dict.fromkeys(expand(name, frozenset()))) for name in list(groups)[:50]}


def _test_file(files: Files) -> str:
    return files.first(*_FILES)


def _requirement_files(files: Files, first: tuple[str, ...]) -> tuple[list[str], set[str], bool]:
    """The files with all that they include, the names in them, and whether one installs the project itself."""
    waiting, read, names, itself = list(first), [], set[str](), False
    while waiting:
        path = waiting.pop(0)
        if path in read or not files.has(path):
            continue
        read.append(path)
        for line in files.text(path).splitlines():
            words = line.partition(" #")[0].split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in {"-r", "--requirement", "-c", "--constraint"} and len(words) > 1:
                waiting.append(normpath(join(dirname(path), words[1])))
            elif words[0] in {"-e", "--editable"} and len(words) > 1:
                itself = itself or words[1].split("[")[0].strip("./") == ""
            else:
                itself = itself or words[0].split("[")[0] in {".", "./"}
                names.add(name_of(words[0]))
    return read, names - {""}, itself


def _elsewhere(files: Files, project: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Requirements written into the settings of tools, best first: they are taken over word by word."""
    hatch = table(project, "tool", "hatch", "envs")
    for name in ("hatch-test", "test", "default"):
        keys = ("dependencies", "extra-dependencies")
        yield "pyproject.toml", tuple(each for key in keys for each in texts(table(hatch, name).get(key)))
    yield "pyproject.toml", texts(table(project, "tool", "uv").get("dev-dependencies"))
    pdm = table(project, "tool", "pdm", "dev-dependencies")
    yield "pyproject.toml", tuple(each for name in pdm if name in _EVERY for each in texts(pdm[name]))
    tox = files.ini("tox.ini")
    yield "tox.ini", tuple(filter(None, map(_tox_line, tox.get("testenv", {}).get("deps", "").split("\n"))))
    yield "noxfile.py", _nox(files.text("noxfile.py"))


def _tox_line(line: str) -> str:
    """A plain requirement; lines for some versions only, options and placeholders are left out."""
    line = line.partition(" #")[0].strip()
    return line if _NAME.match(line) and "{" not in line and not re.match(r"[\w,{}!.-]+:\s", line) else ""


def _nox(text: str) -> tuple[str, ...]:
    """What ``session.install("…")`` installs in sessions of tests."""
    found = re.findall(r"def \w*test\w*\(session.*?(?=\ndef |\Z)", text, re.DOTALL)
    installs = [each for body in found for each in re.findall(r"session\.install\(([^()]*)\)", body)]
    words = [word for each in installs for word in re.findall(r"[\"']([^\"']+)[\"']", each)]
    return tuple(dict.fromkeys(word for word in words if _NAME.fullmatch(name_of(word)) and word[0] not in "-."))


def _poetry(project: Table) -> Iterator[str]:
    """The names that Poetry's own groups have; its ranges are not those of other tools, so a lock file is exported."""
    poetry = table(project, "tool", "poetry")
    yield from (name for group in table(poetry, "group").values() for name in table(group, "dependencies"))
    yield from (*table(poetry, "dependencies"), *table(poetry, "dev-dependencies"))
