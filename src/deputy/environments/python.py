"""Python: a virtual environment with the project and what its tests need, from whatever says what that is."""

import re
from collections.abc import Iterator

from deputy.environments.files import Files, table, text_of
from deputy.environments.hosts import comes_by_git
from deputy.environments.proposal import Finding, Topic, step
from deputy.environments.python_checks import python_checks, tools_of
from deputy.environments.requirements import Needs, name_of, needs_of
from deputy.environments.versions import git_version, written_version

# /workspace is laid out afresh for every sandbox, so what is installed lives elsewhere; the project itself is installed
# as a link to /workspace, which is always the same path.
VENV = "/opt/env"
BIN = f"{VENV}/bin"
PIP = (f"{BIN}/pip", "install")
HOSTS = ("pypi.org", "files.pythonhosted.org")
_MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "tox.ini", "pytest.ini")
_EXPORTED = "/tmp/requirements.txt"  # noqa: S108 - in the sandbox, where nobody else is
_COMPILED = (
    "maturin",
    "scikit-build-core",
    "meson-python",
    "setuptools-rust",
    "cython",
    "cffi",
    "pybind11",
    "nanobind",
)
_NEWEST_MINOR = 11  # of the Python that Debian bookworm, the default sandbox image, has


def python(files: Files) -> Iterator[Finding]:
    """All that a Python repository needs."""
    manifest = files.first(*_MANIFESTS) or next(iter(files.matching("*.py", "requirements/*.txt", "tests/**/*.py")), "")
    if not manifest:
        return
    yield Finding(topic=Topic.LANGUAGE, text="Python", why=f"there is {manifest}", file=manifest)
    needs = needs_of(files)
    steps = [*_steps(files, needs)]
    if steps:
        yield step(("python3", "-m", "venv", VENV), "dependencies stay apart from the image's own Python")
        yield from steps
        yield Finding(topic=Topic.PATH, text=BIN, why="programs of the virtual environment come first")
        for host in HOSTS:
            yield Finding(topic=Topic.NETWORK, text=host, why="pip downloads from there")
        yield from _inputs(files, needs)
        yield from written_version(files)
    elif any(path.startswith("src/") for path in files.paths):
        yield Finding(topic=Topic.ENV, text="PYTHONPATH=src", why="the code is in src/, and nothing installs it")
    yield from python_checks(files, needs.names)
    yield from _notes(files)


def _steps(files: Files, needs: Needs) -> Iterator[Finding]:
    if needs.groups and not files.has("uv.lock"):
        yield step((*PIP, "--upgrade", "pip"), "older ones don't know dependency groups", "pyproject.toml")
    locked = [*_from_lock(files, needs)]
    yield from locked
    for file in () if locked else needs.files:
        yield step((*PIP, "-r", file), f"{file} lists what is needed", file)
    is_package = _is_package(files)
    if is_package and not (needs.installs_project and not locked):
        yield _itself(files, needs, has_lock=bool(locked))
    elif not is_package and not locked:
        yield from _virtual(files, needs)
    if needs.plain and not locked:
        yield step((*PIP, *needs.plain), f"{needs.plain_file} lists what tests need", needs.plain_file)
    missing = tools_of(files, needs.names)
    if missing:
        yield step((*PIP, *missing), "the checks below use it, and no list of dependencies names it")


def _from_lock(files: Files, needs: Needs) -> Iterator[Finding]:
    """Exactly the versions of a lock file, through the one form that every installer reads, with hashes."""
    why = "it has the versions that the project is worked on with"
    if files.has("uv.lock"):
        asked = [*_options("--extra", needs.extras), *_options("--group", needs.groups)]
        asked += ["--no-hashes"] if comes_by_git(files, "uv.lock") else []
        export = ("export", "--frozen", "--quiet", "--no-emit-workspace", *asked, "--output-file", _EXPORTED)
        yield step((*PIP, "uv"), "uv.lock is read by uv", "uv.lock")
        yield step((f"{BIN}/uv", *export), why, "uv.lock")
    elif files.has("poetry.lock"):
        groups = table(files.toml("pyproject.toml"), "tool", "poetry", "group")
        named = [each for each in groups if each in {*needs.groups, "dev", "test", "tests", "lint", "typing"}]
        wanted = [*_options("--with", sorted({*named, *needs.groups})), *_options("--extras", needs.extras)]
        wanted += ["--without-hashes"] if comes_by_git(files, "poetry.lock") else []
        yield step(("python3", "-m", "venv", "/opt/poetry"), "Poetry stays apart from what it installs", "poetry.lock")
        yield step(
            ("/opt/poetry/bin/pip", "install", "poetry", "poetry-plugin-export"), "it reads poetry.lock", "poetry.lock"
        )
        yield step(("/opt/poetry/bin/poetry", "export", *wanted, "--output", _EXPORTED), why, "poetry.lock")
    elif files.has("Pipfile.lock"):
        yield step((*PIP, "pipenv"), "Pipfile.lock is read by pipenv", "Pipfile.lock")
        script = f"{BIN}/pipenv requirements --dev > {_EXPORTED}"
        yield step(("sh", "-c", script), why, "Pipfile.lock")
    else:
        return
    yield step((*PIP, "--no-deps", "-r", _EXPORTED), "the versions that were just read from the lock file")


def _options(option: str, values: tuple[str, ...] | list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _itself(files: Files, needs: Needs, *, has_lock: bool) -> Finding:
    file = files.first("pyproject.toml", "setup.py", "setup.cfg")
    version = git_version(files)
    before = version.given if version else ()
    # Without pyproject.toml older versions of pip leave metadata in the workspace, which a sandbox would not have.
    modern = () if files.has("pyproject.toml") else ("--use-pep517",)
    if has_lock:
        return step((*before, *PIP, *modern, "--no-deps", "-e", "."), f"{file} describes a package", file)
    extras = f".[{','.join(needs.extras)}]" if needs.extras else "."
    why = f"{file} describes a package"
    if needs.extras or needs.groups:
        kinds = "extra" if needs.extras else "dependency group"
        why += f", and what its tests need as {kinds} {', '.join(needs.extras or needs.groups)}"
    return step((*before, *PIP, *modern, "-e", extras, *_options("--group", needs.groups)), why, file)


def _virtual(files: Files, needs: Needs) -> Iterator[Finding]:
    """Dependencies of a project that is no package: nothing but uv installs them without the project."""
    project = table(files.toml("pyproject.toml"), "project")
    if not project.get("dependencies") and not needs.extras and not needs.groups:
        return
    asked = [*_options("--extra", needs.extras), *_options("--group", needs.groups)]
    yield step((*PIP, "uv"), "it installs the dependencies of a project that is no package", "pyproject.toml")
    target = ("--python", f"{BIN}/python", "-r", "pyproject.toml")
    yield step(
        (f"{BIN}/uv", "pip", "install", *target, *asked), "pyproject.toml lists what is needed", "pyproject.toml"
    )


def _is_package(files: Files) -> bool:
    project = files.toml("pyproject.toml")
    if (
        table(project, "tool", "poetry").get("package-mode") is False
        or table(project, "tool", "uv").get("package") is False
    ):
        return False
    if table(project, "build-system") or files.has("setup.py"):
        return True
    return bool(files.ini("setup.cfg").get("metadata", {}).get("name"))


def _inputs(files: Files, needs: Needs) -> Iterator[Finding]:
    names = ("pyproject.toml", "setup.py", "setup.cfg", "uv.lock", "poetry.lock", "Pipfile.lock", *needs.inputs)
    used = [name for name in dict.fromkeys(names) if files.has(name)]
    used += ["tox.ini"] if needs.plain_file == "tox.ini" else []
    used += ["noxfile.py"] if needs.plain_file == "noxfile.py" else []
    for name in used:
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)


def _notes(files: Files) -> Iterator[Finding]:
    project = files.toml("pyproject.toml")
    wanted = text_of(table(project, "project").get("requires-python")) or files.ini("setup.cfg").get("options", {}).get(
        "python_requires", ""
    )
    lowest = re.search(r">=?\s*3\.(\d{1,3})", wanted)
    if lowest and int(lowest[1]) > _NEWEST_MINOR:
        newer = f'write image = "python:3.{lowest[1]}" where Debian\'s 3.{_NEWEST_MINOR} will not do'
        text = f"it wants Python {wanted}: {newer}"
        yield Finding(
            topic=Topic.NOTE, text=text, why="requires-python", file=files.first("pyproject.toml", "setup.cfg")
        )
    required = " ".join(name_of(each) for each in map(str, _list(table(project, "build-system").get("requires"))))
    is_compiled = any(word in required.split() for word in _COMPILED) or "Extension(" in files.text("setup.py")
    if is_compiled:
        why, file = "the build compiles parts of the package", files.first("pyproject.toml", "setup.py")
        for package in ("build-essential", "python3-dev"):
            yield Finding(topic=Topic.PACKAGES, text=package, why=why, file=file)
        text = "compiled parts are made into the working folder, which sandboxes do not share: name them in keep"
        yield Finding(topic=Topic.NOTE, text=text, why=why, file=file)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
