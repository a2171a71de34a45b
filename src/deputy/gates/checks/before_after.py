"""Whether a fix is shown to fix: its tests fail on the old code and pass on the new."""

from collections.abc import Iterator

from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import CheckPhase, Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.tasks.request import TaskKind
from deputy.gates.framework.patch_under_review import PatchUnderReview, found

_FIX = "add a test that fails without the change and passes with it"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person when a fix comes without such a proof; note it for work of a kind that may be one."""
    proof = case.proof or Evidence()
    if proof.fails_before and proof.passes_after:
        return
    if case.kind is TaskKind.FIX and not proof.new_tests:
        yield found("before-after/no-test", Severity.REVIEW, "The fix brings no test of its own", fix=_FIX)
    elif proof.new_tests and case.kind in {TaskKind.FIX, TaskKind.OTHER}:
        severity = Severity.REVIEW if case.kind is TaskKind.FIX else Severity.ADVISE
        yield found("before-after/unproven", severity, _why(proof), proof.new_tests[0], fix=_FIX)


def _why(proof: Evidence) -> str:
    if proof.fails_before is False:
        return "The new tests pass on the old code, too: they do not show what the patch changes"
    before = [result for result in proof.checks if result.phase is CheckPhase.BEFORE]
    said = f" ({'; '.join(f'{result.name}: {result.summary}' for result in before)})" if before else ""
    if any(result.failed_tests == 0 and result.failures for result in before):
        return f"The new tests could not run on the old code, so nothing proves that they fail there{said}"
    return f"Nothing proves that the new tests fail on the old code and pass on the new{said}"
