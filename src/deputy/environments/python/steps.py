"""The steps that make a virtual environment what a Python repository needs."""

from collections.abc import Iterator

from deputy.environments.files import Files, table
from deputy.environments.hosts import comes_by_git
from deputy.environments.proposal import Finding, step
from deputy.environments.python.checks import tools_of
from deputy.environments.python.requirements import Needs, is_package
from deputy.environments.python.versions import git_version

# /workspace is laid out afresh for every sandbox, so what is installed lives elsewhere; the project itself is installed
# as a link to /workspace, which is always the same path.
VENV = "/opt/env"
BIN = f"{VENV}/bin"
PIP = (f"{BIN}/pip", "install")
_POETRY = "/opt/poetry/bin/poetry"
_EXPORTED = "/tmp/requirements.txt"  # noqa: S108 - in the sandbox, where nobody else is


def python_steps(files: Files, needs: Needs) -> Iterator[Finding]:
    """What is installed, in order; nothing where there is nothing to install."""
    if needs.groups and needs.lock != "uv.lock":
        yield step((*PIP, "--upgrade", "pip"), "older ones don't know dependency groups", "pyproject.toml")
    if needs.is_locked:
        yield from _from_lock(files, needs)
    else:
        yield from _from_files(files, needs)
    if is_package(files):
        # A link that a requirement file made will do, but for what is to be installed with it.
        if not needs.links_project or needs.extras or needs.groups:
            yield _itself(files, needs)
    elif not needs.is_locked:
        yield from _virtual(files, needs)
    if needs.plain:
        yield step((*PIP, *needs.plain), f"{needs.plain_file} lists what tests need", needs.plain_file)
    missing = tools_of(files, needs.listed, needs.installed)
    if missing:
        yield step((*PIP, *missing), "the checks below use it, and nothing else installs it")


def _from_files(files: Files, needs: Needs) -> Iterator[Finding]:
    for each in needs.files:
        before, modern = _building(files) if each.builds_project else ((), ())
        yield step((*before, *PIP, *modern, "-r", each.path), f"{each.path} lists what is needed", each.path)


def _from_lock(files: Files, needs: Needs) -> Iterator[Finding]:
    """Exactly the versions of a lock file, through the one form that every installer reads, with hashes."""
    why = "it has the versions that the project is worked on with"
    if needs.lock == "uv.lock":
        asked = [*_options("--extra", needs.extras), *_options("--group", needs.groups)]
        asked += ["--no-hashes"] if comes_by_git(files, "uv.lock") else []
        export = ("export", "--frozen", "--quiet", "--no-emit-workspace", *asked, "--output-file", _EXPORTED)
        yield step((*PIP, "uv"), "uv.lock is read by uv", "uv.lock")
        yield step((f"{BIN}/uv", *export), why, "uv.lock")
    elif needs.lock == "Pipfile.lock":
        yield step((*PIP, "pipenv"), "Pipfile.lock is read by pipenv", "Pipfile.lock")
        script = f"{BIN}/pipenv requirements --dev > {_EXPORTED}"
        yield step(("sh", "-c", script), why, "Pipfile.lock")
    else:
        yield from _by_poetry(files, needs)
    yield step((*PIP, "--no-deps", "-r", _EXPORTED), "the versions that were just read from the lock file")


def _by_poetry(files: Files, needs: Needs) -> Iterator[Finding]:
    file = needs.lock or "pyproject.toml"
    wanted = [*_options("--with", tuple(sorted({*needs.poetry, *needs.groups}))), *_options("--extras", needs.extras)]
    wanted += ["--without-hashes"] if comes_by_git(files, file) else []
    yield step(("python3", "-m", "venv", "/opt/poetry"), "Poetry stays apart from what it installs", file)
    yield step(("/opt/poetry/bin/pip", "install", "poetry", "poetry-plugin-export"), f"it reads {file}", file)
    if needs.makes_lock:
        why = "only Poetry reads its ranges; there is no lock file, so versions may change"
        yield step((_POETRY, "lock"), why, file)
    yield step((_POETRY, "export", *wanted, "--output", _EXPORTED), "what it says, as every installer reads it", file)


def _options(option: str, values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _building(files: Files) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What goes before a command that builds the project, and among its options."""
    version = git_version(files)
    # Without pyproject.toml older versions of pip leave metadata in the workspace, which a sandbox would not have.
    return version.given if version else (), () if files.has("pyproject.toml") else ("--use-pep517",)


def _itself(files: Files, needs: Needs) -> Finding:
    file = files.first("pyproject.toml", "setup.py", "setup.cfg")
    before, modern = _building(files)
    if needs.is_locked:
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
