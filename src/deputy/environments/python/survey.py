"""Python: a virtual environment with the project and what its tests need, from whatever says what that is."""

import re
from collections.abc import Iterator

from deputy.environments.files import Files, table, text_of
from deputy.environments.proposal import Finding, Topic, step
from deputy.environments.python.checks import python_checks
from deputy.environments.python.pipfile import pipfile
from deputy.environments.python.requirement_files import name_of
from deputy.environments.python.requirements import Needs, is_package, needs_of
from deputy.environments.python.steps import BIN, VENV, python_steps
from deputy.environments.python.versions import written_version

HOSTS = ("pypi.org", "files.pythonhosted.org")
_MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "tox.ini", "pytest.ini")
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
    steps = [*python_steps(files, needs)]
    if steps:
        yield step(("python3", "-m", "venv", VENV), "dependencies stay apart from the image's own Python")
        yield from steps
        yield Finding(topic=Topic.PATH, text=BIN, why="programs of the virtual environment come first")
        for host in HOSTS:
            yield Finding(topic=Topic.NETWORK, text=host, why="pip downloads from there")
        yield from _inputs(files, needs)
        yield from written_version(files)
    # A package called src is found from the top, as everything there is.
    has_src = files.matching("src/**/*.py") and not files.has("src/__init__.py")
    if has_src and not is_package(files) and not needs.links_project:
        yield Finding(topic=Topic.ENV, text="PYTHONPATH=src", why="the code is in src/, and nothing installs it")
    yield from python_checks(files, needs.listed)
    yield from _notes(files, needs)


def _inputs(files: Files, needs: Needs) -> Iterator[Finding]:
    read = (path for each in needs.files for path in each.read)
    names = (
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "uv.lock",
        "poetry.lock",
        "Pipfile.lock",
        *read,
        needs.plain_file,
    )
    for name in filter(files.has, dict.fromkeys(names)):
        yield Finding(topic=Topic.INPUTS, text=name, why="setup reads it", file=name)


def _notes(files: Files, needs: Needs) -> Iterator[Finding]:
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
    left = pipfile(files).left if files.has("Pipfile") and needs.lock != "Pipfile.lock" else ()
    if left:
        text = f"Pipfile takes {', '.join(left[:4])} from elsewhere than an index: add to setup what installs it"
        yield Finding(topic=Topic.NOTE, text=text, why="there is no Pipfile.lock", file="Pipfile")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
