"""Which Python packages a repository says that it needs, and for what: extras, groups, requirement files, locks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from deputy.environments.files import Files, table
from deputy.environments.python.pipfile import locked_names
from deputy.environments.python.requirement_files import RequirementFile, name_of, plain_of, requirement_file
from deputy.environments.python.requirement_lists import Lists, elsewhere, lists_of

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
_LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock")
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
    lists, wanted = lists_of(files), files.first(*_FILES)
    needs = Needs(
        lock=files.first(*_LOCKS),
        extras=_chosen(lists.extras),
        groups=_chosen(lists.groups),
        poetry=tuple(name for name in lists.poetry if _word(name) in {*_EVERY, *TYPING, *LINTING}),
        files=tuple(requirement_file(files, name) for name in dict.fromkeys((files.first(*_MAIN), wanted)) if name),
    )
    if not needs.lock and not wanted and (needs.poetry or (lists.poetry[""] and not is_package(files))):
        needs = replace(needs, makes_lock=True)
    if not (needs.is_locked or needs.extras or needs.groups or wanted):
        file, plain = next(((file, found) for file, found in elsewhere(files, _EVERY) if found), ("", ()))
        needs = replace(needs, plain=plain, plain_file=file)
    installed = frozenset(map(name_of, _installed(files, lists, needs))) - {""}
    return replace(needs, installed=installed, listed=_listed(lists, needs))


def _installed(files: Files, lists: Lists, needs: Needs) -> Iterator[str]:
    """What comes with the way in which it is installed, which is never all that is listed."""
    if needs.lock == "Pipfile.lock":
        yield from locked_names(files)
        return
    yield from lists.project
    yield from (each for extra in needs.extras for each in lists.extras[extra])
    yield from (each for group in needs.groups for each in lists.groups[group])
    if needs.lock == "uv.lock":
        yield from lists.defaults
    elif needs.is_locked:
        yield from (name for group in ("", *needs.poetry) for name in lists.poetry[group])
    else:
        yield from (*needs.plain, *(name for each in needs.files for name in each.names))
        yield from lists.poetry[""] if is_package(files) else ()


def _listed(lists: Lists, needs: Needs) -> dict[str, str]:
    """Each name as it is listed first; of Poetry's, whose ranges no other tool reads, the bare name."""
    groups = (*lists.groups.values(), *lists.extras.values())
    written = (*lists.project, *(each for group in groups for each in group), *lists.defaults, *needs.plain)
    by_files = {name: text for each in needs.files for name, text in each.names.items()}
    by_poetry = {name: name for group in lists.poetry.values() for name in group}
    return by_poetry | by_files | {name_of(each): plain_of(each) for each in reversed(written)}


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
