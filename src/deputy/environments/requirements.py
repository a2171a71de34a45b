"""Which Python packages a repository says that it needs, and for what: extras, groups, requirement files, locks."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from deputy.environments.files import Files, Table, table, text_of, texts
from deputy.environments.pipfile import locked_names, pipfile
from deputy.environments.requirement_files import NAME, RequirementFile, name_of, plain_of, requirement_file

# What people call the things that their tests need, best first; and what holds everything for working on it.
TESTING = ("test", "tests", "testing", "pytest", "unittest", "unit", "ci")
WORKING = ("dev", "develop", "development", "devel", "all-dev")
TYPING = ("typing", "types", "type-check", "typecheck", "mypy")
LINTING = ("lint", "linting", "linters", "ruff")
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
_MAIN = ("requirements.txt", "requirements/base.txt", "requirements/main.txt", "requirements/prod.txt")


@dataclass(frozen=True)
class Needs:
    """What is to be installed beside the project, and from where.

    ``lock`` is the lock file that says it, ``makes_lock`` whether Poetry makes one first. ``plain`` are requirements
    that stand in ``plain_file``. ``installed`` are the names that setup installs by this, ``listed`` is what is named
    anywhere, each as one word for pip after its name: a name in a list that nothing installs is not there.
    """

    lock: str = ""
    makes_lock: bool = False
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    poetry: tuple[str, ...] = ()
    files: tuple[RequirementFile, ...] = ()
    plain: tuple[str, ...] = ()
    plain_file: str = ""
    installed: frozenset[str] = frozenset()
    listed: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_locked(self) -> bool:
        """Whether all that is installed comes from a lock file, the project itself excepted."""
        return bool(self.lock) or self.makes_lock

    @property
    def links_project(self) -> bool:
        """Whether a requirement file installs the project as a link to the workspace."""
        return not self.is_locked and any(each.links_project for each in self.files)


def is_package(files: Files) -> bool:
    """Whether an installer can install the project itself."""
    tools = table(files.toml("pyproject.toml"), "tool")
    if table(tools, "poetry").get("package-mode") is False or table(tools, "uv").get("package") is False:
        return False
    if table(files.toml("pyproject.toml"), "build-system") or files.has("setup.py"):
        return True
    return bool(files.ini("setup.cfg").get("metadata", {}).get("name"))


def needs_of(files: Files) -> Needs:
    """What tests and checks need, from where the repository says it; the words that its people chose are kept."""
    project = files.toml("pyproject.toml")
    every, groups, poetry = _extras(files, project), _groups(project), _poetry(project)
    extras, chosen = _chosen(every), _chosen(groups)
    usual = tuple(name for name in poetry if _word(name) in {*_EVERY, *TYPING, *LINTING})
    wanted = files.first(*_FILES)
    named = tuple(requirement_file(files, name) for name in dict.fromkeys((files.first(*_MAIN), wanted)) if name)
    lock = files.first("uv.lock", "poetry.lock", "Pipfile.lock")
    makes_lock = not lock and not wanted and bool(usual or (poetry[""] and not is_package(files)))
    plain: tuple[str, ...] = ()
    plain_file = ""
    if not (lock or makes_lock or extras or chosen or wanted):
        plain_file, plain = next(((file, found) for file, found in _elsewhere(files, project) if found), ("", ()))
    # What comes with each way to install.
    asked = [*texts(table(project, "project").get("dependencies"))]
    asked += [each for extra in extras for each in every[extra]]
    asked += [each for group in chosen for each in groups[group]]
    beside = [*plain, *(name for each in named for name in each.names)]
    by_poetry = [name for part in ("", *usual) for name in poetry[part]]
    by_lock = {
        "uv.lock": [*asked, *_uv_defaults(project, groups)],
        "poetry.lock": [*asked, *by_poetry],
        "Pipfile.lock": locked_names(files),
    }
    unlocked = [*asked, *by_poetry] if makes_lock else [*asked, *beside, *(poetry[""] if is_package(files) else ())]
    installed = by_lock[lock] if lock else unlocked
    texts_of_all = [*asked, *plain, *(text for part in (every, groups) for found in part.values() for text in found)]
    listed = {name_of(each): plain_of(each) for each in reversed(texts_of_all)}
    listed |= {name: text for each in named for name, text in each.names.items()}
    listed = {**{name: name for part in poetry.values() for name in part}, **listed}
    names = frozenset(map(name_of, installed)) - {""}
    return Needs(lock, makes_lock, extras, chosen, usual, named, plain, plain_file, names, listed)


def _word(name: str) -> str:
    return name.lower().replace("_", "-")


def _chosen(known: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """What is for tests; where nothing is, what is for working on it. Also what checks of types or style need."""
    for words in (TESTING, WORKING):
        found = [name for name in known if _word(name) in words]
        if found:
            beside = [name for name in known if _word(name) in {*TYPING, *LINTING}] if words is TESTING else []
            return tuple(found + beside)
    return ()


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


def _elsewhere(files: Files, project: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Requirements written into the settings of tools, best first: they are taken over word by word."""
    yield "Pipfile", pipfile(files).plain
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
    return line if NAME.match(line) and "{" not in line and not re.match(r"[\w,{}!.-]+:\s", line) else ""


def _nox(text: str) -> tuple[str, ...]:
    """What ``session.install("…")`` installs in sessions of tests."""
    found = re.findall(r"def \w*test\w*\(session.*?(?=\ndef |\Z)", text, re.DOTALL)
    installs = [each for body in found for each in re.findall(r"session\.install\(([^()]*)\)", body)]
    words = [word for each in installs for word in re.findall(r"[\"']([^\"']+)[\"']", each)]
    return tuple(dict.fromkeys(word for word in words if NAME.fullmatch(name_of(word)) and word[0] not in "-."))


def _poetry(project: Table) -> dict[str, tuple[str, ...]]:
    """The names in Poetry's groups; under no name, what the project itself needs. Poetry's ranges are its own."""
    poetry = table(project, "tool", "poetry")
    main = table(poetry, "dependencies")
    needed = (name for name, value in main.items() if table(value).get("optional") is not True and name != "python")
    groups = {name: table(group, "dependencies") for name, group in table(poetry, "group").items()}
    if old := table(poetry, "dev-dependencies"):
        groups["dev"] = {**old, **groups.get("dev", {})}
    return {"": tuple(map(name_of, needed)), **{name: tuple(map(name_of, group)) for name, group in groups.items()}}
