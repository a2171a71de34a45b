"""Checks of a Python repository: how its tests, its linter and its type checker are run."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping

from deputy.domain.policy.config import Check
from deputy.environments.files import Files, Table, glob_of, table, texts
from deputy.environments.proposal import Finding, check

_FOLDERS = ("tests", "test", "testing")
_TEST_FILES = ("**/test_*.py", "**/*_test.py")
_DJANGO = ("**/tests/**", "**/tests.py", "**/test_*.py")
# What an option of pytest.ini comes from, where nobody says that it is needed.
_PLUGINS = (
    (r"--cov\b", "pytest-cov"),
    (r"(?:^|\s)-n[\s=]?\w|--numprocesses|--dist\b", "pytest-xdist"),
    (r"--timeout\b", "pytest-timeout"),
    (r"\basyncio_mode\b", "pytest-asyncio"),
)
_RUFF_HOOK = re.compile(r"ruff-pre-commit[\"']?[ \t]*\n(?:[ \t]*(?:#.*)?\n)*[ \t]*rev:\s*[\"']?v?([\d.]+)")
_LINTED = ("ruff.toml", ".ruff.toml")
_TYPED = ("mypy.ini", ".mypy.ini")


def python_checks(files: Files, names: Container[str]) -> Iterator[Finding]:
    """The checks, tests first. ``names`` are the packages that some list of the project's has."""
    yield from _tests(files, names)
    yield from _lint(files)
    yield from _types(files)


def tools_of(files: Files, listed: Mapping[str, str], installed: Container[str]) -> tuple[str, ...]:
    """What the checks use and nothing installs, as it is ``listed``, if it is.

    A linter's version is the one that pre-commit runs, where it is written.
    """
    found = [finding.check for finding in python_checks(files, listed) if finding.check]
    modules = {each.run[2] for each in found if each.run[:2] == ("python", "-m")}
    wanted: list[str] = [tool for tool in ("pytest", "flake8", "mypy") if tool in modules]
    if "pytest" in wanted:
        said = " ".join(filter(None, (_pytest_said(files), _pytest_options(files))))
        wanted += [plugin for pattern, plugin in _PLUGINS if re.search(pattern, said)]
    missing = [_pinned(files, tool, listed) for tool in wanted if tool not in installed]
    hook = _RUFF_HOOK.search(files.text(".pre-commit-config.yaml"))
    if any(each.run[0] == "ruff" for each in found) and "ruff" not in installed:
        ruff = f"ruff=={hook[1]}" if hook else _pinned(files, "ruff", listed)
        missing += [ruff] if ruff != "ruff" else []  # the image has one, which will do where nobody says which
    return tuple(missing)


def _pinned(files: Files, tool: str, listed: Mapping[str, str]) -> str:
    """The tool in the version of a lock file, or as it is listed, or as it is."""
    pattern = rf'^name = "{tool}"\nversion = "([\w.]+)"'
    found = (re.search(pattern, files.text(lock), re.MULTILINE) for lock in ("uv.lock", "poetry.lock"))
    return next((f"{tool}=={match[1]}" for match in found if match), listed.get(tool, tool))


def _settings(files: Files) -> tuple[str, Table]:
    """Where pytest is set up, and how."""
    project = table(files.toml("pyproject.toml"), "tool", "pytest")
    if project:
        options = table(project, "ini_options")
        return "pyproject.toml has [tool.pytest]", options or project
    for file, section in (
        ("pytest.ini", "pytest"),
        (".pytest.ini", "pytest"),
        ("tox.ini", "pytest"),
        ("setup.cfg", "tool:pytest"),
    ):
        found = files.ini(file)
        if section in found or file == files.first("pytest.ini", ".pytest.ini"):
            return f"{file} sets pytest up", found.get(section, {})
    return "", {}


def _pytest_options(files: Files) -> str:
    options = _settings(files)[1].get("addopts", "")
    return " ".join(texts(options))


def _pytest_said(files: Files) -> str:
    return " ".join(_settings(files)[1])


def _tests(files: Files, names: Container[str]) -> Iterator[Finding]:
    said, settings = _settings(files)
    globs = _test_globs(files, settings)
    if files.has("manage.py") and "django" in files.text("manage.py").lower() and not said and "pytest" not in names:
        every = tuple(glob for glob in _DJANGO if files.matching(glob)) or _DJANGO[:1]
        yield check(
            Check(name="tests", kind="tests", run=("python", "manage.py", "test"), tests=every),
            "manage.py is Django's, and nothing speaks of pytest",
            "manage.py",
        )
        return
    if not globs:
        return
    why = " and ".join(filter(None, (said or _reason(files, names), _seen(globs[0]))))
    file = said.split(" ")[0] if said else next(iter(files.matching(globs[0])), "")
    yield check(Check(name="tests", kind="tests", run=_test_run(files, names, said), tests=globs), why, file)


def _reason(files: Files, names: Container[str]) -> str:
    if "pytest" in names:
        return "pytest is among the dependencies"
    conftest = next(iter(files.matching("conftest.py", "**/conftest.py")), "")
    return f"{conftest} is pytest's" if conftest else ""


def _test_run(files: Files, names: Container[str], said: str) -> tuple[str, ...]:
    if not said and not _reason(files, names) and (run := _unittest_run(files)):
        return run
    # A second -q would take away the line with the counts, and with it the proof that tests ran.
    is_quiet = re.search(r"(?:^|\s)(?:-q+|--quiet)(?:\s|$)", _pytest_options(files))
    return ("python", "-m", "pytest", *(() if is_quiet else ("-q",)))


def _unittest_run(files: Files) -> tuple[str, ...]:
    """How unittest finds all tests; nothing where they are not its, or where it would not find some.

    It enters packages only, and the top that it imports them from must be one above a package.
    """
    where = next((folder for folder in _FOLDERS if files.matching(f"{folder}/**/test*.py")), "")
    tests = files.matching(f"{where}/**/test*.py") if where else ()
    if not _are_unittests(files, tests[:20]):
        return ()
    below = {each for path in tests for each in _folders(path, where)}
    if not all(files.has(f"{folder}/__init__.py") for folder in below):
        return ()
    top = ("-t", ".") if files.has(f"{where}/__init__.py") else ()
    return ("python", "-m", "unittest", "discover", "-s", where, *top)


def _folders(path: str, above: str) -> Iterator[str]:
    """The folders that the path goes through below one above it."""
    names = path.removeprefix(f"{above}/").split("/")[:-1]
    yield from ("/".join((above, *names[:number])) for number in range(1, len(names) + 1))


def _are_unittests(files: Files, tests: Iterable[str]) -> bool:
    texts_of_tests = [files.text(path) for path in tests]
    uses_unittest = any(re.search(r"^[ \t]*(?:import|from) unittest\b", text, re.MULTILINE) for text in texts_of_tests)
    return uses_unittest and not any(re.search(r"\bpytest\b", text) for text in texts_of_tests)


def _test_globs(files: Files, settings: Table) -> tuple[str, ...]:
    paths = settings.get("testpaths", "")
    asked = " ".join(texts(paths)).split()
    named = [glob_of(path.removeprefix("./").rstrip("/")) for path in asked if not set(path) & set("*?[]{}\\")]
    found = [path if path.endswith(".py") else f"{path}/**" for path in named if path and files.matching(f"{path}/**")]
    if not found:
        found = [f"{folder}/**" for folder in _FOLDERS if files.matching(f"{folder}/**/*.py")]
    beside = [glob for glob in _TEST_FILES if _others(files, glob, found)]
    return (*found, *beside)


def _others(files: Files, glob: str, found: list[str]) -> bool:
    """Whether the glob finds test files that the folders do not have."""
    return bool(set(files.matching(glob)) - set(files.matching(*found)))


def _lint(files: Files) -> Iterator[Finding]:
    has_ruff = files.first(*_LINTED)
    tools = table(files.toml("pyproject.toml"), "tool")
    if has_ruff or "ruff" in tools:
        why = f"there is {has_ruff}" if has_ruff else "pyproject.toml has [tool.ruff]"
        lint = Check(name="lint", kind="lint", run=("ruff", "check", "--no-cache", "."))
        yield check(lint, why, has_ruff or "pyproject.toml")
    elif file := next(
        (file for file in ("setup.cfg", "tox.ini") if "flake8" in files.ini(file)), files.first(".flake8")
    ):
        yield check(Check(name="lint", kind="lint", run=("python", "-m", "flake8")), f"{file} sets flake8 up", file)


def _types(files: Files) -> Iterator[Finding]:
    tools = table(files.toml("pyproject.toml"), "tool")
    file = files.first(*_TYPED) or ("setup.cfg" if "mypy" in files.ini("setup.cfg") else "")
    if not file and "mypy" not in tools:
        return
    settings: Table = table(tools, "mypy") if not file else files.ini(file).get("mypy", {})
    says_what = any(key in settings for key in ("files", "packages", "modules"))
    run = ("python", "-m", "mypy", *(() if says_what else (_code(files),)))
    why = f"{file} sets mypy up" if file else "pyproject.toml has [tool.mypy]"
    yield check(Check(name="types", kind="types", run=run), why, file or "pyproject.toml")


def _code(files: Files) -> str:
    """The folder with the code: src, the one package at the top, or all of it."""
    if files.matching("src/**/*.py"):
        return "src"
    packages = [path.split("/")[0] for path in files.matching("*/__init__.py")]
    ours = [name for name in packages if name not in {*_FOLDERS, "docs", "examples", "benchmarks", "scripts"}]
    return ours[0] if len(ours) == 1 else "."


def _seen(glob: str) -> str:
    return f"{glob.removesuffix('**')} is there" if glob.endswith("/**") else f"there are files such as {glob}"
