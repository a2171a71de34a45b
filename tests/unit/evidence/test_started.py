"""Only a test that ran and failed shows something: what runners print of those that never started, as they print it."""
# ruff: noqa: E501 - one case is one line

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.domain.tasks.dialogue import CommandResult
from deputy.evidence import ReportFile, is_worth_repeating, judge_check, proof

TESTS = Check(name="tests", run=("run",), kind="tests", tests=("tests/**",))
_FILE = FileChange(
    path="tests/test_x.py", kind=ChangeKind.ADDED, old_mode="000000", new_mode="100644", old_blob="", new_blob="b"
)
_CHANGE = TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=(_FILE,))


def _judge(
    output: str, exit_code: int, phase: CheckPhase = CheckPhase.BEFORE, report: bytes | None = None
) -> CheckResult:
    check = TESTS.model_copy(update={"report": "r.xml"}) if report else TESTS
    result = CommandResult(("run",), exit_code, output.encode(), 0, 1.5)
    return judge_check(check, phase, result, "log", ReportFile(report) if report else None)


def _proves(before: CheckResult) -> bool | None:
    steady = [_judge("2 passed in 0.1s", 0, phase) for phase in (CheckPhase.PATCH, CheckPhase.BASE)]
    return proof(_CHANGE, (TESTS,), [*steady, before]).fails_before


PYTEST_FILE = (
    "E   ModuleNotFoundError: No module named 'nope'\nERROR tests/test_a.py - ImportError while importing test module\n"
)
UNITTEST_FILE = (
    "ERROR: test_a (unittest.loader._FailedTest.test_a)\nImportError: Failed to import test module: test_a\n"
)
NODE_SPEC_FILE = "✖ /tmp/w/imp.test.js (105.78ms)\n  'test failed'\n\nℹ tests 4\nℹ pass 3\nℹ fail 1\nℹ cancelled 0\n\n✖ failing tests:\n\n✖ /tmp/w/imp.test.js (105.78ms)\n"
GO_UNBUILT = (
    "# ex/p [ex/p.test]\np/a_test.go:3:27: undefined: nope\nFAIL\tex/p [build failed]\nok  \tex/q\t0.01s\nFAIL\n"
)
NODE_TAP_FILE = (
    "TAP version 13\nnot ok 1 - /tmp/w/imp.test.js\n  ---\n  ...\nok 2 - a\n1..2\n# tests 2\n# pass 1\n# fail 1\n"
)

UNLOADED = [
    (PYTEST_FILE + "!!!! Interrupted: 1 error during collection !!!!\n==== 1 error in 0.13s ====", 2),
    # With xdist, and with -x, pytest's status is that of failing tests.
    (PYTEST_FILE + "2 passed, 1 error in 1.32s", 1),
    (PYTEST_FILE + "1 error in 0.02s", 1),
    ("!!!!! Interrupted: 1 error during collection !!!!!\n1 error in 0.11s\nmake: *** [Makefile:2: test] Error 2", 2),
    (UNITTEST_FILE + "Ran 2 tests in 0.000s\n\nFAILED (errors=1)", 1),
    (UNITTEST_FILE.replace("(unittest.loader._FailedTest.test_a)", "(unittest.loader._FailedTest)") + "Ran 1 test in 0.0s\n\nFAILED (errors=1)", 1),
    (UNITTEST_FILE.replace("test_a", "shop.tests.test_a") + "Ran 1 test in 0.0s\n\nFAILED (errors=1)", 1),
    (GO_UNBUILT, 1),
    ("# ex/p\np/a_test.go:2:19: package ex/nope is not in GOROOT\nFAIL\tex/p [setup failed]\nFAIL\n", 2),
    ("panic: x\n\ngoroutine 1 [running]:\nex/p.init.0()\n\t/w/a_test.go:3 +0x27\nFAIL\tex/p\t0.008s\nFAIL\n", 1),
    ("  ● Test suite failed to run\n\nTest Suites: 1 failed, 1 passed, 2 total\nTests:       2 passed, 2 total", 1),
    ("⎯⎯⎯⎯ Failed Suites 1 ⎯⎯⎯⎯\n\n Test Files  1 failed (1)\n      Tests  no tests\n", 1),
    (NODE_TAP_FILE, 1),
    (NODE_SPEC_FILE, 1),
    ("TAP version 13\n1..1\nnot ok 1 - imp.test.mjs\n    ---\n", 1),
    ("test result: FAILED. 1 passed; 1 failed; 0 ignored;\nCouldn't compile the test.\n", 101),
]  # fmt: skip
UNREADY = [
    ("ERROR tests/test_a.py::test_a - RuntimeError\n1 passed, 1 error in 0.03s", 1),
    ("ERROR: setUpClass (t_cls.T)\nRan 1 test in 0.001s\n\nFAILED (errors=1)", 1),
    ("1..1\nnot ok 1 d \"before all\" hook for \"e\"\n# tests 1\n# pass 0\n# fail 1\n", 1),
    ("1..3\nok 1 - a\n", 1),
    ("ℹ tests 2\nℹ pass 1\nℹ fail 0\nℹ cancelled 1\n", 1),
]  # fmt: skip
FAILED = [
    ("FAILED tests/test_a.py::test_a - assert 0\n1 failed, 1 passed in 0.1s", 1),
    ("1 failed in 0.1s\nmake: *** [Makefile:2: test] Error 1", 2),
    (PYTEST_FILE + "1 failed, 1 error in 0.1s", 1),
    ("ERROR: test_a (tests.test_cart.Cart.test_a)\nRan 1 test in 0.1s\n\nFAILED (errors=1)", 1),
    (UNITTEST_FILE + "FAIL: test_b (t.T.test_b)\nRan 2 tests in 0.1s\n\nFAILED (failures=1, errors=1)\nmake: *** Error 1", 2),
    ("--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/x (0.00s)\nFAIL\nFAIL\tex/p\t0.008s\nFAIL\nmake: *** [t] Error 1", 2),
    ("panic: test timed out after 1s\nFAIL\tex/p\t1.008s\nFAIL\n", 1),
    ("  ● c\n  ● Test suite failed to run\nTests:       1 failed, 1 total", 1),
    ("not ok 1 - c\n1..1\n# tests 1\n# pass 0\n# fail 1\n", 1),
    ("✖ c (1.54ms)\n\nℹ tests 1\nℹ pass 0\nℹ fail 1\n", 1),
    ("TAP version 13\n1..1\nnot ok 1 - bad.test.mjs # time=26.75ms {\n    1..1\n    not ok 1 - c\n}\n", 1),
    ("test result: FAILED. 1 passed; 1 failed; 0 ignored;\n", 101),
    ("     Summary [   0.311s] 3/4 tests run: 2 passed (1 slow), 1 failed, 0 skipped\n", 100),
]  # fmt: skip


@pytest.mark.parametrize(("output", "exit_code"), UNLOADED)
def test_what_could_not_be_loaded_proves_nothing_and_is_not_repeated(output: str, exit_code: int) -> None:
    before = _judge(output, exit_code)
    assert (before.passed, before.failed_tests, before.unloaded) == (False, 0, 1)
    assert _proves(before) is None
    assert not is_worth_repeating(TESTS, before)


@pytest.mark.parametrize(("output", "exit_code"), UNREADY)
def test_what_was_kept_from_running_proves_nothing_but_may_be_chance(output: str, exit_code: int) -> None:
    before = _judge(output, exit_code)
    assert (before.passed, before.failed_tests, before.unloaded) == (False, 0, 0)
    assert _proves(before) is None
    assert is_worth_repeating(TESTS, before)


@pytest.mark.parametrize(("output", "exit_code"), FAILED)
def test_a_test_that_ran_and_failed_proves_whatever_make_made_of_its_status(output: str, exit_code: int) -> None:
    before = _judge(output, exit_code)
    assert (before.passed, before.failed_tests) == (False, 1)
    assert _proves(before) is True
    assert is_worth_repeating(TESTS, before)


def test_two_files_of_one_name_are_two() -> None:
    again = NODE_SPEC_FILE.replace("105.78", "99.5")
    judged = _judge(NODE_SPEC_FILE + again, 1)
    assert (judged.tests, judged.failures, judged.failed_tests, judged.unloaded) == (6, 2, 0, 2)


@pytest.mark.parametrize(
    ("output", "tests", "summary"),
    [
        ("ok  \tex/p\t0.002s [no tests to run]\n", 0, "no tests ran"),
        ("ok  \tex/p\t(cached) [no tests to run]\n?   \tex/q\t[no test files]\n", 0, "no tests ran"),
        ("ok  \tex/p\t0.002s\tcoverage: [no statements] [no tests to run]\n", 0, "no tests ran"),
        ("?   \tex/q\t[no test files]\n", 0, "no tests ran"),
        ("--- SKIP: TestA (0.00s)\nPASS\nok  \tex/p\t0.002s\n", 0, "no tests ran (1 skipped)"),
        ("Ran 0 tests in 0.000s\n\nOK", 0, "no tests ran"),
        ("TAP version 13\n1..0\n# tests 0\n# pass 0\n# fail 0\n", 0, "no tests ran"),
        ("test result: ok. 0 passed; 0 failed; 0 ignored;\n", 0, "no tests ran"),
        ("     Summary [   0.000s] 0 tests run: 0 passed, 3 skipped\n", 0, "no tests ran"),
        ("No tests found, exiting with code 0\n", None, "exit 0, but no test report was recognised in the output"),
    ],
)  # fmt: skip
def test_nothing_ran_is_no_success(output: str, tests: int | None, summary: str) -> None:
    judged = _judge(output, 0)
    assert (judged.passed, judged.tests, judged.summary) == (False, tests, summary)


@pytest.mark.parametrize(
    ("output", "tests"),
    [
        ("ok  \tex/p\t0.002s [no tests to run]\nok  \tex/q\t0.01s\n", None),
        ("ok  \tex/p\t0.002s [no tests to run]\n4 passed in 0.1s\n", 4),
        ("1 skipped in 0.1s\nok  \tex/q\t0.01s\n", None),
        ("--- PASS: TestA (0.00s)\n    --- PASS: TestA/x (0.00s)\n--- SKIP: TestB (0.00s)\nok  \tex/q\t0.01s\n", 1),
        ("2 passed, 1 skipped, 3 subtests passed in 0.1s", 2),
        ("     Summary [   0.011s] 4 tests run: 4 passed (1 leaky), 1 skipped\n", 4),
    ],
)
def test_what_ran_is_counted_where_it_is_told(output: str, tests: int | None) -> None:
    judged = _judge(output, 0)
    assert (judged.passed, judged.tests) == (True, tests)


def _event(package: str, output: str) -> str:
    return json.dumps({"Action": "output", "Package": package, "Output": output}, separators=(",", ":"))


def test_go_test_json_is_read_package_by_package() -> None:
    lines = [
        '{"Time":"2026-11-23T01:15:25Z","Action":"run","Package":"ex/a","Test":"TestA"}',
        _event("ex/a", "--- FAIL: "),
        _event("ex/b", "--- PASS: TestB (0.00s)\n"),
        _event("ex/a", "TestA (0.00s)\n"),
        _event("ex/b", "ok  \tex/b\t0.01s\n"),
        _event("ex/a", "FAIL\tex/a\t0.01s\n"),
        '{"Action":"output",' + "[" * 5000,
        '{"Action":"output","Package":"ex/a","Output":7}',
        "FAIL\tex/c [build failed]",
    ]
    judged = _judge("\n".join(lines), 1)
    assert (judged.tests, judged.failures, judged.failed_tests, judged.unloaded) == (2, 2, 1, 1)
    assert judged.broken_tests == ("TestA", "ex/c (not built)")


def test_a_file_that_can_not_be_imported_is_no_test_that_ran() -> None:
    judged = _judge(PYTEST_FILE + "2 passed, 1 error in 1.32s", 1)
    assert (judged.tests, judged.failures, judged.summary) == (2, 1, "1 error, 2 passed")


def _case(name: str, body: str, suite: str = "tests.test_a") -> bytes:
    return f'<testsuites><testsuite><testcase classname="{suite}" name="{name}">{body}</testcase></testsuite></testsuites>'.encode()


@pytest.mark.parametrize(
    ("report", "failed", "unloaded"),
    [
        (_case("test_a", '<failure message="assert 0"/>'), 1, 0),
        (_case("test_a", '<error type="ZeroDivisionError" message="division by zero"/>'), 1, 0),
        (_case("test_a", '<error message="failed on setup with &quot;RuntimeError&quot;"/>'), 0, 0),
        (_case("tests.test_a", '<error message="collection failure"/>', ""), 0, 1),
        (_case("test_a", '<error message="ImportError"/>', "unittest.loader._FailedTest"), 0, 1),
        (_case("setUpClass (t.T)", '<error message="x"/>'), 0, 0),
        (_case("imp.test.mjs", '<failure message="Cannot find module"/>', "imp.test.mjs"), 0, 1),
        (_case("/tmp/w/imp.test.js", '<failure type="testCodeFailure" message="test failed"/>', "test"), 0, 1),
        (_case("TestMain", '<failure message="Failed">FAIL\tex/p [build failed]</failure>', "ex/p"), 0, 1),
        (b'<testsuites><testsuite name="x" errors="1"/></testsuites>', 0, 1),
    ],
)  # fmt: skip
def test_reports_are_read_the_same_way(report: bytes, failed: int, unloaded: int) -> None:
    judged = _judge("", 1, report=report)
    assert (judged.failures, judged.failed_tests, judged.unloaded) == (1, failed, unloaded)


def test_where_report_and_output_differ_the_careful_one_counts() -> None:
    judged = _judge(PYTEST_FILE + "1 error in 0.1s", 2, report=_case("test_a", "<failure/>"))
    assert (judged.failures, judged.failed_tests, judged.unloaded) == (1, 0, 1)


def test_evidence_from_before_means_what_it_meant() -> None:
    old = {
        "name": "tests",
        "phase": "before",
        "argv": ["run"],
        "exit_code": 1,
        "passed": False,
        "seconds": 1.0,
        "log": "l",
    }
    before = CheckResult.model_validate({**old, "tests": 2, "failures": 1})
    assert (before.failed_tests, before.unloaded) == (None, 0)
    assert _proves(before) is True
    assert is_worth_repeating(TESTS, before)
    interrupted = before.model_copy(update={"exit_code": 2, "tests": 1})
    assert _proves(interrupted) is None
    assert not is_worth_repeating(TESTS, interrupted)


@given(st.lists(st.sampled_from([output for output, _ in UNLOADED + UNREADY]), min_size=1, max_size=6, unique=True))
def test_no_mixture_of_what_never_started_proves_anything(outputs: list[str]) -> None:
    judged = _judge("\n".join(outputs), 1)
    assert (judged.passed, judged.failed_tests) == (False, 0)
    assert judged.unloaded <= (judged.failures or 0)


@pytest.mark.parametrize("text", ["✖ " + "a/" * 50_000 + "\n", "not ok 1 - " + ".test" * 50_000 + "\n1..1\n"])
def test_long_names_take_no_long_time(text: str) -> None:
    assert not _judge(text * 3, 1).passed
