"""A check passes when exit status and output agree that it does."""
# ruff: noqa: E501 - one case is one line

import pytest

from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.domain.tasks.dialogue import CommandResult
from deputy.evidence import ReportFile, judge_check


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


# ------------------------------------------------------------------------------------------------------ reports


def _with_report(
    output: str, report: bytes | None, exit_code: int = 0, *, kind: str = "tests", why: str = ""
) -> CheckResult:
    check = Check(name="x", run=("run",), kind=kind, report="out/junit.xml")
    result = CommandResult(("run",), exit_code, output.encode(), 0, 1.5)
    return judge_check(check, CheckPhase.PATCH, result, "log", ReportFile(report, why, "kept" if report else ""))


def _junit(*outcomes: str) -> bytes:
    cases = (
        f'<testcase classname="tests.test_cart" name="test_{n}">{f"<{o}/>" if o else ""}</testcase>'
        for n, o in enumerate(outcomes)
    )
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>".encode()


@pytest.mark.parametrize(
    ("output", "report", "tests", "summary"),
    [
        ("2 passed in 0.1s", _junit("", ""), 2, "2 passed"),
        ("nothing that we know", _junit("", "", "skipped"), 2, "2 passed, 1 skipped"),
        # pytest's file calls skipped what its output calls expected to fail.
        ("1 passed, 1 xfailed in 0.1s", _junit("", "skipped"), 1, "1 passed, 1 skipped"),
        ("ok  \texample.com/a\t0.01s", _junit(""), 1, "1 passed"),
    ],
)
def test_report_and_output_that_agree(output: str, report: bytes, tests: int, summary: str) -> None:
    judged = _with_report(output, report)
    assert (judged.passed, judged.tests, judged.summary, judged.report) == (True, tests, summary, "kept")


@pytest.mark.parametrize(
    ("output", "report", "exit_code", "summary"),
    [
        ("1 passed in 0.1s", None, 0, "exit 0, but there is no report at out/junit.xml (no such file)"),
        ("", None, 2, "exit 2, and there is no report at out/junit.xml (no such file)"),
        ("1 failed in 0.1s", None, 1, "1 failed"),
        ("1 passed in 0.1s", b"<html/>", 0, "exit 0, but the report at out/junit.xml can't be used: "),
        ("1 passed in 0.1s", _junit("failure"), 0, "1 failed, although the exit status is 0"),
        ("1 failed in 0.1s", _junit(""), 0, "the report says 1 passed, and the output 1 failed"),
        ("1 failed in 0.1s", _junit(""), 1, "exit 1, although the report says 1 passed"),
        ("1 passed in 0.1s", _junit("failure"), 1, "the report says 1 failed, and the output 1 passed"),
        ("1 passed in 0.1s", _junit("skipped"), 0, "the report says 1 skipped, and the output 1 passed"),
        ("no tests ran in 0.1s", _junit(""), 0, "the report says 1 passed, and the output nothing ran"),
        ("1 passed in 0.1s", _junit(), 0, "the report says nothing ran, and the output 1 passed"),
        ("who knows", _junit(), 0, "no tests ran"),
        ("1 passed in 0.1s", _junit(""), 1, "exit 1, although the report says 1 passed"),
        ("1 passed in 0.1s", _junit("", "error"), 1, "the report says 1 error, 1 passed, and the output 1 passed"),
    ],
)
def test_report_output_and_exit_status_must_agree(
    output: str, report: bytes | None, exit_code: int, summary: str
) -> None:
    judged = _with_report(output, report, exit_code, why="no such file")
    assert not judged.passed
    assert judged.summary.startswith(summary)


def test_a_linters_report_need_not_have_tests() -> None:
    assert _with_report("All checks passed!", _junit(), kind="lint").passed
    assert not _with_report("", None, kind="lint").passed
    assert not _with_report("", _junit("failure"), kind="lint").passed


def test_a_report_that_nobody_asked_for_is_not_read() -> None:
    check, result = Check(name="x", run=("run",), kind="tests"), CommandResult(("run",), 0, b"1 passed in 1s", 0, 1.0)
    assert judge_check(check, CheckPhase.PATCH, result, "log", ReportFile(b"<html/>")).passed


def test_failing_tests_are_named_presentably_and_not_without_end() -> None:
    report = _junit(*["failure"] * 30).replace(b"test_0", "a\u202eb\nc".encode() + b"x" * 500)
    judged = _with_report("30 failed in 1s", report, 1)
    assert len(judged.broken_tests) == 21
    assert judged.broken_tests[-1] == "… and 10 more"
    assert judged.broken_tests[1] == "tests.test_cart.test_1"
    assert "\\u202e" in judged.broken_tests[0]
    assert all("\n" not in name and len(name) <= 210 for name in judged.broken_tests)


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (
            "FAILED tests/test_a.py::test_x[1 - 2] - assert 1 == 2\nERROR tests/test_b.py - ImportError\n1 failed, 1 error in 1s",
            ("tests/test_a.py::test_x[1", "tests/test_b.py"),
        ),
        ("FAIL: test_a (tests.test_cart.Cart.test_a)\nRan 1 test in 0.1s\n\nFAILED (failures=1)", ("tests.test_cart.Cart.test_a",)),
        ("FAIL: test_a (tests.test_cart.Cart)\nRan 1 test in 0.1s\n\nFAILED (failures=1)", ("tests.test_cart.Cart.test_a",)),
        ("1..1\nnot ok 1 - adds\n", ("adds",)),
        ("FAILED tests/test_a.py::test_x\n1 passed in 1s", ()),
    ],
)  # fmt: skip
def test_output_names_failing_tests(output: str, names: tuple[str, ...]) -> None:
    assert _judge(output, 1).broken_tests == names


def test_a_result_names_the_whole_check() -> None:
    check, result = Check(name="x", run=("run",)), CommandResult(("run",), 0, b"", 0, 1.0)
    digest = judge_check(check, CheckPhase.PATCH, result, "log").check
    assert digest == check.digest
    others = [
        {"env": {"A": "b"}},
        {"timeout": 1},
        {"kind": "tests"},
        {"report": "r.xml"},
        {"name": "y"},
        {"run": ("r",)},
    ]
    assert digest not in {check.model_copy(update=other).digest for other in others}
    assert check.model_copy(update={"bar": "advise"}).digest == digest
