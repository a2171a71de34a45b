"""What a survey finds in small trees of many kinds, where it says that it read it, and that nothing makes it fail."""

# ruff: noqa: E501 - files of others are as long as they are

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.app.repos.section import section_of
from deputy.domain.policy.config import RepoConfig
from deputy.environments import Proposal, Topic, survey
from deputy.policy import lint
from deputy.policy.files.model import MODEL
from tests.support.examples import examples
from tests.support.surveys import PIP, TEST, check_of, of, package, runs, said, setup

WITH_PASSWORD = "https://me:pw@pkgs.example.org/simple"


def written(proposal: Proposal) -> str:
    """As ``deputy repo add`` writes it."""
    fields = {"hidden": proposal.hidden, "checks": proposal.checks, "git": proposal.git}
    repo = RepoConfig(name="acme/shop", url="shop.git", environment=proposal.environment, **fields)
    return section_of(repo, "0" * 40)


# ---------------------------------------------------------------------------------------------------------- Python

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
[project]
name = "shop"
dependencies = ["attrs"]
[project.optional-dependencies]
test = ["pytest>=8", "mypy"]
docs = ["sphinx"]
[tool.pytest.ini_options]
testpaths = ["checks"]
[tool.ruff]
[tool.mypy]
files = ["src"]
"""


def test_a_python_package_with_extras() -> None:
    found = of({"pyproject.toml": PYPROJECT, "src/shop/__init__.py": "", "checks/test_a.py": TEST})
    assert setup(found) == ["python3 -m venv /opt/env", f"{PIP} -e '.[test]'"]
    assert runs(found) == {
        "tests": "python -m pytest -q",
        "lint": "ruff check --no-cache .",
        "types": "python -m mypy",
    }
    assert check_of(found, "tests").tests == ("checks/**",)
    environment = found.environment
    assert environment is not None
    assert environment.path == ("/opt/env/bin",)
    assert environment.network == ("pypi.org", "files.pythonhosted.org")
    assert environment.inputs == ("pyproject.toml",)
    assert not found.git
    (tests,) = (each for each in found.about(Topic.CHECKS) if each.check and each.check.kind == "tests")
    assert tests.why == "pyproject.toml has [tool.pytest] and checks/ is there"
    assert tests.file == "pyproject.toml"


def test_what_the_checks_use_and_nobody_lists_is_installed() -> None:
    text = PYPROJECT.replace('"pytest>=8", "mypy"', '"coverage"').replace("[tool.ruff]", "[tool.ruff]\n[tool.x]")
    text = text.replace('testpaths = ["checks"]', 'addopts = "--cov=shop -n 2"')
    hook = "repos:\n  - repo: https://github.com/astral-sh/ruff-pre-commit\n    rev: v0.9.1\n"
    found = of({"pyproject.toml": text, "tests/test_a.py": TEST, ".pre-commit-config.yaml": hook})
    assert setup(found)[-1] == f"{PIP} pytest mypy pytest-cov pytest-xdist ruff==0.9.1"
    assert found.git


def test_groups_need_a_newer_pip() -> None:
    text = '[build-system]\nrequires=[]\n[project]\nname="a"\n[dependency-groups]\ntests=["pytest"]\ndev=[{include-group="tests"}]\n'
    found = of({"pyproject.toml": text, "tests/test_a.py": TEST})
    assert setup(found)[1:] == [f"{PIP} --upgrade pip", f"{PIP} -e . --group tests"]


def test_groups_that_include_others_twice_cost_nothing() -> None:
    groups = "\n".join(f'g{n}=[{{include-group="g{n + 1}"}},{{include-group="g{n + 1}"}}]' for n in range(45))
    assert of({"pyproject.toml": f'[dependency-groups]\ntest=[{{include-group="g0"}}]\n{groups}\n'}).environment


def test_groups_that_include_each_other_end() -> None:
    text = '[dependency-groups]\na=[{include-group="b"}]\nb=[{include-group="a"}, "x"]\ntest=[{include-group="a"}]\n'
    assert of({"pyproject.toml": text}).environment is not None


def test_a_project_that_is_no_package_has_its_dependencies_only() -> None:
    text = '[project]\nname = "a"\ndependencies = ["flask"]\n[dependency-groups]\ndev = ["pytest"]\n'
    found = of({"pyproject.toml": text, "tests/test_a.py": TEST})
    assert setup(found)[-2:] == [
        f"{PIP} uv",
        "/opt/env/bin/uv pip install --python /opt/env/bin/python -r pyproject.toml --group dev",
    ]
    assert not any(" -e " in step for step in setup(found))


def test_requirement_files_with_all_that_they_include() -> None:
    tree = {
        "requirements.txt": "flask\n",
        "requirements/test.txt": "-r ../requirements.txt\n-c constraints.txt\npytest  # for tests\n",
        "requirements/constraints.txt": "flask<4\n",
        "app.py": "",
        "tests/test_app.py": TEST,
    }
    found = of(tree)
    assert setup(found)[1:] == [f"{PIP} -r requirements.txt", f"{PIP} -r requirements/test.txt"]
    assert said(found, Topic.INPUTS) == ["requirements.txt", "requirements/test.txt", "requirements/constraints.txt"]


def test_a_requirement_file_that_installs_the_project() -> None:
    tree = {
        "requirements.txt": "-e .[all]\npytest\n",
        "pyproject.toml": "[build-system]\nrequires=[]\n",
        "tests/test_a.py": TEST,
    }
    assert setup(of(tree))[1:] == [f"{PIP} -r requirements.txt"]


def test_old_setup_files() -> None:
    text = "from setuptools import setup\nsetup(name='a', use_scm_version=True, extras_require={'test': ['pytest']})\n"
    found = of({"setup.py": text, "test/test_a.py": TEST})
    step = f"env SETUPTOOLS_SCM_PRETEND_VERSION=999.0 {PIP} --use-pep517 -e '.[test]'"
    assert setup(found)[1:] == [step]
    assert found.git


def test_setup_cfg_and_tox() -> None:
    tree = {
        "setup.cfg": "[metadata]\nname = a\n[flake8]\nmax-line-length = 100\n[mypy]\nstrict = true\n",
        "tox.ini": "[testenv]\ndeps =\n    pytest\n    {toxinidir}/x\n    py38: old\n    -r z.txt\n[pytest]\naddopts = -q\n",
        "a/__init__.py": "",
        "tests/test_a.py": TEST,
    }
    found = of(tree)
    assert setup(found)[1:] == [f"{PIP} --use-pep517 -e .", f"{PIP} pytest", f"{PIP} flake8 mypy"]
    # One more -q would take the counts away.
    assert runs(found) == {"tests": "python -m pytest", "lint": "python -m flake8", "types": "python -m mypy a"}
    assert "tox.ini" in said(found, Topic.INPUTS)


def test_nox_and_hatch() -> None:
    nox = "import nox\n@nox.session\ndef tests(session):\n    session.install('-e', '.')\n    session.install('pytest', \"hypothesis>=6\")\n"
    package = '[build-system]\nrequires=["hatchling"]\n'
    assert f"{PIP} pytest 'hypothesis>=6'" in setup(
        of({"noxfile.py": nox, "pyproject.toml": package, "tests/test_a.py": TEST})
    )
    hatch = package + '[tool.hatch.envs.default]\ndependencies = ["pytest", "responses"]\n'
    assert f"{PIP} pytest responses" in setup(of({"pyproject.toml": hatch, "tests/test_a.py": TEST}))


def test_uv_lock() -> None:
    text = '[build-system]\nrequires=["hatch-vcs"]\n[project]\nname="a"\n[dependency-groups]\ndev=["pytest"]\n'
    text += '[tool.hatch.build.hooks.vcs]\nversion-file = "src/a/_version.py"\n'
    found = of({"pyproject.toml": text, "uv.lock": "version = 1\n", "tests/test_a.py": TEST})
    assert setup(found)[1:] == [
        f"{PIP} uv",
        "/opt/env/bin/uv export --frozen --quiet --no-emit-workspace --group dev --output-file /tmp/requirements.txt",
        f"{PIP} --no-deps -r /tmp/requirements.txt",
        f"env SETUPTOOLS_SCM_PRETEND_VERSION=999.0 {PIP} --no-deps -e .",
    ]
    assert said(found, Topic.INPUTS) == ["pyproject.toml", "uv.lock"]
    assert said(found, Topic.KEEP) == ["src/a/_version.py"]


def test_a_tool_that_only_the_lock_file_has_is_taken_in_its_version() -> None:
    text = '[build-system]\nrequires=["hatchling"]\n[dependency-groups]\ntests=["pytest"]\n[tool.ruff]\n[tool.mypy]\n'
    lock = '[[package]]\nname = "ruff"\nversion = "0.9.4"\n\n[[package]]\nname = "mypy"\nversion = "1.14.1"\n'
    found = of({"pyproject.toml": text, "uv.lock": lock, "tests/test_a.py": TEST})
    assert setup(found)[-1] == f"{PIP} mypy==1.14.1 ruff==0.9.4"


def test_poetry_and_pipenv() -> None:
    text = '[build-system]\nrequires=["poetry-core"]\n[tool.poetry.group.test.dependencies]\npytest = "^8"\n'
    found = of({"pyproject.toml": text, "poetry.lock": "", "tests/test_a.py": TEST})
    assert "/opt/poetry/bin/poetry export --with test --output /tmp/requirements.txt" in setup(found)
    assert setup(found)[-1] == f"{PIP} --no-deps -e ."
    found = of({"Pipfile": "", "Pipfile.lock": "{}", "tests/test_a.py": TEST})
    assert "sh -c '/opt/env/bin/pipenv requirements --dev > /tmp/requirements.txt'" in setup(found)


def test_plain_scripts_need_nothing_but_their_path() -> None:
    found = of({"src/shop.py": "", "tests/test_shop.py": TEST, "conftest.py": ""})
    assert setup(found) == ["python3 -m venv /opt/env", f"{PIP} pytest"]
    found = of({"src/shop.py": "", "tests/test_shop.py": "import unittest\n"})
    assert found.environment is None
    assert found.env == {"PYTHONPATH": "src"}
    assert runs(found) == {"tests": "python -m unittest discover -s tests"}


def test_django() -> None:
    tree = {"manage.py": "# django", "requirements.txt": "django\n", "shop/tests/test_views.py": TEST}
    found = of(tree)
    assert runs(found) == {"tests": "python manage.py test"}
    assert check_of(found, "tests").tests[0] == "**/tests/**"


def test_compiled_parts_and_newer_pythons_are_said() -> None:
    text = '[build-system]\nrequires = ["setuptools", "Cython>=3"]\n[project]\nrequires-python = ">=3.13"\n'
    found = of({"pyproject.toml": text})
    assert said(found, Topic.PACKAGES) == ["build-essential", "python3-dev"]
    notes = " ".join(said(found, Topic.NOTE))
    assert "it wants Python >=3.13" in notes
    assert "compiled parts" in notes
    assert "no check was found" in notes


# ---------------------------------------------------------------------------------------------------------- Node


def test_a_node_package() -> None:
    tree = {"package.json": package(), "package-lock.json": "{}", "src/a.test.ts": "", "tsconfig.json": ""}
    found = of(tree)
    assert found.environment is not None
    assert found.environment.packages == ("nodejs", "npm")
    assert setup(found) == ["npm ci --no-audit --no-fund"]
    assert found.environment.keep == ("node_modules",)
    assert found.environment.network == ("registry.npmjs.org",)
    assert found.environment.inputs == ("package.json", "package-lock.json")
    assert runs(found) == {"tests": "npm test", "lint": "npm run --silent lint"}
    assert check_of(found, "tests").kind == "tests"
    assert check_of(found, "tests").tests == ("**/*.test.ts",)


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        ({"package.json": package()}, ["npm install --no-package-lock --no-audit --no-fund"]),
        (
            {"package.json": package(), "pnpm-lock.yaml": "lockfileVersion: '6.0'\n"},
            ["npm install --global pnpm@8", "env CI=1 pnpm install --frozen-lockfile"],
        ),
        (
            {"package.json": package(packageManager='"pnpm@9.4.0+sha512.abc"'), "pnpm-lock.yaml": ""},
            ["npm install --global pnpm@9.4.0", "env CI=1 pnpm install --frozen-lockfile"],
        ),
        (
            {"package.json": package(), "yarn.lock": "# yarn lockfile v1\n"},
            ["npm install --global yarn@1", "yarn install --frozen-lockfile --non-interactive"],
        ),
        (
            {"package.json": package(), "yarn.lock": "__metadata:\n", ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.cjs\n"},
            ["env YARN_NODE_LINKER=node-modules node .yarn/releases/yarn-4.cjs install --immutable"],
        ),
        (
            {"package.json": package(engines='{"node": "^20.19 || >=22"}'), "package-lock.json": ""},
            ["npm install --global node@20", "npm ci --no-audit --no-fund"],
        ),
        ({"package.json": package(engines='{"node": ">=18"}'), "package-lock.json": ""}, ["npm ci --no-audit --no-fund"]),
        (
            {"package.json": package(prepare='"husky"'), "package-lock.json": ""},
            ["env HUSKY=0 npm ci --no-audit --no-fund"],
        ),
        ({"package.json": package(devDependencies="{}"), "package-lock.json": ""}, []),
    ],
)  # fmt: skip
def test_who_installs_what(files: dict[str, str], steps: list[str]) -> None:
    found = of(files)
    assert setup(found) == steps
    assert found.environment is not None
    assert bool(found.environment.keep) is bool(steps)


@pytest.mark.parametrize(
    ("script", "run", "kind"),
    [
        ("mocha --reporter spec test/", "npm test -- --reporter tap", "tests"),
        ("jest", "npm test", "tests"),
        ("node --test", "npm test", "tests"),
        ("ava", "npm test -- --tap", "tests"),
        ("npm run build && mocha", "npm test -- --reporter tap", "tests"),
        ("npm run lint && npm run unit", "npm run unit -- --reporter tap", "tests"),
        ("mocha && npm run lint", "npm test", "other"),
        ("./run-tests.sh", "npm test", "other"),
    ],
)
def test_scripts_that_test(script: str, run: str, kind: str) -> None:
    scripts = f'{{"test": "{script}", "unit": "mocha test/", "lint": "eslint ."}}'
    found = of({"package.json": package(scripts=scripts), "package-lock.json": "", "test/a.js": ""})
    check = check_of(found, "tests")
    assert (" ".join(check.run), check.kind) == (run, kind)


def test_no_test_is_no_check() -> None:
    text = package('echo \\"Error: no test specified\\" && exit 1')
    assert runs(of({"package.json": text})) == {"lint": "npm run --silent lint"}


def test_workspaces() -> None:
    tree = {
        "package.json": package(),
        "pnpm-lock.yaml": "",
        "pnpm-workspace.yaml": "packages: [packages/*]\n",
        "packages/a/package.json": '{"dependencies": {"x": "1"}}',
        "packages/b/package.json": "{}",
    }
    found = of(tree)
    assert said(found, Topic.KEEP) == ["node_modules", "packages/a/node_modules"]
    assert {"packages/a/package.json", "packages/b/package.json"} <= set(said(found, Topic.INPUTS))


def test_two_languages_have_checks_of_their_own() -> None:
    tree = {"pyproject.toml": PYPROJECT, "checks/test_a.py": TEST, "package.json": package(), "a.test.js": ""}
    assert {"tests", "lint", "tests-2", "lint-2"} <= set(runs(of(tree)))


# ---------------------------------------------------------------------------------------------------------- others


def test_go() -> None:
    found = of({"go.mod": "module a\ngo 1.22\nrequire x v1\n", "go.sum": "", "a_test.go": ""})
    assert setup(found) == ["go mod download"]
    assert runs(found) == {"tests": "go test -v ./...", "lint": "go vet ./..."}
    assert any("golang:1.22-bookworm" in note for note in said(found, Topic.NOTE))


def test_rust_ruby_java() -> None:
    rust = of({"Cargo.toml": "", "Cargo.lock": "", "tests/a.rs": ""})
    assert setup(rust) == ["cargo fetch --locked"]
    assert runs(rust) == {"tests": "cargo test --offline --locked"}
    ruby = of({"Gemfile": "", "spec/a_spec.rb": "", ".rubocop.yml": ""})
    assert runs(ruby) == {"tests": "bundle exec rspec", "lint": "bundle exec rubocop --cache false"}
    java = of({"pom.xml": ""})
    assert runs(java)["tests"].endswith("--offline test")
    assert said(java, Topic.PACKAGES) == ["default-jdk-headless", "maven"]
    gradle = of({"build.gradle": ""})
    assert gradle.environment is not None
    assert any("gradle:8-jdk17" in note for note in said(gradle, Topic.NOTE))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", f"x\n--extra-index-url {WITH_PASSWORD}\n"),
        ("requirements.txt", "x @ git+https://pkgs.example.org/x.git@v1\n"),
        ("pyproject.toml", '[[tool.uv.index]]\nname = "x"\nurl = "https://pkgs.example.org/simple"\n'),
        ("uv.lock", 'source = { git = "https://pkgs.example.org/x?rev=1#2" }\n'),
        ("package-lock.json", '    "resolved": "https://pkgs.example.org/x.tgz"\n'),
        ("yarn.lock", '# yarn lockfile v1\n\nx@1:\n  resolved "https://pkgs.example.org/x.tgz#abc"\n'),
        (".npmrc", "@acme:registry = https://pkgs.example.org/npm/\n"),
    ],
)
def test_other_hosts(path: str, text: str) -> None:
    manifest = {"package.json": package()} if path in {"package-lock.json", "yarn.lock", ".npmrc"} else {"setup.py": ""}
    found = of({**manifest, path: text})
    assert "pkgs.example.org" in said(found, Topic.NETWORK)
    assert not any("pw" in host for host in said(found, Topic.NETWORK))


def test_a_dependency_by_git_has_no_hash() -> None:
    text = '[build-system]\nrequires=["hatchling"]\n'
    found = of({"pyproject.toml": text, "uv.lock": 'source = { git = "https://github.com/a/b#1" }\n'})
    assert any("--no-hashes" in step for step in setup(found))


# ---------------------------------------------------------------------------------------------------------- written


def test_a_makefile_fills_what_is_missing() -> None:
    text = (
        "CC := gcc\n.PHONY: test\ntest: build\n\t@go test ./...\n\nlint:\n\tdocker run linter\n\ntypecheck :\n\ttsc\n"
    )
    found = of({"Makefile": text, "src/main.c": "", "test/a_test.c": ""})
    assert runs(found) == {"tests": "make test", "types": "make typecheck"}
    assert check_of(found, "tests").kind == "tests"
    assert said(found, Topic.PACKAGES) == ["make"]
    assert [each.file for each in found.about(Topic.CHECKS)] == ["Makefile", "Makefile"]


def test_notes_for_agents_come_before_build_machines() -> None:
    notes = "# Work\n## Tests\n```sh\n$ uv run pytest -x tests/unit  # fast\nruff check src; echo\nruff check src\n```\npytest elsewhere\n"
    machine = (
        "on: push\njobs:\n  a:\n    steps:\n      - run: pytest\n      - run: |\n          mypy src\n          flake8\n"
    )
    found = of({"AGENTS.md": notes, ".github/workflows/ci.yml": machine, "tests/unit/a_test.x": ""})
    assert runs(found) == {"tests": "pytest -x tests/unit", "lint": "ruff check src", "types": "mypy src"}
    assert [each.file for each in found.about(Topic.CHECKS)] == ["AGENTS.md", "AGENTS.md", ".github/workflows/ci.yml"]


def test_a_command_goes_on_behind_a_backslash_and_half_a_one_is_none() -> None:
    found = of(
        {"AGENTS.md": "```\npytest -q \\\n  tests\nmypy src \\\n```\n", "CLAUDE.md": "```\nmypy \\\\\\\n\n```\n"}
    )
    assert runs(found) == {"tests": "pytest -q tests", "types": "mypy src"}
    machine = "jobs: {a: {steps: [{run: 'mypy .\\'}, {run: ruff check}]}}"
    assert runs(of({".github/workflows/ci.yml": machine})) == {"lint": "ruff check"}


def test_numbers_and_characters_that_are_none_end_what_is_read() -> None:
    assert runs(of({".gitlab-ci.yml": 'a: {script: [mypy .]}\nb: "\\UFFFFFFFF"\n'})) == {"types": "mypy ."}
    assert of({"go.mod": f"go {'9' * 5000}.1\n"}).checks


def test_what_needs_a_shell_or_the_network_is_no_check() -> None:
    machine = "jobs: {a: {steps: [{run: 'pytest | tee x'}, {run: tox -e test}, {run: 'pytest ${{ matrix.x }}'}, {run: docker run mypy}]}}"
    found = of({".github/workflows/ci.yml": machine, "Makefile": "test:\n\tpip install x\n\tpytest\n"})
    assert found.checks == ()


def test_build_machines_tell_of_packages_and_services() -> None:
    machine = """\
jobs:
  test:
    services:
      postgres:
        image: postgres:16
    steps:
      - run: |
          sudo apt-get update
          sudo apt-get install -y --no-install-recommends libpq-dev \\
            libxml2-dev
      - run: sudo apt-get install -y ${{ matrix.packages }}
"""
    tree = {
        "requirements.txt": "x",
        ".github/workflows/ci.yml": machine,
        ".gitlab-ci.yml": "test:\n  script:\n    - mypy src\n",
    }
    found = of(tree)
    assert said(found, Topic.PACKAGES) == ["libpq-dev", "libxml2-dev"]
    assert any("starts postgres beside the tests" in note for note in said(found, Topic.NOTE))
    assert runs(found) == {"types": "mypy src"}


def test_a_bomb_of_anchors_costs_nothing() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    found = of({".github/workflows/ci.yml": f"a0: &a0 [x]\n{levels}\njobs: {{b: {{steps: [{{run: mypy .}}]}}}}\n"})
    assert runs(found) == {"types": "mypy ."}


def test_brackets_without_end_cost_little() -> None:
    of({".github/workflows/ci.yml": "[" * 60_000, ".gitlab-ci.yml": "{a: " * 15_000})


SCRIPTS = ", ".join(f'"s{n}": "{" && ".join(f"npm run s{k}" for k in range(120))}"' for n in range(120))
NEEDED = '{"dependencies": {"a": "1"}}'


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("package.json", f'{{"scripts": {{"test": "npm run s1", {SCRIPTS}}}}}'),
        ("pnpm-workspace.yaml", "packages: ['" + "{a}" * 15_000 + "']"),
        ("pnpm-workspace.yaml", "packages: ['" + "{a,b}" * 8 + "/**" * 20_000 + "']"),
        ("noxfile.py", "def " + "test" * 50_000),
        (".pre-commit-config.yaml", "ruff-pre-commit" + "\n" * 200_000),
        ("tests/test_a.py", "\n" * 200_000),
        ("requirements.txt", "\n" * 200_000),
    ],
)
def test_a_file_made_to_cost_much_costs_little(path: str, text: str) -> None:
    of({"package.json": NEEDED, "setup.py": "", "a/package.json": NEEDED, "tests/test_a.py": TEST, path: text})


# ---------------------------------------------------------------------------------------------------------- the rest


def test_secrets_are_hidden_and_those_of_tests_are_told() -> None:
    begin = "-----BEGIN " + "PRIVATE KEY-----\n"
    tree = {
        ".env": "A=1",
        ".env.example": "A=",
        "config/.env.production": "A=1",
        "deploy/id_rsa": "x",
        "certs/server.pem": begin,
        "certs/public.pem": "-----BEGIN CERTIFICATE-----",
        "secrets/api.txt": "x",
        "src/secrets/store.py": "x",
        "tests/certs/server.key": begin,
        "odd[1].p12": "x",
        ".npmrc": "//registry.npmjs.org/:_authToken=abc\n",
    }
    found = of(tree)
    assert set(found.hidden) == {
        ".env", "config/.env.production", "deploy/id_rsa", "certs/server.pem", "secrets/**", "odd?1?.p12", ".npmrc",
    }  # fmt: skip
    config = RepoConfig(name="acme/shop", url="x", hidden=found.hidden)
    assert {path for path in tree if config.hides(path)} == {
        ".env", "config/.env.production", "deploy/id_rsa", "certs/server.pem", "secrets/api.txt", "odd[1].p12", ".npmrc",
    }  # fmt: skip
    assert any("tests/certs/server.key" in note for note in said(found, Topic.NOTE))


def test_what_is_left_to_people_is_said() -> None:
    tree = {".gitmodules": "", ".gitattributes": "*.bin filter=lfs\n", "web/package.json": "{}"}
    notes = " ".join(said(of(tree), Topic.NOTE))
    assert "submodules" in notes
    assert "Git LFS" in notes
    assert "web/package.json" in notes


def test_an_empty_repository() -> None:
    found = survey((), lambda _: None)
    assert found.environment is None
    assert found.checks == ()
    assert len(found.about(Topic.NOTE)) == 1


def test_findings_survive_json() -> None:
    found = of({"pyproject.toml": PYPROJECT, "checks/test_a.py": TEST})
    assert Proposal.model_validate_json(found.model_dump_json()) == found


_NAMES = (
    "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "requirements.txt", "uv.lock", "package.json",
    "pnpm-lock.yaml", "yarn.lock", "Makefile", "AGENTS.md", ".github/workflows/ci.yml", ".gitlab-ci.yml", "go.mod",
    "Cargo.toml", "Gemfile", "pom.xml", ".pre-commit-config.yaml", ".env", "tests/test_a.py", "manage.py", "mypy.ini",
    "a[b]{c}!/.env", "pytest.ini", ".nvmrc", "-x/secrets/y", "tests/requirements.txt", "\udcff/.env", "a\n.p12",
)  # fmt: skip
_SPARKS = (
    "[tool.pytest]\nini_options = 3\n", "[project]\noptional-dependencies = [1]\n", "[dependency-groups]\ntest = 7\n", "[tool]\nruff = 1\n",
    '{"scripts": {"test": ["a"]}}', '{"scripts": 1, "engines": 3, "packageManager": []}', "[" * 5000, "{" * 5000, "run:\n" * 300,
    "[flake8]\nx\n  y\n", "[metadata]\nname\n", "-r requirements.txt\n-e .\n-c\n", "setup(extras_require={**x, 'a': b})", "```\npytest 'x\n```",
    "test:\n\tpytest\n", "- &a [*a]\n", "jobs: {services: {}}\n? [a]\n: b", "\x00", "\ufeff", "go 99999999999.1\n", "[mypy]\n", "a: !!python/object:x {}\n",
)  # fmt: skip


@settings(max_examples=examples(100), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(_NAMES),
        st.one_of(
            st.binary(max_size=60),
            st.lists(st.sampled_from(_SPARKS), max_size=3).map(lambda each: "".join(each).encode()),
        ),
        max_size=8,
    )
)
def test_it_never_raises_and_what_it_proposes_is_sound(tree: dict[str, bytes]) -> None:
    found = survey(tree, tree.get)
    names = [check.name for check in found.checks]
    assert len(names) == len(set(names))
    policy = {"model.conf": MODEL.encode(), "policy.csv": b"", "repos.toml": written(found).encode()}
    assert [str(problem) for problem in lint(policy)] == []
