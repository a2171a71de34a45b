"""Law: a survey never raises, and what it proposes is sound, whatever is in the files that it looks at."""

# ruff: noqa: E501 - what is thrown at it is as long as it is

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.app.repos.section import section_of
from deputy.domain.policy.config import RepoConfig
from deputy.environments import Proposal, survey
from deputy.policy import lint
from deputy.policy.files.model import MODEL
from tests.support.examples import examples

# What a survey asks for below the top of a file, each of which may hold anything at all.
PYPROJECT = """
    build-system build-system.requires project project.name project.dependencies project.requires-python
    project.optional-dependencies project.optional-dependencies.test project.optional-dependencies.dev
    dependency-groups dependency-groups.test dependency-groups.dev dependency-groups.typing tool tool.pytest
    tool.pytest.ini_options tool.pytest.ini_options.testpaths tool.pytest.ini_options.addopts tool.ruff tool.mypy
    tool.mypy.files tool.poetry tool.poetry.package-mode tool.poetry.dependencies tool.poetry.dependencies.pytest
    tool.poetry.dev-dependencies tool.poetry.dev-dependencies.pytest tool.poetry.group tool.poetry.group.testing
    tool.poetry.group.testing.dependencies tool.poetry.group.dev.dependencies.mypy tool.poetry.extras
    tool.poetry.extras.test tool.uv tool.uv.package tool.uv.dev-dependencies tool.uv.default-groups tool.uv.workspace
    tool.uv.workspace.members tool.hatch.envs tool.hatch.envs.test tool.hatch.envs.test.dependencies
    tool.hatch.build.hooks.vcs.version-file tool.setuptools_scm tool.setuptools_scm.version_file
    tool.pdm.version tool.pdm.version.source tool.pdm.dev-dependencies tool.pdm.dev-dependencies.test
"""
PIPFILE = "packages packages.flask packages.flask.version packages.shop.path dev-packages dev-packages.pytest source"
CARGO = "package workspace workspace.members dependencies"
PACKAGE = """
    scripts scripts.test scripts.lint scripts.types scripts.unit dependencies dependencies.x devDependencies
    devDependencies.typescript optionalDependencies peerDependencies workspaces workspaces.packages engines
    engines.node packageManager packages
"""
MACHINE = """
    jobs jobs.a jobs.a.steps jobs.a.services jobs.a.services.redis jobs.a.script run script before_script packages on
"""
WORDS = (
    "", "test", "pytest", "PyTest[x]>=8", "mypy==1.0", "-e .", "-x", ".", "..", "../x", "./tests/", "/etc", "a//b", "*",
    "packages/*", "!packages/a", "{a,b}/**", "[", "\\", "a\nb", "'", '"', "\x00", "\x1b[0m", "\u2028", ">=3.13", "^20 || >=22",
    "pnpm@9", "scm", "setuptools-scm", "cython", "jest", "npm run unit && mocha", "false", "git+https://a.example.org/x",
    "99999999999999999999", "\U0010ffff", "src/a/_version.py", "pytest -q \\", "apt-get install -y libpq-dev", "ci", "a: b",
)  # fmt: skip
REQUIREMENTS = (
    "-r requirements.txt", "-rbase.txt", "-r", "--requirement=base.txt", "-c base.txt", "-cbase.txt", "--constraint", "-e .", "-e",
    "-e.[x]", "-e ./[", "--editable=.", ".", ". #", "pytest>=8 # x", "flask==1 --hash=sha256:0", "mypy \\", "#", "-f https://a.example.org:1",
    "https://me:pw@pkgs.example.org/simple", "--extra-index-url ", "x @ git+https://g.example.org/x", "\t", "é", "-- ", "[", "ruff;",
)  # fmt: skip
INI = (
    "[testenv]", "deps =", "  pytest", "  py38: old", "  -r x", "[pytest]", "testpaths = [ a", "testpaths = tests/ ./x .. a//b", "addopts",
    "addopts = -q --cov", "[metadata]", "name", "name = a", "[options.extras_require]", "test =", "  %(x)s", "[tool:pytest]", "[mypy]",
    "[flake8]", "= x", ":", "[", "]", "[]", "[DEFAULT]", "key", "  more", "\tx", "# x", "; x", "[options]", "python_requires = >=3.99",
)  # fmt: skip
COMMANDS = (
    "-q", "tests", "\\", "'x", '"', "#", " # x", "`", "|", "&&", "${{ a }}", "\v", "\x85", "\u2028", "\\\\", "--", "docker",
    "apt-get install", "-y", "libpq-dev",
)  # fmt: skip
YAML = (
    "jobs:", "  a: &x", "- *x", "- run: |", "    pytest \\", "? [a]", ": b", "<<: *x", "!!python/object:x {}", "%YAML 9.9", "%TAG ! x",
    '"\\UFFFFFFFF"', '- "\\x"', "'", "---", "...", "\t- a", "run: pytest 'x", "script:", "  - mypy .", "services: {redis: {}}", "services:",
    "  postgres:", "packages:", "  - 'packages/*'", "  - '!**/test/**'", "  - '{a,b'", "  - '" + "{a,b}" * 40 + "'", "- " * 300,
    "{" * 300, "a: " * 40, "lockfileVersion: '6.0'", "yarnPath: ../x", "repos:", "  - repo: ruff-pre-commit", "    rev: v0.1",
)  # fmt: skip
CODE = (
    "setup(extras_require={'test': ['pytest'], **x, 1: 2})", "setup(extras_require=x)", "setup(use_scm_version=True)", "Extension(", "(" * 300,
    "def tests(session):", "    session.install('pytest', '-e', '.', \"\")", "import unittest", "import pytest", "a = '''", "'\\d'",
    "9" * 5000, "# django", "lambda:" * 200, "setup(", "extras_require={'dev': 'x'})", "-" * 3000 + "1",
)  # fmt: skip
OTHER = (
    "go 1.22", "go " + "9" * 5000 + ".1", "go 1." + "9" * 5000, "require x v1", "v" + "9" * 5000, "20.1", "v٣", "filter=lfs", "[[source]]",
    'url = "https://x.example.org/"', 'name = "pytest"\nversion = "8.0"', 'source = { git = "https://g.example.org/x" }', "registry = https://r.example.org",
    'resolved "https://a.example.org/x.tgz"', "# yarn lockfile v1", "_authToken=x", "-----BEGIN", "{", "[" * 300,
)  # fmt: skip

words = st.sampled_from(WORDS)
anything = st.recursive(
    words | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("include-group", "path", "version", "extras", "python", "x")) | words, inner)
    ),
    max_leaves=4,
)


def lines_of(alphabet: tuple[str, ...]) -> st.SearchStrategy[str]:
    known = st.sampled_from(alphabet)
    return st.lists(known | known | known | words | st.text(max_size=6), max_size=8).map("\n".join)


# How a command begins, and what can come after it and at its end.
begun = st.sampled_from(
    ("pytest", "mypy", "ruff check", "make test", "go test", "npx jest", "uv run pytest", "$ mypy", "")
)
middle = st.lists(st.sampled_from(COMMANDS) | st.text(max_size=3), max_size=2).map(" ".join)
command = st.builds("{} {}{}".format, begun, middle, st.sampled_from(("", "", "\\", " \\", " \\\\", "'", '"', " #")))
commands = st.lists(command, max_size=4)
notes = commands.map(lambda each: "```sh\n" + "\n".join(each) + "\n```\n")
recipes = st.builds(
    "{}:\n{}\n".format,
    st.sampled_from(("test", "lint", "types", "check")),
    commands.map(lambda each: "\n".join(f"\t{one}" for one in each)),
)
jobs = commands.map(lambda each: "- run: |\n" + "\n".join(f"    {one}" for one in each))
TABLES = {
    "pyproject.toml": (PYPROJECT, "toml"),
    "Pipfile": (PIPFILE, "toml"),
    "Cargo.toml": (CARGO, "toml"),
    "package.json": (PACKAGE, "json"),
    "packages/a/package.json": (PACKAGE, "json"),
    "Pipfile.lock": ("default default.pytest develop develop.mypy", "json"),
    "pnpm-workspace.yaml": (MACHINE, "json"),
    ".github/workflows/ci.yml": (MACHINE, "json"),
    ".gitlab-ci.yml": (MACHINE, "json"),
}
PLAIN = {
    **dict.fromkeys(("requirements.txt", "base.txt", "requirements-dev.txt"), lines_of(REQUIREMENTS)),
    **dict.fromkeys(("setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", ".flake8"), lines_of(INI)),
    **dict.fromkeys(("AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", "CONTRIBUTING.rst"), notes | lines_of(COMMANDS)),
    **dict.fromkeys(("Makefile", "GNUmakefile"), recipes | lines_of(COMMANDS)),
    **dict.fromkeys(
        (".github/workflows/b.yml", "pnpm-lock.yaml", ".pre-commit-config.yaml", ".yarnrc.yml"), lines_of(YAML)
    ),
    **dict.fromkeys(("setup.py", "noxfile.py", "manage.py", "tests/test_a.py", "tests/unit/test_b.py"), lines_of(CODE)),
    **dict.fromkeys(
        ("uv.lock", "poetry.lock", "yarn.lock", ".npmrc", ".nvmrc", "go.mod", "Gemfile", "pom.xml"), lines_of(OTHER)
    ),
    **dict.fromkeys((".gitattributes", ".gitmodules", "key.pem", "secrets/x", "tests/__init__.py"), lines_of(OTHER)),
    **dict.fromkeys(("src/a/__init__.py", "a_test.go", "a.test.ts", "backend/pyproject.toml", "src/a.rs"), st.just("")),
}


# A slice that goes, and what comes in its place: from a sound document to one that nearly is.
slips = st.none() | st.tuples(
    st.integers(0, 300), st.integers(0, 4), st.sampled_from(["", '"', "\\", "{", "]", "\n", "\x00", "="])
)


def nested(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The tables with these values at these places; of two that are in each other's way, the later."""
    top: dict[str, Any] = {}
    for place, value in pairs:
        *above, last = place.split(".")
        here = top
        for key in above:
            if not isinstance(here.get(key), dict):
                here[key] = {}
            here = here[key]
        here[last] = value
    return top


def inline(value: Any) -> str:
    """The value as TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def slipped(text: str, slip: tuple[int, int, str] | None) -> str:
    if slip is None:
        return text
    at, gone, instead = slip
    at = min(at, len(text))
    return text[:at] + instead + text[at + gone :]


def document(places: str, form: str) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(st.sampled_from(places.split()), anything), max_size=6).map(nested)
    toml = pairs.map(lambda top: "\n".join(f"{key} = {inline(value)}" for key, value in top.items()))
    return st.builds(slipped, toml if form == "toml" else pairs.map(json.dumps), slips)


ALL = {
    **{
        path: document(*table) | (jobs | lines_of(YAML) if path.endswith("yml") else lines_of(OTHER))
        for path, table in TABLES.items()
    },
    **PLAIN,
    "odd\x1b/package.json": document(PACKAGE, "json"),
    "packages/\udcff/package.json": document(PACKAGE, "json"),
}
# Few files at a time, so that each has something to say.
files = st.lists(st.sampled_from(sorted(ALL)), min_size=1, max_size=5, unique=True).flatmap(
    lambda paths: st.fixed_dictionaries(
        {path: ALL[path].map(lambda text: text.encode("utf-8", "replace")) for path in paths}
    )
)


def written(proposal: Proposal) -> str:
    """As ``deputy repo add`` writes it."""
    fields = {"hidden": proposal.hidden, "checks": proposal.checks, "git": proposal.git}
    repo = RepoConfig(name="acme/shop", url="shop.git", environment=proposal.environment, env=proposal.env, **fields)
    return section_of(repo, "0" * 40)


def is_sound(tree: Mapping[str, bytes]) -> list[str]:
    policy = {"model.conf": MODEL.encode(), "policy.csv": b"", "repos.toml": written(survey(tree, tree.get)).encode()}
    return [str(problem) for problem in lint(policy)]


# Run it with 20,000 when a survey looks at something new; this many keep what was found from coming back.
@settings(max_examples=examples(150), deadline=None)
@given(files)
def test_a_survey_never_raises_and_proposes_what_is_sound(tree: dict[str, bytes]) -> None:
    assert is_sound(tree) == []


@settings(max_examples=examples(50), deadline=None)
@given(
    st.dictionaries(st.sampled_from((*TABLES, *PLAIN)), st.binary(max_size=80) | st.text().map(str.encode), max_size=5)
)
def test_nor_does_plain_noise_make_it(tree: dict[str, bytes]) -> None:
    assert is_sound(tree) == []
