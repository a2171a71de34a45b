"""The repository's checks on the patched tree, as fresh sandboxes saw them."""

from collections.abc import Iterator

from deputy.domain.config import Check
from deputy.domain.values import CheckPhase, CheckResult, Finding, Severity, TaskKind
from deputy.gates.case import Case, found
from deputy.gates.verdict import lower

# Work whose point is that tests change: base's own tests may then fail, and a person says whether they should.
_CHANGES_TESTS = frozenset({TaskKind.REFACTOR, TaskKind.TEST})
_REPAIR = "repair it first, in a request of its own"


def judge(case: Case) -> Iterator[Finding]:
    """Every check must have run and passed on the patch; base's own tests too; and no test may have gone missing.

    A check's ``bar`` is the most that its failing does. That it has no result denies whatever its bar.
    """
    if not case.checks:
        message = "This repository names no checks: nothing tells whether the patch works"
        yield found("checks/none", Severity.REVIEW, message, fix="add checks to repos.toml")
    for check in case.checks:
        yield from _on_patch(case, check)
    for result in _results(case, CheckPhase.BASE_TESTS):
        if not result.passed:
            yield _base_tests(case, result)


def _results(case: Case, phase: CheckPhase, name: str = "") -> list[CheckResult]:
    results = case.proof.checks if case.proof else ()
    return [result for result in results if result.phase is phase and name in {"", result.name}]


def _on_patch(case: Case, check: Check) -> Iterator[Finding]:
    results = _results(case, CheckPhase.PATCH, check.name)
    if not results:
        message = f"Check {check.name} has no result on the patched tree"
        yield found("checks/missing", Severity.DENY, message, fix="run the checks again")
    for result in results:
        if not result.passed:
            yield _failed(case, result, check.bar)
        yield from _fewer(case, result)


def _failed(case: Case, result: CheckResult, bar: Severity) -> Finding:
    """A check that was as bad before the patch is not the patch's doing, and a person decides; else its bar does."""
    before = [one for one in _results(case, CheckPhase.BASE, result.name) if not one.passed]
    if before and all((one.failures or 0) >= (result.failures or 0) for one in before):
        message = f"Check {result.name} does not pass, with or without the patch: {result.summary}"
        return found("checks/failed-before", lower(bar, Severity.REVIEW), message, fix=_REPAIR)
    message = f"Check {result.name} does not pass: {result.summary}"
    return found("checks/failed", bar, message, fix="see the log of this check")


def _fewer(case: Case, after: CheckResult) -> Iterator[Finding]:
    for before in _results(case, CheckPhase.BASE, after.name):
        if (before.tests or 0) > (after.tests or 0):
            message = f"Check {after.name} runs {after.tests or 0} tests on the patch, and {before.tests} on the base"
            yield found("checks/fewer-tests", Severity.REVIEW, message, fix="say which tests went, and why")


def _base_tests(case: Case, result: CheckResult) -> Finding:
    bars = {check.name: check.bar for check in case.checks}
    severity = Severity.REVIEW if case.kind in _CHANGES_TESTS else Severity.DENY
    message = f"The base's own tests do not pass on the patched code ({result.name}: {result.summary})"
    fix = "keep the existing tests passing, or ask for the change of behaviour by name"
    return found("checks/base-tests", lower(severity, bars.get(result.name, Severity.DENY)), message, fix=fix)
