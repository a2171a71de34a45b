"""Which trees are tested, and what their results prove."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.evidence import Overlay, new_test_files, overlays, proof

TESTS = Check(name="tests", run=("pytest",), kind="tests", tests=("tests/**",))
LINT = Check(name="lint", run=("ruff",), kind="lint")


def _change(**kinds: str) -> TreeChange:
    paths = {name.replace("__", "/").replace("_py", ".py"): kind for name, kind in kinds.items()}
    files = tuple(
        FileChange(path=path, kind=ChangeKind(kind), old_mode="100644", new_mode="100644", old_blob="a", new_blob="b")
        for path, kind in paths.items()
    )
    return TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=files)


def _result(
    phase: CheckPhase, *, passed: bool, failures: int | None = None, exit_code: int | None = None
) -> CheckResult:
    return CheckResult(
        name="tests",
        phase=phase,
        argv=("pytest",),
        exit_code=(0 if passed else 1) if exit_code is None else exit_code,
        passed=passed,
        seconds=1,
        log="l",
        tests=3,
        failures=(0 if passed else 1) if failures is None else failures,
    )


def _prove(*results: CheckResult) -> Evidence:
    return proof(_change(tests__test_x_py="added", shop__x_py="modified"), (TESTS, LINT), results)


GOOD = (_result(CheckPhase.PATCH, passed=True), _result(CheckPhase.BASE, passed=True))


def test_new_tests_are_added_or_modified_files_that_a_check_names() -> None:
    change = _change(
        tests__a_py="added", tests__b_py="modified", tests__c_py="deleted", tests__d_py="mode", e_py="added"
    )
    assert new_test_files(change, (TESTS, LINT)) == ("tests/a.py", "tests/b.py")


def test_a_patch_without_tests_needs_only_itself() -> None:
    assert overlays(_change(shop__x_py="modified"), (TESTS,)) == (Overlay(CheckPhase.PATCH, "head"),)


def test_the_trees_of_a_patch_with_tests() -> None:
    change = _change(tests__a_py="added", tests__b_py="modified", tests__c_py="deleted", shop__x_py="modified")
    assert overlays(change, (TESTS,)) == (
        Overlay(CheckPhase.PATCH, "head"),
        Overlay(CheckPhase.BASE_TESTS, "head", ("tests/b.py", "tests/c.py"), ("tests/a.py",)),
        Overlay(CheckPhase.BASE, "base"),
        Overlay(CheckPhase.BEFORE, "base", ("tests/a.py", "tests/b.py")),
    )


@pytest.mark.parametrize("name", ["conftest_py", "lib__conftest_py"])
def test_an_added_conftest_anywhere_is_taken_away_from_bases_tests(name: str) -> None:
    patch, base_tests = overlays(_change(**{name: "added"}), (TESTS,))
    assert patch.phase is CheckPhase.PATCH
    assert base_tests.remove == (name.replace("__", "/").replace("_py", ".py"),)


def test_failing_before_and_passing_after_is_proven() -> None:
    done = _prove(*GOOD, _result(CheckPhase.BEFORE, passed=False))
    assert (done.fails_before, done.passes_after, done.new_tests) == (True, True, ("tests/test_x.py",))


@pytest.mark.parametrize(
    ("results", "fails_before"),
    [
        ((*GOOD, _result(CheckPhase.BEFORE, passed=True)), False),
        (GOOD, None),
        ((), None),
        # Tests that could not start have not failed: an import of what only the patch defines proves nothing.
        ((*GOOD, _result(CheckPhase.BEFORE, passed=False, failures=1, exit_code=2)), None),
        ((*GOOD, _result(CheckPhase.BEFORE, passed=False, failures=0, exit_code=1)), None),
        ((*GOOD, _result(CheckPhase.BEFORE, passed=False, failures=1, exit_code=-9)), None),
        # A base that fails by itself explains a failure without the new tests.
        ((GOOD[0], _result(CheckPhase.BASE, passed=False), _result(CheckPhase.BEFORE, passed=False)), None),
        ((GOOD[0], _result(CheckPhase.BEFORE, passed=False)), None),
        ((_result(CheckPhase.PATCH, passed=False), GOOD[1], _result(CheckPhase.BEFORE, passed=False)), None),
    ],
)
def test_everything_else_is_not(results: tuple[CheckResult, ...], fails_before: bool | None) -> None:
    assert _prove(*results).fails_before is fails_before


def test_without_new_tests_nothing_is_claimed() -> None:
    done = proof(_change(shop__x_py="modified"), (TESTS,), (*GOOD, _result(CheckPhase.BEFORE, passed=False)))
    assert (done.fails_before, done.passes_after) == (None, None)


# ------------------------------------------------------------------------------------------------------ flaky

_RESULTS = st.builds(
    lambda phase, passed, is_flaky, failures, exit_code: _result(
        phase, passed=passed, failures=failures, exit_code=exit_code
    ).model_copy(update={"is_flaky": is_flaky}),
    st.sampled_from(list(CheckPhase)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    st.integers(-9, 5),
)
_STEADY = (_result(CheckPhase.PATCH, passed=True), _result(CheckPhase.BASE, passed=True))


@given(st.lists(_RESULTS, max_size=8))
def test_what_is_flaky_proves_nothing(results: list[CheckResult]) -> None:
    done = _prove(*results)
    flaky = {result.phase for result in results if result.is_flaky}
    if flaky & {CheckPhase.PATCH, CheckPhase.BASE, CheckPhase.BEFORE}:
        assert done.fails_before is not True
    if CheckPhase.PATCH in flaky:
        assert done.passes_after is not True


@given(st.permutations([*_STEADY, _result(CheckPhase.BEFORE, passed=False)]), st.integers(0, 2))
def test_one_flaky_result_takes_a_proof_away(results: list[CheckResult], which: int) -> None:
    assert _prove(*results).fails_before is True
    results[which] = results[which].model_copy(update={"is_flaky": True})
    assert _prove(*results).fails_before is None


@given(st.lists(_RESULTS, max_size=8), _RESULTS)
def test_one_more_flaky_result_never_makes_a_proof(results: list[CheckResult], more: CheckResult) -> None:
    flaky = more.model_copy(update={"is_flaky": True, "passed": False})
    before, after = _prove(*results), _prove(*results, flaky)
    assert (after.fails_before, after.passes_after) == (before.fails_before, before.passes_after) or (
        after.fails_before is not True and (after.passes_after is not True or before.passes_after is True)
    )
