"""What a survey counts as installed is what its steps install: a name in some list is not yet there."""

# ruff: noqa: E501 - files of others are as long as they are

import pytest

from deputy.environments import Topic
from tests.support.surveys import PIP, TEST, check_of, of, package, runs, said, setup

POETRY = (
    '[build-system]\nrequires=["poetry-core"]\n[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\npython = "^3.9"\n'
)
EXPORT = "/opt/poetry/bin/poetry export"
PACKAGE = '[build-system]\nrequires=["hatchling"]\n[project]\nname="a"\n'
TESTS = {"tests/test_a.py": TEST}


def env_of(tree: dict[str, str]) -> dict[str, str]:
    return of(tree).env


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [
        ('[tool.poetry.dev-dependencies]\npytest = "^8"\n', "--with dev"),
        ('[tool.poetry.group.testing.dependencies]\npytest = "^8"\n', "--with testing"),
        ('[tool.poetry.group.dev.dependencies]\npytest = "^8"\n[tool.poetry.group.type_check.dependencies]\nmypy = "*"\n', "--with dev --with type_check"),
        ('[tool.poetry.group.docs.dependencies]\npytest = "^8"\n', ""),
    ],
)  # fmt: skip
def test_poetry_groups_are_exported_under_all_their_usual_names(tables: str, wanted: str) -> None:
    found = of({"pyproject.toml": POETRY + tables + "[tool.mypy]\n", "poetry.lock": "", **TESTS})
    step = next(step for step in setup(found) if step.startswith(EXPORT))
    assert step == " ".join(filter(None, (EXPORT, wanted, "--output /tmp/requirements.txt")))
    missing = " ".join(tool for tool in ("pytest", "mypy") if not (wanted and tool in tables))
    assert not missing or setup(found)[-1] == f"{PIP} {missing}"
    assert runs(found) == {"tests": "python -m pytest -q", "types": "python -m mypy ."}


def test_poetry_without_a_lock_file_makes_one_to_install_what_tests_need() -> None:
    found = of(
        {"pyproject.toml": POETRY + '[tool.poetry.group.dev.dependencies]\npytest = "^8"\nresponses = "*"\n', **TESTS}
    )
    assert setup(found)[1:] == [
        "python3 -m venv /opt/poetry",
        "/opt/poetry/bin/pip install poetry poetry-plugin-export",
        "/opt/poetry/bin/poetry lock",
        f"{EXPORT} --with dev --output /tmp/requirements.txt",
        f"{PIP} --no-deps -r /tmp/requirements.txt",
        f"{PIP} --no-deps -e .",
    ]


def test_poetry_without_groups_installs_the_package_and_the_tools_of_the_checks() -> None:
    assert setup(of({"pyproject.toml": POETRY, **TESTS, "tests/conftest.py": ""}))[1:] == [
        f"{PIP} -e .",
        f"{PIP} pytest",
    ]
    text = POETRY + 'responses = {version = "*", optional = true}\npytest = {version = "*", optional = true}\n'
    text += '[tool.poetry.extras]\ntest = ["responses"]\n'
    assert setup(of({"pyproject.toml": text, **TESTS}))[1:] == [f"{PIP} -e '.[test]'", f"{PIP} pytest"]


def test_a_group_that_no_step_installs_does_not_count() -> None:
    text = (
        PACKAGE + '[dependency-groups]\ntest=["pytest"]\ndev=["mypy==1.14.1", "ruff>=0.9"]\n[tool.mypy]\n[tool.ruff]\n'
    )
    found = of({"pyproject.toml": text, **TESTS})
    assert setup(found)[1:] == [f"{PIP} --upgrade pip", f"{PIP} -e . --group test", f"{PIP} mypy==1.14.1 'ruff>=0.9'"]
    # With a lock file, uv installs its default groups without being asked.
    found = of({"pyproject.toml": text, "uv.lock": "", **TESTS})
    assert setup(found)[-1] == f"{PIP} --no-deps -e ."
    found = of({"pyproject.toml": text + "[tool.uv]\ndefault-groups = []\n", "uv.lock": "", **TESTS})
    assert setup(found)[-1] == f"{PIP} mypy==1.14.1 'ruff>=0.9'"


def test_what_only_requirement_files_beside_a_lock_file_or_constraints_name_is_not_there() -> None:
    found = of({"pyproject.toml": PACKAGE, "uv.lock": "", "requirements-dev.txt": "pytest==8.1\n", **TESTS})
    assert setup(found)[-1] == f"{PIP} pytest==8.1"
    found = of(
        {"requirements.txt": "flask\n-c limits.txt\n", "limits.txt": "pytest==8.1\n", "conftest.py": "", **TESTS}
    )
    assert setup(found)[1:] == [f"{PIP} -r requirements.txt", f"{PIP} pytest"]
    assert "limits.txt" in said(found, Topic.INPUTS)


def test_a_pipfile_without_a_lock_file_is_read_itself() -> None:
    text = """\
[packages]
flask = "*"
attrs = {version = ">=23", extras = ["a", "b"]}
shop = {path = ".", editable = true}
tool = {git = "https://git.example.org/tool.git"}
[dev-packages]
pytest = ">=8"
"""
    found = of({"Pipfile": text, "setup.py": "", **TESTS})
    assert setup(found)[1:] == [f"{PIP} --use-pep517 -e .", f"{PIP} flask 'attrs[a,b]>=23' 'pytest>=8'"]
    assert "Pipfile" in [each.text for each in found.findings]
    assert any("tool" in note and "Pipfile" in note for note in said(found, Topic.NOTE))
    lock = '{"default": {"flask": {}}, "develop": {"pytest": {}}}'
    found = of({"Pipfile": text, "Pipfile.lock": lock, "setup.py": "", **TESTS})
    assert setup(found)[-1] == f"{PIP} --use-pep517 --no-deps -e ."


# ------------------------------------------------------------------------------------------------ the project itself


def test_a_requirement_file_that_builds_the_project_is_told_its_version() -> None:
    text = '[build-system]\nrequires=["setuptools-scm"]\n'
    tree = {"pyproject.toml": text, "requirements.txt": "flask\n", "requirements-dev.txt": "-r more.txt\n", **TESTS}
    found = of({**tree, "more.txt": "-e.[x]\npytest\n"})
    assert setup(found)[1:] == [
        f"{PIP} -r requirements.txt",
        f"env SETUPTOOLS_SCM_PRETEND_VERSION=999.0 {PIP} -r requirements-dev.txt",
    ]


def test_a_copy_of_the_project_is_no_link_to_it() -> None:
    """Checks of a patch would test the copy, which is the base."""
    found = of({"pyproject.toml": PACKAGE, "requirements.txt": ".\npytest\n", **TESTS})
    assert setup(found)[1:] == [f"{PIP} -r requirements.txt", f"{PIP} -e ."]


def test_extras_and_groups_are_installed_though_a_requirement_file_links_the_project() -> None:
    text = PACKAGE + '[dependency-groups]\ntest=["pytest"]\n'
    found = of({"pyproject.toml": text, "requirements.txt": "-e .\n", **TESTS})
    assert setup(found)[-1] == f"{PIP} -e . --group test"


@pytest.mark.parametrize(
    ("tree", "env"),
    [
        ({"pyproject.toml": '[project]\nname="a"\ndependencies=["flask"]\n'}, {"PYTHONPATH": "src"}),
        ({"pyproject.toml": '[project]\nname="a"\n', "uv.lock": ""}, {"PYTHONPATH": "src"}),
        ({"requirements.txt": "flask\n"}, {"PYTHONPATH": "src"}),
        ({"requirements.txt": ".\n", "pyproject.toml": '[project]\nname="a"\n'}, {"PYTHONPATH": "src"}),
        ({"requirements.txt": "-e .\n", "pyproject.toml": '[project]\nname="a"\n'}, {}),
        ({"pyproject.toml": PACKAGE}, {}),
        ({"requirements.txt": "flask\n", "src/__init__.py": ""}, {}),
    ],
)
def test_code_in_src_is_found_wherever_nothing_installs_it(tree: dict[str, str], env: dict[str, str]) -> None:
    assert env_of({**tree, "src/a/__init__.py": "", **TESTS}) == env


# ------------------------------------------------------------------------------------------------ included files


@pytest.mark.parametrize(
    "line", ["-rbase.txt", "-r base.txt", "--requirement=base.txt", "--requirement base.txt", "-cbase.txt"]
)
def test_included_files_are_inputs_however_they_are_written(line: str) -> None:
    found = of({"requirements.txt": f"{line}\n", "base.txt": "flask\n", "app.py": ""})
    assert said(found, Topic.INPUTS) == ["requirements.txt", "base.txt"]


# ------------------------------------------------------------------------------------------------ unittest


@pytest.mark.parametrize(
    ("paths", "run"),
    [
        (("tests/test_a.py",), "python -m unittest discover -s tests"),
        (("tests/test_a.py", "tests/__init__.py"), "python -m unittest discover -s tests -t ."),
        (("tests/test_a.py", "tests/unit/__init__.py", "tests/unit/test_b.py"), "python -m unittest discover -s tests"),
        (("tests/test_a.py", "tests/__init__.py", "tests/unit/test_b.py"), "python -m pytest -q"),
        (("tests/unit/test_b.py",), "python -m pytest -q"),
    ],
)
def test_unittest_starts_where_it_can_and_where_it_cannot_pytest_does(paths: tuple[str, ...], run: str) -> None:
    found = of({path: "import unittest\n" if "test_" in path else "" for path in (*paths, "a.py")})
    assert runs(found) == {"tests": run}
    assert setup(found)[1:] == ([f"{PIP} pytest"] if "pytest" in run else [])


# ------------------------------------------------------------------------------------------------ other languages


@pytest.mark.parametrize(
    ("paths", "globs"),
    [
        (("src/lib.rs",), ()),
        (("src/lib.rs", "tests/a.rs"), ("tests/**",)),
        (("crates/a/src/lib.rs", "crates/a/tests/a.rs"), ("**/tests/**",)),
        (("tests/a.rs", "crates/a/tests/a.rs"), ("**/tests/**",)),
    ],
)
def test_code_of_rust_is_never_taken_for_tests(paths: tuple[str, ...], globs: tuple[str, ...]) -> None:
    found = of({"Cargo.toml": "", **dict.fromkeys(paths, "")})
    check = check_of(found, "tests")
    assert (check.kind, check.tests) == ("tests", globs)
    assert any("no file is known to be a test" in note for note in said(found, Topic.NOTE)) is not bool(globs)


@pytest.mark.parametrize(
    ("workspace", "kept"),
    [
        ("packages:\n  - packages/*\n  - '!packages/old'\n", ["packages/a"]),
        ("packages: ['./packages/**/']\n", ["packages/a", "packages/deep/er", "packages/old"]),
        ("packages: ['{packages,examples}/{a,demo}']\n", ["examples/demo", "packages/a"]),
        ("packages: ['packages/[a']\n", []),
        ("packages: 3\n", []),
        ("catalog: {x: '1'}\n", []),
    ],
)
def test_pnpm_makes_a_folder_for_the_packages_of_its_workspace_only(workspace: str, kept: list[str]) -> None:
    folders = ("packages/a", "packages/old", "packages/deep/er", "examples/demo", "packages/a/node_modules/x")
    tree = {f"{folder}/package.json": '{"dependencies": {"x": "1"}}' for folder in folders}
    found = of({"package.json": package(), "pnpm-lock.yaml": "", "pnpm-workspace.yaml": workspace, **tree})
    assert said(found, Topic.KEEP) == ["node_modules", *(f"{folder}/node_modules" for folder in kept)]


PEERS = '{"peerDependencies": {"x": "1"}}'


@pytest.mark.parametrize(
    ("member", "more", "is_kept"),
    [
        ('{"dependencies": {}}', {}, False),
        ('{"workspaces": ["x"]}', {}, False),
        (PEERS, {}, False),
        (PEERS, {"pnpm-lock.yaml": "settings:\n  autoInstallPeers: true\n"}, True),
        (PEERS[:-1] + ', "peerDependenciesMeta": {"x": {"optional": true}}}', {"pnpm-lock.yaml": "settings:\n  autoInstallPeers: true\n"}, False),
        ('{"devDependencies": {"x": "1"}}', {".npmrc": "node-linker=hoisted\n"}, False),
        ('{"devDependencies": {"x": "1"}}', {".npmrc": "node-linker = isolated\n"}, True),
    ],
)  # fmt: skip
def test_a_package_of_a_workspace_has_a_folder_only_for_what_is_installed(
    member: str, more: dict[str, str], is_kept: bool
) -> None:
    tree = {
        "package.json": package(),
        "pnpm-lock.yaml": "",
        "pnpm-workspace.yaml": "packages: [a]\n",
        "a/package.json": member,
    }
    assert said(of({**tree, **more}), Topic.KEEP) == ["node_modules", *(["a/node_modules"] if is_kept else [])]


def test_a_workspace_whose_top_needs_nothing_itself_is_installed() -> None:
    tree = {
        "package.json": '{"private": true}',
        "pnpm-lock.yaml": "",
        "pnpm-workspace.yaml": "packages: [packages/*]\n",
        "packages/a/package.json": '{"dependencies": {"x": "1"}}',
    }
    assert setup(of(tree))[-1] == "env CI=1 pnpm install --frozen-lockfile"


# ------------------------------------------------------------------------------------------------ other projects


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"package.json": package(), "backend/pyproject.toml": ""}, "backend/pyproject.toml"),
        ({"pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n", "packages/a/pyproject.toml": ""}, "packages/a/pyproject.toml"),
        ({"package.json": package(workspaces='["web"]'), "web/package.json": "{}"}, ""),
        ({"Cargo.toml": "[workspace]\nmembers = ['a']\n", "a/Cargo.toml": ""}, ""),
        ({"pom.xml": "", "a/pom.xml": ""}, ""),
        ({"pyproject.toml": "", "examples/package.json": "{}", "tests/pyproject.toml": "", "docs/package.json": ""}, ""),
    ],
)  # fmt: skip
def test_projects_below_are_told_beside_one_at_the_top(tree: dict[str, str], told: str) -> None:
    notes = [note for note in said(of(tree), Topic.NOTE) if "projects of their own" in note]
    assert [told in note for note in notes] == ([True] if told else [])
