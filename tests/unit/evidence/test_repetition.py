"""What several runs of one check say together, and which failures are worth another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.evidence import is_worth_repeating, of_runs, repetitions

TESTS = Check(name="tests", run=("pytest",), kind="tests")


def _run(log: str = "l", *, passed: bool = False, names: tuple[str, ...] = (), **more: object) -> CheckResult:
    fields = {"name": "tests", "phase": "patch", "argv": ("pytest",), "seconds": 1.0, "log": log, "tests": 3}
    code, failures = (0, 0) if passed else (1, len(names) or 1)
    told = {"exit_code": code, "failures": failures, "passed": passed, "broken_tests": names, "summary": "1 failed"}
    return CheckResult.model_validate({**fields, **told, **more})


def test_one_run_speaks_for_itself() -> None:
    for one in (_run(), _run(passed=True)):
        assert of_runs([one]) == one


def test_what_comes_and_goes_is_flaky_and_names_its_tests() -> None:
    told = of_runs([_run("a", names=("test_x",)), _run("b", names=("test_y", "test_x")), _run("c", passed=True)])
    assert (told.is_flaky, told.passed, told.failures) == (True, False, 2)
    assert told.summary == "flaky: failed 2 of 3 runs: test_x, test_y"
    assert (told.log, told.reruns, told.broken_tests) == ("a", ("b", "c"), ("test_x", "test_y"))


def test_without_names_the_summary_says_what_happened() -> None:
    told = of_runs([_run("a", passed=True), _run("b", summary="timed out after 9 s", failures=None)])
    assert told.summary == "flaky: failed 1 of 2 runs: timed out after 9 s"
    assert (told.log, told.reruns, told.failures) == ("b", ("a",), None)


def test_a_long_list_of_names_is_cut() -> None:
    told = of_runs([_run(names=tuple(f"test_{n}" for n in range(5))), _run(passed=True)])
    assert told.summary == "flaky: failed 1 of 2 runs: test_0, test_1, test_2 and 2 more"


def test_what_fails_every_time_is_not_flaky() -> None:
    told = of_runs([_run("a"), _run("b")])
    assert (told.is_flaky, told.passed, told.summary, told.reruns) == (False, False, "1 failed", ("b",))


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_passed_only_where_every_run_passed_and_no_log_is_lost(outcomes: list[bool]) -> None:
    told = of_runs([_run(str(number), passed=passed) for number, passed in enumerate(outcomes)])
    assert told.passed is all(outcomes)
    assert told.is_flaky is (len(set(outcomes)) == 2)
    assert {told.log, *told.reruns} == {str(number) for number in range(len(outcomes))}


@pytest.mark.parametrize(
    ("result", "is_worth_it"),
    [
        (_run(), True),
        (_run(passed=True), False),
        (_run(exit_code=-9, failures=None), True),
        (_run(exit_code=2, failures=0, tests=0), False),
        # Nothing could be collected; but make says 2, too.
        (_run(exit_code=2, failures=1, tests=1), False),
        (_run(exit_code=2, failures=1, tests=3), True),
        (_run(exit_code=127, failures=None, tests=None), False),
        # What contradicts itself is no accident.
        (_run(exit_code=0), False),
        (_run(exit_code=1, failures=0), False),
    ],
)
def test_only_tests_that_ran_and_failed_are_worth_another_run(result: CheckResult, is_worth_it: bool) -> None:
    assert is_worth_repeating(TESTS, result) is is_worth_it
    assert not is_worth_repeating(TESTS.model_copy(update={"kind": "lint"}), result)


def test_new_tests_on_old_code_run_once_more_at_most() -> None:
    assert [repetitions(phase, 3) for phase in CheckPhase] == [3, 3, 3, 1]
    assert repetitions(CheckPhase.BEFORE, 0) == 0
