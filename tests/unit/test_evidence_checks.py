"""A check passes when exit status and output agree that it does."""

import pytest

from deputy.domain.config import Check
from deputy.domain.dialogue import CommandResult
from deputy.domain.values import CheckPhase, CheckResult
from deputy.evidence import judge_check


def _judge(output: str, exit_code: int = 0, *, kind: str = "tests", timed_out: bool = False) -> CheckResult:
    check = Check(name="x", run=("run",), kind=kind)
    result = CommandResult(("run",), exit_code, output.encode(), 0, 1.5, timed_out)
    return judge_check(check, CheckPhase.PATCH, result, "log")


@pytest.mark.parametrize(
    ("output", "tests", "summary"),
    [
        ("..\n14 passed in 0.12s\n", 14, "14 passed"),
        ("==== 14 passed, 2 warnings in 0.12s ====\n", 14, "14 passed"),
        (
            "\x1b[32m==== \x1b[1m14 passed\x1b[0m, \x1b[33m1 skipped\x1b[0m in 61.2s (0:01:01) ====\x1b[0m",
            14,
            "14 passed, 1 skipped",
        ),
        ("12 passed, 2 xfailed, 1 xpassed, 3 deselected in 1s", 15, "15 passed"),
        ("Ran 3 tests in 0.001s\n\nOK", 3, "3 passed"),
        ("Ran 3 tests in 0.001s\n\nOK (skipped=1)", 2, "2 passed, 1 skipped"),
        ("Tests:       1 skipped, 5 passed, 6 total", 5, "5 passed, 1 skipped"),
        ("      Tests  5 passed (5)", 5, "5 passed"),
        ("# tests 2\n# pass 2\n# fail 0\n", 2, "2 passed"),
        ("test result: ok. 4 passed; 0 failed; 0 ignored;", 4, "4 passed"),
        ("ok  \texample.com/a\t0.01s\nok  \texample.com/b\t(cached)\n", None, "passed"),
    ],
)
def test_passed(output: str, tests: int | None, summary: str) -> None:
    judged = _judge(output)
    assert (judged.passed, judged.tests, judged.summary) == (True, tests, summary)


@pytest.mark.parametrize(
    ("output", "exit_code", "summary"),
    [
        ("=== 2 failed, 12 passed in 0.1s ===", 1, "2 failed, 12 passed"),
        ("=== 1 failed, 1 error in 0.1s ===", 1, "1 failed, 1 error"),
        ("no tests ran in 0.01s", 5, "no tests ran (exit 5)"),
        ("no tests ran in 0.01s", 0, "no tests ran"),
        ("3 skipped in 0.01s", 0, "no tests ran (3 skipped)"),
        ("14 passed in 0.1s", 1, "exit 1, although the output says 14 passed"),
        ("1 failed, 13 passed in 0.1s", 0, "1 failed, 13 passed, although the exit status is 0"),
        ("1 failed in 0.1s\n14 passed in 0.1s", 0, "1 failed, 14 passed, although the exit status is 0"),
        ("", 0, "exit 0, but no test report was recognised in the output"),
        ("all good, 14 passed!", 0, "exit 0, but no test report was recognised in the output"),
        ("", -9, "killed by signal 9"),
        ("Ran 3 tests in 0.001s\n\nFAILED (failures=1, errors=1)", 1, "1 failed, 1 error, 1 passed"),
        ("Ran 3 tests in 0.001s\n\nFAILED", 0, "1 failed, 2 passed, although the exit status is 0"),
        ("FAIL\texample.com/a\t0.01s\nok  \texample.com/b\t0.1s", 0, "1 failed, although the exit status is 0"),
    ],
)
def test_did_not_pass(output: str, exit_code: int, summary: str) -> None:
    judged = _judge(output, exit_code)
    assert (judged.passed, judged.summary) == (False, summary)


def test_a_timeout_is_a_failure_whatever_was_printed() -> None:
    judged = _judge("14 passed in 0.1s", timed_out=True)
    assert not judged.passed
    assert judged.summary == "timed out after 2 s"


@pytest.mark.parametrize(
    ("output", "exit_code", "passed"),
    [
        ("All checks passed!", 0, True),
        ("", 0, True),
        ("Found 3 errors.", 1, False),
        ("Found 3 errors.", 0, False),
        ("Found 3 errors (3 fixed, 0 remaining).", 0, True),
        ("Found 3 errors (2 fixed, 1 remaining).", 0, False),
        ("Found 1 error in 1 file (checked 3 source files)", 0, False),
    ],
)
def test_linters(output: str, exit_code: int, passed: bool) -> None:
    assert _judge(output, exit_code, kind="lint").passed is passed


def test_what_was_run_and_where_its_log_is_go_along() -> None:
    judged = _judge("1 passed in 0.1s")
    assert (judged.name, judged.phase, judged.argv, judged.log) == ("x", CheckPhase.PATCH, ("run",), "log")
    assert (judged.failures, judged.exit_code, judged.seconds) == (0, 0, 1.5)
