"""What a change of the checks' configuration makes looser is said by name; what it makes stricter is not."""

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.gates import inspect


def judged(path: str, base: str, head: str) -> list[tuple[str, str, int]]:
    file = FileChange(
        path=path, kind=ChangeKind.MODIFIED, old_mode="100644", new_mode="100644", old_blob="a", new_blob="b"
    )
    change = TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=(file,))
    findings = inspect(change, lambda side, _: (base if side == "base" else head).encode(), None, {}, ())
    return [(each.rule, each.message, each.line) for each in findings if each.gate == "suppressions"]


def looser(path: str, base: str, head: str) -> list[str]:
    return [message for rule, message, _ in judged(path, base, head) if rule == "suppressions/looser"]


TOML = "pyproject.toml"


@pytest.mark.parametrize(
    ("path", "before", "after", "says"),
    [
        (
            TOML,
            "[tool.coverage.report]\nfail_under = 90",
            "[tool.coverage.report]\nfail_under = 10",
            "coverage.report.fail_under goes from 90 to 10",
        ),
        (
            ".coveragerc",
            "[report]\nfail_under = 90",
            "[report]\nprecision = 1",
            "report.fail_under goes from 90 to nothing",
        ),
        (".coveragerc", "[run]\nomit = a", "[run]\nomit =\n  a\n  b/*", "run.omit now has b/*"),
        ("ruff.toml", "lint.ignore = []", "lint.ignore = ['E1', 'F']", "ruff.lint.ignore now has E1, F"),
        (
            TOML,
            "[tool.ruff.lint]\nselect=['E', 'F']",
            "[tool.ruff.lint]\nselect=['E']",
            "ruff.lint.select no longer has F",
        ),
        (
            TOML,
            "[tool.ruff]",
            "[tool.ruff.lint.per-file-ignores]\n'a/*' = ['S']",
            "ruff.lint.per-file-ignores.a/* now has S",
        ),
        ("mypy.ini", "[mypy]\nstrict = True", "[mypy]\nstrict = False", "mypy.strict goes from True to False"),
        (TOML, "[tool.mypy]\nstrict = true", "[tool.mypy]\nstrict = false", "mypy.strict goes from true to false"),
        (
            TOML,
            "[tool.mypy]",
            "[tool.mypy]\ndisable_error_code = ['misc']",
            "mypy.disable_error_code now has misc",
        ),
        (
            TOML,
            "[tool.mypy]",
            "[[tool.mypy.overrides]]\nmodule = 'a.*'\nignore_errors = true",
            "mypy.overrides.a.*.ignore_errors goes from nothing to true",
        ),
        (
            ".flake8",
            "[flake8]\nmax-complexity = 8",
            "[flake8]\nmax-complexity = 20",
            "flake8.max-complexity goes from 8 to 20",
        ),
        ("tox.ini", "[flake8]\nmax-complexity = 8", "[flake8]", "flake8.max-complexity goes from 8 to nothing"),
        ("setup.cfg", "[flake8]", "[flake8]\nextend-ignore = E501,W", "flake8.extend-ignore now has E501, W"),
        (
            ".eslintrc.json",
            '{"rules": {"eqeqeq": ["error", "always"]}}',
            '{"rules": {"eqeqeq": "off"}}',
            'eslintrc.rules.eqeqeq goes from ["error", "always"] to off',
        ),
        (
            ".eslintrc",
            '{"extends": "all"}',
            '{"extends": "all", "rules": {"a": 0}}',
            "eslintrc.rules.a goes from nothing to 0",
        ),
        (".eslintrc", '{"rules": {"a": 2}}', '{"rules": {}}', "eslintrc.rules.a goes from 2 to nothing"),
        (
            "tsconfig.json",
            '{"compilerOptions": {"strict": true}}',
            '{"compilerOptions": {"strict": false}}',
            "tsconfig.compilerOptions.strict goes from true to false",
        ),
        (
            "package.json",
            '{"jest": {"coverageThreshold": {"global": {"lines": 80}}}}',
            '{"jest": {"coverageThreshold": {"global": {"lines": 8}}}}',
            "jest.coverageThreshold.global.lines goes from 80 to 8",
        ),
        (
            TOML,
            "[tool.pytest.ini_options]\naddopts = '--cov-fail-under=90 -q'",
            "[tool.pytest.ini_options]\naddopts = '-q --ignore=a'",
            "pytest.ini_options.addopts now has --ignore=a and no longer has --cov-fail-under=90",
        ),
        (
            "pyrightconfig.json",
            '{"reportAny": "error"}',
            '{"reportAny": "warning"}',
            "pyrightconfig.reportAny goes from error to warning",
        ),
    ],
)
def test_what_got_looser_is_named(path: str, before: str, after: str, says: str) -> None:
    assert looser(path, before, after) == [says]
    assert looser(path, after, before) == []


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [(".eslintrc", "{// a\n}", '{"rules": {}}'), ("tsconfig.json", "{" * 5_000, "{}"), (".flake8", "x", "[flake8]")],
)
def test_what_can_not_be_read_has_changed(path: str, before: str, after: str) -> None:
    assert [rule for rule, _, _ in judged(path, before, after)] == ["suppressions/config"]


@pytest.mark.parametrize(
    ("path", "comment"),
    [
        ("a.py", "# ruff: noqa"), ("a.py", "# flake8: noqa: E501"), ("a.py", "# mypy: ignore-errors"),
        ("a.py", "# pyright: basic"), ("a.py", "# pylint: disable=all"), ("a.py", "# type: ignore"),
        ("a.py", "# isort: skip_file"), ("a.js", "/* eslint-disable */"), ("a.ts", "// @ts-nocheck"),
        ("a.js", "/* istanbul ignore file */"), ("a.rs", "#![allow(dead_code)]"), ("a.rb", "# rubocop:disable all"),
    ],
)  # fmt: skip
def test_what_switches_checks_off_for_a_file_is_told_apart(path: str, comment: str) -> None:
    assert [(rule, line) for rule, _, line in judged(path, "x\n", f"x\n{comment}\n")] == [
        ("suppressions/whole-file", 2)
    ]
    assert judged(path, f"x\n{comment}\n", f"y\n{comment}\n") == []


@pytest.mark.parametrize(
    "comment", ["x = 1  # type: ignore", "x  # pylint: disable=a", "// eslint-disable-next-line", "# pyright: ignore"]
)
def test_what_switches_a_check_off_for_a_line_is_a_comment(comment: str) -> None:
    assert [rule for rule, _, _ in judged("a.py", "", comment)] == ["suppressions/comment"]


def test_a_file_and_a_line_are_two_findings() -> None:
    found = judged("a.py", "", "# ruff: noqa\nx  # noqa: E1\ny  # noqa: E2\n")
    assert found == [
        ("suppressions/whole-file", found[0][1], 1),
        ("suppressions/comment", "2 more suppressions of checks (the first new one: # noqa)", 2),
    ] or found == [
        ("suppressions/comment", "2 more suppressions of checks (the first new one: # noqa)", 2),
        ("suppressions/whole-file", found[1][1], 1),
    ]
