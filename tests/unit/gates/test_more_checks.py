"""What the gates make of results: each check is compared with itself, what was not counted is none, and all is said."""

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import Check
from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.review.scans import NOT_AUDITED, TOO_LARGE, Scan, Sighting
from deputy.domain.tasks.request import TaskKind
from deputy.gates import GATES
from deputy.gates.framework.patch_under_review import PatchUnderReview

PATCH, BASE, BASE_TESTS, BEFORE = CheckPhase.PATCH, CheckPhase.BASE, CheckPhase.BASE_TESTS, CheckPhase.BEFORE
TESTS, TYPES = Check(name="tests", run=("pytest",)), Check(name="types", run=("mypy",), bar=Severity.REVIEW)


def result(name: str, phase: CheckPhase, *, passed: bool = True, **more: int | str) -> CheckResult:
    argv = {"tests": ("pytest",), "types": ("mypy",)}.get(name, ("x",))
    check = Check(name=name, run=argv).digest
    fields = {"argv": argv, "check": check, "exit_code": 0, "seconds": 1.0, "log": "l", **more}
    return CheckResult.model_validate({"name": name, "phase": phase, "passed": passed, **fields})


def case(proof: Evidence | None, *checks: Check, kind: TaskKind = TaskKind.OTHER) -> PatchUnderReview:
    path = "tests/x.py" if kind is TaskKind.TEST else "x.py"
    file = FileChange(
        path=path, kind=ChangeKind.ADDED, old_mode="000000", new_mode="100644", old_blob="a", new_blob="b"
    )
    change = TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=(file,))
    return PatchUnderReview(change, lambda side, path: b"a = 1\n", proof, checks, kind)


def said(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{finding.severity} {finding.rule} [{place}] {finding.message} -> {finding.fix}"


def of_checks(*results: CheckResult, kind: TaskKind = TaskKind.OTHER) -> list[str]:
    return [said(finding) for finding in GATES["checks"](case(Evidence(checks=results), TESTS, TYPES, kind=kind))]


# ---------------------------------------------------------------------------------------------------------- checks


def test_each_check_needs_a_result_of_its_own() -> None:
    assert of_checks(result("tests", PATCH), result("types", PATCH)) == []
    assert of_checks(result("tests", PATCH)) == [
        "deny checks/missing [] Check types has no result on the patched tree -> run the checks again"
    ]


def test_a_repository_without_checks_is_asked_about() -> None:
    (finding,) = GATES["checks"](case(Evidence()))
    assert said(finding) == (
        "review checks/none [] This repository names no checks: nothing tells whether the patch works"
        " -> add checks to repos.toml"
    )


def test_checks_without_what_the_patch_asks_to_install_are_said_to_be() -> None:
    proof = Evidence(checks=(result("tests", PATCH),), stale_setup=("package.json", "package-lock.json"))
    (finding,) = GATES["checks"](case(proof, TESTS))
    assert said(finding) == (
        "advise checks/stale-setup [package.json] The checks ran with what was installed for the base:"
        " the patch changes package.json, package-lock.json"
        " -> the next task's checks have what it asks for; try it by hand where that may matter"
    )


def test_a_failing_check_is_said_with_its_summary_and_its_own_bar() -> None:
    results = (
        result("tests", PATCH, passed=False, summary="2 failed"),
        result("types", PATCH, passed=False, summary="1 error"),
    )
    assert of_checks(*results) == [
        "deny checks/failed [] Check tests does not pass: 2 failed -> see the log of this check",
        "review checks/failed [] Check types does not pass: 1 error -> see the log of this check",
    ]


def test_another_checks_failure_before_the_patch_excuses_nothing() -> None:
    failing = result("tests", PATCH, passed=False, failures=1)
    others = (result("types", BASE, passed=False, failures=9), result("types", PATCH))
    assert [line.split()[:2] for line in of_checks(failing, *others)] == [["deny", "checks/failed"]]


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (1, 1, "checks/failed-before"),
        (1, 2, "checks/failed"),
        (2, 1, "checks/failed-before"),
        (0, 1, "checks/failed"),
        (None, 1, "checks/failed"),
        (0, 0, "checks/failed-before"),
        (None, None, "checks/failed-before"),
        (None, 0, "checks/failed"),
        (0, None, "checks/failed"),
        (1, None, "checks/failed"),
    ],
)
def test_a_check_that_failed_before_is_excused_up_to_as_many_failures(
    before: int | None, after: int | None, rule: str
) -> None:
    old = result("tests", BASE, passed=False).model_copy(update={"failures": before})
    new = result("tests", PATCH, passed=False).model_copy(update={"failures": after})
    assert [line.split()[1] for line in of_checks(old, new, result("types", PATCH))] == [rule]


@pytest.mark.parametrize(
    ("before", "after", "rule"), [(0, 1, "failed"), (1, 1, "failed-before"), (1, 0, "failed-before")]
)
def test_a_file_of_tests_that_no_longer_loads_is_not_excused_by_a_failing_test(
    before: int, after: int, rule: str
) -> None:
    old = result("tests", BASE, passed=False, tests=9, failures=1, unloaded=before)
    new = result("tests", PATCH, passed=False, tests=9, failures=1, unloaded=after)
    assert [line.split()[1] for line in of_checks(old, new, result("types", PATCH))] == [f"checks/{rule}"]


def test_a_check_that_fails_with_and_without_the_patch_is_said_so() -> None:
    results = (result("tests", PATCH, passed=False, summary="2 failed"), result("tests", BASE, passed=False))
    assert of_checks(*results, result("types", PATCH)) == [
        (
            "review checks/failed-before [] Check tests does not pass, with or without the patch: 2 failed"
            " -> repair it first, in a request of its own"
        )
    ]


@pytest.mark.parametrize(
    ("before", "after", "is_asked"),
    [(2, 1, True), (1, 1, False), (1, 2, False), (1, 0, True), (1, None, True), (0, None, False), (None, None, False),
     (None, 0, False), (0, 0, False)],
)  # fmt: skip
def test_fewer_tests_than_before_are_asked_about(before: int | None, after: int | None, is_asked: bool) -> None:
    old = result("tests", BASE).model_copy(update={"tests": before})
    new = result("tests", PATCH).model_copy(update={"tests": after})
    message = f"Check tests runs {after or 0} tests on the patch, and {before} on the base"
    asked = [f"review checks/fewer-tests [] {message} -> say which tests went, and why"]
    assert of_checks(old, new, result("types", PATCH)) == (asked if is_asked else [])


def test_tests_are_counted_check_by_check() -> None:
    results = (result("tests", PATCH, tests=3), result("types", BASE, tests=9), result("types", PATCH, tests=9))
    assert of_checks(*results) == []


@pytest.mark.parametrize(
    ("name", "kind", "severity"),
    [
        ("tests", TaskKind.OTHER, "deny"),
        ("tests", TaskKind.FIX, "deny"),
        ("tests", TaskKind.TEST, "review"),
        ("tests", TaskKind.REFACTOR, "review"),
        ("types", TaskKind.OTHER, "review"),
        ("of nobody", TaskKind.OTHER, "deny"),
        ("of nobody", TaskKind.TEST, "review"),
    ],
)
def test_bases_tests_that_fail_on_the_patch(name: str, kind: TaskKind, severity: str) -> None:
    passed = result("tests", PATCH), result("types", PATCH)
    failed = result(name, BASE_TESTS, passed=False, summary="1 failed")
    assert of_checks(*passed, failed, kind=kind) == [
        (
            f"{severity} checks/base-tests [] The base's own tests do not pass on the patched code ({name}: 1 failed)"
            " -> keep the existing tests passing, or ask for the change of behaviour by name"
        )
    ]


# ---------------------------------------------------------------------------------------------------- before, after

_PROOF = "add a test that fails without the change and passes with it"
_SILENT = "Nothing proves that the new tests fail on the old code and pass on the new"


@pytest.mark.parametrize(
    ("proof", "kind", "expected"),
    [
        (Evidence(), TaskKind.FIX, f"review before-after/no-test [] The fix brings no test of its own -> {_PROOF}"),
        (None, TaskKind.FIX, f"review before-after/no-test [] The fix brings no test of its own -> {_PROOF}"),
        (
            Evidence(new_tests=("tests/test_a.py", "t")),
            TaskKind.FIX,
            f"review before-after/unproven [tests/test_a.py] {_SILENT} -> {_PROOF}",
        ),
        (Evidence(new_tests=("t",)), TaskKind.OTHER, f"advise before-after/unproven [t] {_SILENT} -> {_PROOF}"),
        (
            Evidence(new_tests=("t",), fails_before=False, passes_after=True),
            TaskKind.FIX,
            (
                "review before-after/unproven [t] The new tests pass on the old code, too: they do not show what the"
                f" patch changes -> {_PROOF}"
            ),
        ),
        (
            Evidence(new_tests=("t",), fails_before=True, passes_after=False),
            TaskKind.FIX,
            f"review before-after/unproven [t] {_SILENT} -> {_PROOF}",
        ),
        (
            Evidence(
                new_tests=("t",),
                checks=(
                    result("one", BEFORE, summary="no such test"),
                    result("two", BASE, summary="ok"),
                    result("three", BEFORE, summary="broke"),
                ),
            ),
            TaskKind.FIX,
            f"review before-after/unproven [t] {_SILENT} (one: no such test; three: broke) -> {_PROOF}",
        ),
        (
            Evidence(
                new_tests=("t",),
                checks=(result("one", BEFORE, passed=False, failures=1, failed_tests=0, summary="1 error"),),
            ),
            TaskKind.FIX,
            (
                "review before-after/unproven [t] The new tests could not run on the old code, so nothing proves that"
                f" they fail there (one: 1 error) -> {_PROOF}"
            ),
        ),
        (Evidence(new_tests=("t",), fails_before=True, passes_after=True), TaskKind.FIX, ""),
        (Evidence(new_tests=("t",)), TaskKind.REFACTOR, ""),
        (Evidence(), TaskKind.OTHER, ""),
    ],
)
def test_a_fix_without_proof_is_told_why(proof: Evidence | None, kind: TaskKind, expected: str) -> None:
    found = [said(finding) for finding in GATES["before-after"](case(proof, kind=kind))]
    assert found == ([expected] if expected else [])


# ---------------------------------------------------------------------------------------------------------- scanners

_ELSEWHERE = "read it from the environment or a secret store, and revoke it if it was real"


def of_scan(gate: str, *sightings: Sighting, failed: tuple[str, ...] = ()) -> list[str]:
    scan = Scan(scanners=("kingfisher 1", "zizmor 1"), sightings=sightings, failed=failed)
    return [said(finding) for finding in GATES[gate](case(Evidence(scan=scan)))]


def seen(scanner: str, rule: str, *, certain: bool = True) -> Sighting:
    return Sighting(scanner=scanner, rule=rule, path="x.py", line=1, message="what it is", is_certain=certain)


def test_what_scanners_of_credentials_saw_is_said_with_place_and_name() -> None:
    for certain, severity in ((True, "deny"), (False, "review")):
        assert of_scan("secrets", seen("kingfisher", "-Some.Key-", certain=certain)) == [
            (
                f"{severity} secrets/kingfisher-some-key [x.py:1] What looks like a secret is added"
                f" (kingfisher: what it is) -> {_ELSEWHERE}"
            )
        ]
    assert of_scan("secrets", seen("deputy", TOO_LARGE)) == [
        (
            "review secrets/too-large-to-scan [x.py] The file is too large for the scanners that look for credentials"
            " -> read it in full"
        )
    ]


def test_that_no_scanner_looked_is_said_with_the_reasons() -> None:
    for failed, why in (((), "none has run"), (("kingfisher: a", "other: b"), "kingfisher: a; other: b")):
        (finding,) = GATES["secrets"](case(Evidence(scan=Scan(failed=failed))))
        assert said(finding) == (
            f"deny secrets/not-scanned [] No scanner has looked for credentials in 1 files: {why}"
            " -> run the task again; see `deputy doctor`"
        )


def test_what_the_auditor_of_workflows_saw_is_said_with_place_and_remedy() -> None:
    assert of_scan(
        "runs-on-its-own",
        seen("zizmor", "unpinned-uses"),
        seen("zizmor", "other"),
        seen("zizmor", NOT_AUDITED),
        failed=("zizmor: it broke", "kingfisher: x"),
    ) == [
        (
            "review runs-on-its-own/zizmor-unpinned-uses [x.py:1] zizmor: what it is"
            " -> pin the action to a full commit digest"
        ),
        "review runs-on-its-own/zizmor-other [x.py:1] zizmor: what it is -> see docs.zizmor.sh/audits/#other",
        (
            "review runs-on-its-own/not-audited [x.py] zizmor could not audit this file (what it is)"
            " -> read the file in full before you sign off"
        ),
        (
            "review runs-on-its-own/not-audited [] Nobody has audited the workflows that the patch changes"
            " (zizmor: it broke) -> read the file in full before you sign off"
        ),
    ]


# ---------------------------------------------------------------------------------------------------------- flaky

COMES_AND_GOES = "flaky: failed 1 of 3 runs: test_x"


def flaky(phase: CheckPhase, name: str = "tests") -> CheckResult:
    return result(name, phase, passed=False, exit_code=1, failures=1, is_flaky=True, summary=COMES_AND_GOES)


@pytest.mark.parametrize(
    ("base", "severity"),
    [
        ((), "review"),
        ((result("tests", BASE),), "review"),
        ((flaky(BASE),), "advise"),
        ((result("tests", BASE, passed=False, summary="1 failed"),), "advise"),
        ((flaky(BASE, "types"),), "review"),
    ],
)
def test_what_fails_by_chance_is_reviewed_unless_it_did_before(base: tuple[CheckResult, ...], severity: str) -> None:
    said = of_checks(flaky(PATCH), result("types", PATCH), *base)
    assert [each.split(" [")[0] for each in said] == [f"{severity} checks/flaky"]
    assert COMES_AND_GOES in said[0]


def test_bases_own_tests_that_fail_by_chance_are_reviewed_too() -> None:
    said = of_checks(result("tests", PATCH), result("types", PATCH), flaky(BASE_TESTS))
    assert [each.split(" [")[0] for each in said] == ["review checks/flaky"]


def test_a_flaky_base_does_not_excuse_what_fails_every_time() -> None:
    always = result("tests", PATCH, passed=False, exit_code=1, failures=1, summary="1 failed")
    said = of_checks(always, result("types", PATCH), flaky(BASE))
    assert [each.split(" [")[0] for each in said] == ["deny checks/failed"]


def test_a_result_that_calls_itself_passed_and_flaky_is_flaky() -> None:
    said = of_checks(result("tests", PATCH, is_flaky=True), result("types", PATCH))
    assert [each.split(" [")[0] for each in said] == ["review checks/flaky"]


# ---------------------------------------------------------------------------------------------------------- names


def test_failing_tests_are_named_as_far_as_anybody_reads() -> None:
    def named(count: int) -> CheckResult:
        names = tuple(f"test_{number}" for number in range(count))
        failed = result("tests", PATCH, passed=False, exit_code=1, summary=f"{count} failed")
        return failed.model_copy(update={"broken_tests": names})

    assert "does not pass: 2 failed – test_0, test_1 ->" in of_checks(named(2), result("types", PATCH))[0]
    assert "– test_0, test_1, test_2, test_3, test_4, … ->" in of_checks(named(9), result("types", PATCH))[0]
