"""The repository's checks on the patched tree, as fresh sandboxes saw them."""

from collections.abc import Iterator, Sequence

from deputy.domain.policy.config import Check
from deputy.domain.policy.decision import Severity
from deputy.domain.policy.effects import milder
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.domain.review.finding import Finding
from deputy.domain.tasks.request import TaskKind
from deputy.gates.checks import claimed_kind
from deputy.gates.framework.patch_under_review import PatchUnderReview, found

# Work whose point is that tests change: base's own tests may then fail, and a person says whether they should.
_CHANGES_TESTS = frozenset({TaskKind.REFACTOR, TaskKind.TEST})
_REPAIR = "repair it first, in a request of its own"
_MAX_NAMED = 5
_NEXT_TIME = "the next task's checks have what it asks for; try it by hand where that may matter"
_STEADY = "see the logs of its runs; make the tests that come and go steady"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Every check must have run and passed on the patch; base's own tests too; and no test may have gone missing.

    A check's ``bar`` is the most that its failing does. That it has no result denies whatever its bar; and what was run
    otherwise, as another command or with other settings, gave no result of it, whatever it was called. What fails by
    chance has not passed: a person looks at it, unless it does so without the patch, too.
    """
    if not case.checks:
        message = "This repository names no checks: nothing tells whether the patch works"
        yield found("checks/none", Severity.REVIEW, message, fix="add checks to repos.toml")
    for check in case.checks:
        yield from _on_patch(case, check)
    for result in _results(case, CheckPhase.BASE_TESTS):
        if result.is_flaky:
            yield _flaky(case, result, "The base's own tests of check")
        elif not result.passed:
            yield _base_tests(case, result)
    if case.checks and case.proof and case.proof.stale_setup:
        yield _stale_setup(case.proof.stale_setup)
    yield from claimed_kind.judge(case)


def _results(case: PatchUnderReview, phase: CheckPhase) -> list[CheckResult]:
    return [result for result in (case.proof.checks if case.proof else ()) if result.phase is phase]


def _results_of(case: PatchUnderReview, phase: CheckPhase, check: Check) -> list[CheckResult]:
    """What this very check gave: another policy can give its name to another command, environment or report.

    Evidence from before results said what was asked for (``CheckResult.check`` is empty) counts for nothing.
    """
    asked = (check.name, check.run, check.digest)
    return [each for each in _results(case, phase) if (each.name, each.argv, each.check) == asked]


def _on_patch(case: PatchUnderReview, check: Check) -> Iterator[Finding]:
    results = _results_of(case, CheckPhase.PATCH, check)
    if not results:
        message = f"Check {check.name} has no result on the patched tree{_how_else(case, check)}"
        yield found("checks/missing", Severity.DENY, message, fix="run the checks again")
    before = _results_of(case, CheckPhase.BASE, check)
    for result in results:
        if result.is_flaky:
            yield _flaky(case, result, "Check")
        elif not result.passed:
            yield _failed(result, before, check.bar)
        yield from _fewer(result, before)


def _how_else(case: PatchUnderReview, check: Check) -> str:
    """What was run under the check's name instead of it, as a clause."""
    others = [result for result in _results(case, CheckPhase.PATCH) if result.name == check.name]
    if not others:
        return ""
    if all(result.argv == check.run for result in others):
        return ": it was run with other settings, or before results told them"
    return ": it was run as another command"


def _flaky(case: PatchUnderReview, result: CheckResult, what: str) -> Finding:
    """Advice where it fails without the patch, too; else the patch may be why, and a person has to say."""
    check = next((check for check in case.checks if check.name == result.name), None)
    before = [one for one in (_results_of(case, CheckPhase.BASE, check) if check else []) if not one.passed]
    severity = Severity.ADVISE if before else Severity.REVIEW
    base = f"; without the patch: {before[0].summary}" if before else ""
    message = f"{what} {result.name} does not always pass ({result.summary}){base}"
    return found("checks/flaky", milder(check.bar if check else Severity.DENY, severity), message, fix=_STEADY)


def _failed(after: CheckResult, before: list[CheckResult], bar: Severity) -> Finding:
    """A check that was as bad before the patch is not the patch's doing, and a person decides; else its bar does."""
    failed = [one for one in before if not one.passed and not one.is_flaky]
    if failed and all(_is_as_bad(one, after) for one in failed):
        message = f"Check {after.name} does not pass, with or without the patch: {after.summary}"
        return found("checks/failed-before", milder(bar, Severity.REVIEW), message, fix=_REPAIR)
    message = f"Check {after.name} does not pass: {after.summary}{_named(after)}"
    return found("checks/failed", bar, message, fix="see the log of this check")


def _stale_setup(paths: tuple[str, ...]) -> Finding:
    message = f"The checks ran with what was installed for the base: the patch changes {_some(paths)}"
    return found("checks/stale-setup", Severity.ADVISE, message, paths[0], fix=_NEXT_TIME)


def _named(result: CheckResult) -> str:
    """The first of the failing tests, where they are known: what the agent repairs and the approver looks at."""
    return f" – {_some(result.broken_tests)}" if result.broken_tests else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")


def _is_as_bad(before: CheckResult, after: CheckResult) -> bool:
    """Whether ``before`` excuses ``after``; failures that nobody counted are as bad only as others of the same end."""
    if before.failures is None or after.failures is None:
        return before.failures is after.failures and before.exit_code == after.exit_code
    ran_nothing = after.tests == 0 and before.tests != 0  # no failures, because nothing could fail
    hides_more = after.unloaded > before.unloaded  # one file that can't be loaded stands for all the tests in it
    return before.failures >= after.failures and not ran_nothing and not hides_more


def _fewer(after: CheckResult, results: list[CheckResult]) -> Iterator[Finding]:
    for before in results:
        if (before.tests or 0) > (after.tests or 0):
            message = f"Check {after.name} runs {after.tests or 0} tests on the patch, and {before.tests} on the base"
            yield found("checks/fewer-tests", Severity.REVIEW, message, fix="say which tests went, and why")


def _base_tests(case: PatchUnderReview, result: CheckResult) -> Finding:
    bars = {check.name: check.bar for check in case.checks}
    severity = Severity.REVIEW if case.kind in _CHANGES_TESTS else Severity.DENY
    message = f"The base's own tests do not pass on the patched code ({result.name}: {result.summary}{_named(result)})"
    fix = "keep the existing tests passing, or ask for the change of behaviour by name"
    return found("checks/base-tests", milder(severity, bars.get(result.name, Severity.DENY)), message, fix=fix)
