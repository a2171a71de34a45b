"""Holes that gates once had: each test here passes a patch through one of them, and is told of it."""
# ruff: noqa: E501 - one case is one line

from collections.abc import Mapping

import pytest

from deputy.domain.policy.config import Check
from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.tasks.request import TaskKind
from deputy.gates import GATES, dependency_changes
from deputy.gates.framework.patch_under_review import PatchUnderReview
from tests.support.gates import Pair, patch_of

PATCH, BASE, BASE_TESTS = CheckPhase.PATCH, CheckPhase.BASE, CheckPhase.BASE_TESTS
TESTS = Check(name="tests", run=("pytest",))


def case(
    files: Mapping[str, Pair], *results: CheckResult, kind: TaskKind = TaskKind.OTHER, checks: tuple[Check, ...] = ()
) -> PatchUnderReview:
    return patch_of(files, evidence=Evidence(checks=results), checks=checks, kind=kind)


def rules(gate: str, given: PatchUnderReview) -> list[tuple[str, Severity]]:
    return [(finding.rule, finding.severity) for finding in GATES[gate](given)]


def result(phase: CheckPhase, *, passed: bool, argv: tuple[str, ...] = ("pytest",), **more: int | None) -> CheckResult:
    fields = {"name": "tests", "exit_code": 0 if passed else 1, "seconds": 1.0, "log": "l", **more}
    fields["check"] = Check(name="tests", run=argv).digest
    return CheckResult.model_validate({"phase": phase, "passed": passed, "argv": argv, **fields})


def of_checks(*results: CheckResult) -> list[tuple[str, Severity]]:
    return rules("checks", case({}, *results, checks=(TESTS,)))


# ---------------------------------------------------------------------------------------------------------- checks

MISSING, FAILED = ("checks/missing", Severity.DENY), ("checks/failed", Severity.DENY)
EXCUSED = ("checks/failed-before", Severity.REVIEW)


@pytest.mark.parametrize("argv", [("true",), ("pytest", "-k", "nothing"), ()])
def test_what_another_command_printed_is_no_result_of_the_check(argv: tuple[str, ...]) -> None:
    given = case({}, result(PATCH, passed=True, argv=argv), checks=(TESTS,))
    (finding,) = GATES["checks"](given)
    assert (finding.rule, finding.severity) == MISSING
    assert "run as another command" in finding.message
    assert of_checks(result(PATCH, passed=True)) == []


def test_what_another_command_printed_on_the_base_excuses_nothing() -> None:
    failing = result(PATCH, passed=False, failures=1, tests=5)
    assert of_checks(failing, result(BASE, passed=False, failures=9, tests=5)) == [EXCUSED]
    assert of_checks(failing, result(BASE, passed=False, failures=9, tests=5, argv=("false",))) == [FAILED]


def test_bases_tests_that_fail_under_another_command_still_count() -> None:
    assert of_checks(result(PATCH, passed=True), result(BASE_TESTS, passed=False, argv=("x",))) == [
        ("checks/base-tests", Severity.DENY)
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((1, 1), (None, 1), FAILED),  # can't even collect
        ((1, 1), (None, 2), FAILED),
        ((None, 2), (None, 2), EXCUSED),
        ((None, 1), (None, 2), FAILED),
        ((None, 1), (0, 1), FAILED),
        ((2, 1), (2, 1), EXCUSED),
    ],
)
def test_failures_that_were_not_counted_are_no_better_than_counted_ones(
    before: tuple[int | None, int], after: tuple[int | None, int], expected: tuple[str, Severity]
) -> None:
    old = result(BASE, passed=False, failures=before[0], exit_code=before[1])
    new = result(PATCH, passed=False, failures=after[0], exit_code=after[1])
    assert of_checks(old, new) == [expected]


def test_a_run_of_no_test_at_all_is_worse_than_one_with_a_failure() -> None:
    old = result(BASE, passed=False, failures=1, tests=40)
    assert FAILED in of_checks(old, result(PATCH, passed=False, failures=0, tests=0))
    assert EXCUSED in of_checks(old, result(PATCH, passed=False, failures=1, tests=40))


# ----------------------------------------------------------------------------------------------------------- names

ON_ITS_OWN = {
    "ci": """
        buildspec.yml .tekton/push.yaml .semaphore/semaphore.yml action.yml tools/cache/action.yaml sub/.gitlab-ci.yml
        .github/workflows/x.yml ops/azure-pipelines.yml .drone.yaml .appveyor.yml .builds/x.yml
    """,
    "build": """
        gradlew gradlew.bat app/gradlew mvnw mvnw.cmd gradle/wrapper/gradle-wrapper.properties
        gradle/wrapper/gradle-wrapper.jar .mvn/extensions.xml .mvn/wrapper/maven-wrapper.properties Earthfile Tiltfile
        flake.nix shell.nix nix/default.nix .bazelrc WORKSPACE MODULE.bazel src/BUILD settings.gradle.kts
        Taskfile.yml Taskfile.dist.yaml justfile noxfile.py tox.ini meson.build Directory.Build.targets
    """,
    "container": "sub/.devcontainer/post-create.sh .gitpod.yml docker-bake.hcl",
    "hook": """
        web/.husky/pre-commit .envrc lefthook.yml .lefthook-local.yml lefthook.toml .githooks/x .mise.toml
        mise.local.toml .tool-versions .overcommit.yml
    """,
    "editor": """
        .gdbinit sub/.lldbinit .vscode/tasks.json .idea/runConfigurations/x.xml .fleet/run.json .zed/tasks.json
        .run/x.run.xml x.sublime-project .helix/languages.toml .vs/tasks.vs.json
    """,
}


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, paths in ON_ITS_OWN.items() for path in paths.split()]
)
def test_what_acts_without_being_asked_is_asked_about(kind: str, path: str) -> None:
    for sides in ((None, "x\n"), ("x\n", "y\n"), ("x\n", None)):
        found = rules("runs-on-its-own", case({path: sides}))
        assert (f"runs-on-its-own/{kind}", Severity.REVIEW) in found


INSTRUCTIONS = """
    .codex/config.toml .gemini/settings.json .kiro/steering/x.md .roo/rules/x.md .roorules-code .continue/config.yaml
    .cursor/rules/x.mdc sub/.cursorrules .windsurfrules .windsurf/rules/x.md .claude/settings.json CLAUDE.md
    CLAUDE.local.md GEMINI.md AGENTS.md AGENTS.override.md WARP.md .github/copilot-instructions.md
    .github/instructions/x.instructions.md .github/prompts/x.prompt.md .aider.conf.yml .aider.d/x .clinerules .mcp.json
    .clinerules/x.md .junie/guidelines.md .amazonq/rules/x.md .goosehints opencode.json .coderabbit.yaml .pr_agent.toml
"""


@pytest.mark.parametrize("path", INSTRUCTIONS.split())
def test_what_agents_and_reviewing_programs_are_told_is_asked_about(path: str) -> None:
    assert rules("policy-files", case({path: (None, "x\n")})) == [("policy-files/instructions", Severity.REVIEW)]


@pytest.mark.parametrize(
    "path", ["src/build.py", "src/actions.yml", "docs/workspace.md", "agents/base.py", "src/windsurf.py", "rules/x.md"]
)
def test_names_that_only_sound_like_those_are_left_alone(path: str) -> None:
    given = case({path: (None, "x\n")})
    assert rules("runs-on-its-own", given) == rules("policy-files", given) == []


# ----------------------------------------------------------------------------------------------------- dependencies

BLOCK = '# /// script\n# dependencies = [\n#   "rich>=13",{more}\n# ]\n# ///\nimport rich\n'
ASKS = [
    ("setup.cfg", "[options]\ninstall_requires =\n  rich\n", "[options]\ninstall_requires =\n  rich\n  left>=1\n", "left"),
    ("setup.cfg", "[options]\n", "[options]\ninstall-requires = rich; left\n", "left"),
    ("setup.cfg", "[x]\n", "[options.extras_require]\ndev =\n  left\n", "dev:left"),
    ("setup.cfg", "[options]\n", "[options]\nsetup_requires = left\n", "setup_requires:left"),
    ("setup.cfg", "broken\n", "broken\nleft\n", "left"),
    ("setup.py", "setup()\n", "setup(install_requires=['left>=1'])\n", "left"),
    ("setup.py", "setup()\n", "setup(**{'install_requires': ('left',)})\n", "left"),
    ("setup.py", "R = ['a']\nsetup(install_requires=R)\n", "R = ['a']\nR += ['left']\nsetup(install_requires=R)\n", "left"),
    ("setup.py", "setup()\n", "setup(extras_require={'dev': ['left']})\n", "dev:left"),
    ("setup.py", "setup(install_requires=f())\n", "setup(install_requires=f() + ['left'])\n", "install_requires:f() + ['left']"),
    ("setup.py", "print 'two'\n", "print 'two'\nsetup(install_requires=['left'])\n", "setup(install_requires=['left'])"),
    ("tool.py", BLOCK.format(more=""), BLOCK.format(more=' "left",'), "left"),
    ("bin/tool", "x\n", "#!/usr/bin/env -S uv run --script\n" + BLOCK.format(more=' "left",'), "left"),
    ("tool.py", "import rich\n", BLOCK.format(more=' "left",').replace("\n", "\r\n"), "left"),
    ("tool.py", "x = 1\n", BLOCK.format(more="# a\u2028b\n#   'left'"), "left"),
    ("tool.py", "x = 1\n", "# /// script\n# dependencies = left\n# ///\n", "dependencies = left"),
    ("deps.txt", "rich\n", "rich\nleft==1\n", "left"),
    ("ops/test-deps.txt", "rich\n", "rich\nleft==1\n", "left"),
    ("constraints-dev.txt", "rich\n", "rich\nleft==1\n", "left"),
    ("reqs.txt", "rich\n", "rich\nleft==1\n", "left"),
    ("pixi.toml", "[dependencies]\n", "[dependencies]\nleft = '1'\n", "dependencies:left"),
    ("pixi.toml", "[pypi-dependencies]\n", "[feature.x.pypi-dependencies]\nleft = '*'\n", "feature.x.pypi-dependencies:left"),
    ("pixi.toml", "[workspace]\n", "[workspace]\nchannels = ['conda-forge']\n", "channels:conda-forge"),
    ("bower.json", "{}", '{"dependencies": {"left": "^1"}}', "left"),
    ("Package.swift", "let a = 1\n", 'let a = 1\n.package(url: "https://x/left")\n', '.package(url: "https://x/left")'),
    ("ios/Podfile", "x\n", "x\npod 'left'\n", "pod 'left'"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "before", "after", "name"), ASKS)
def test_a_new_dependency_is_seen_wherever_it_is_asked_for(path: str, before: str, after: str, name: str) -> None:
    given = case({path: (before, after)})
    changes = {(change.name, change.kind) for change in dependency_changes(given.change, given.read)}
    assert (name, "new") in changes
    assert rules("dependencies", case({path: (after, after)})) == []


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("setup.py", "setup(install_requires=['left @ https://example.com/left.whl'])\n"),
        ("setup.cfg", "[options]\ndependency_links = https://example.com/left\n"),
        ("tool.py", '# /// script\n# [[tool.uv.index]]\n# url = "https://example.com/simple"\n# ///\n'),
        ("pixi.toml", "[workspace]\nchannels = ['https://example.com/channel']\n"),
        ("pixi.toml", "[pypi-dependencies]\nleft = { git = 'https://example.com/left' }\n"),
    ],
)
def test_another_source_is_denied_wherever_it_is_asked_for(path: str, after: str) -> None:
    assert ("dependencies/source", Severity.DENY) in rules("dependencies", case({path: ("", after)}))


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("setup.py", "setup(version='1', install_requires=['a'])\n", "setup(version='2', install_requires=['a'])\n"),
        ("setup.cfg", "[metadata]\nversion = 1\n", "[metadata]\nversion = 2\n"),
        ("tool.py", BLOCK.format(more=""), BLOCK.format(more="") + "print(1)\n"),
        ("bin/tool", "echo 1\n", "echo 2\n"),
    ],
)
def test_other_changes_of_such_files_ask_for_nothing_new(path: str, before: str, after: str) -> None:
    assert rules("dependencies", case({path: (before, after)})) == []


# ------------------------------------------------------------------------------------------------------------ kinds

CODE = 'def f():\n    """Old."""\n    return 1\n'
DOCS, TEST, KIND = TaskKind.DOCS, TaskKind.TEST, ("checks/kind", Severity.REVIEW)


@pytest.mark.parametrize(
    ("kind", "path", "before", "after", "is_asked"),
    [
        (DOCS, "README.md", "x\n", "y\n", False),
        (DOCS, "billing/rates.txt", "x\n", "y\n", False),
        (DOCS, "docs/logo.svg", None, "x\n", False),
        (DOCS, "README.md", "x\n", None, False),
        (DOCS, "src/a.py", CODE, CODE.replace("Old", "New") + "# why\n", False),
        (DOCS, "src/a.py", CODE.replace('    """Old."""\n', ""), CODE, False),
        (DOCS, "src/a.py", CODE, CODE.replace("1", "2"), True),
        (DOCS, "docs/a.py", CODE, CODE.replace("1", "2"), True),
        (DOCS, "src/a.py", None, '"""Words."""\n', True),
        (DOCS, "src/a.py", CODE, None, True),
        (DOCS, "src/a.py", CODE, "def broken(\n", True),
        (DOCS, "src/a.py", CODE, f"#!/bin/other\n{CODE}", True),
        (DOCS, "src/a.py", "x = '+AGE-'\n", "# coding: utf-7\nx = '+AGE-'\n", True),
        (DOCS, "src/a.js", "// x\n", "// y\n", True),
        (DOCS, "requirements.txt", "a\n", "b\n", True),
        (DOCS, "docs/package.json", "{}", '{"name": "x"}', True),
        (DOCS, "CMakeLists.txt", "x\n", "y\n", True),
        (TEST, "tests/test_a.py", None, "def test(): ...\n", False),
        (TEST, "web/__snapshots__/a.snap", "x\n", "y\n", False),
        (TEST, "src/a.py", CODE, CODE.replace("1", "2"), True),
        (TEST, "src/a.py", CODE, None, True),
        (TaskKind.FORMAT, "src/a.py", CODE, CODE.replace("1", "2"), False),
        (TaskKind.REFACTOR, "src/a.py", CODE, CODE.replace("1", "2"), False),
        (TaskKind.OTHER, "src/a.py", CODE, CODE.replace("1", "2"), False),
    ],
)  # fmt: skip
def test_a_kind_that_wording_claims_is_held_against_what_is_written(
    kind: TaskKind, path: str, before: str | None, after: str | None, is_asked: bool
) -> None:
    given = case({path: (before, after)}, result(PATCH, passed=True), kind=kind, checks=(TESTS,))
    assert rules("checks", given) == ([KIND] if is_asked else [])


def test_what_does_not_belong_is_named_and_counted() -> None:
    files: dict[str, Pair] = dict.fromkeys(("README.md", "src/a.py", "src/b.py"), (None, "x = 1\n"))
    given = case(files, result(PATCH, passed=True), kind=DOCS, checks=(TESTS,))
    (finding,) = GATES["checks"](given)
    assert finding.path == "src/a.py"
    assert finding.message == ("The request was understood as docs, but the patch also changes src/a.py and 1 more")
