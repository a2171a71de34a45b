"""A check that fails may fail by chance: which failures are worth another run, and what several runs say together."""

from collections.abc import Sequence

from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.evidence.proofs import NOT_RUN

MAX_NAMED = 3


def repetitions(phase: CheckPhase, limit: int) -> int:
    """How often a failing check of a phase is run again.

    New tests on old code are expected to fail, so one repetition is the price of every proof, and no more.
    """
    return min(limit, 1) if phase is CheckPhase.BEFORE else limit


def is_worth_repeating(check: Check, result: CheckResult) -> bool:
    """Whether a failure may be one by chance: tests ran and failed by the command's own account, or it was killed.

    What contradicts itself (exit status 0 and a failing test, a report that is missing) is no accident, nor is a test
    file that can't be imported or built.
    """
    if check.kind != "tests" or result.passed:
        return False
    return result.exit_code < 0 or (result.exit_code > 0 and _may_be_chance(result))


def _may_be_chance(result: CheckResult) -> bool:
    if result.failed_tests is not None:
        return (result.failures or 0) > result.unloaded
    if result.exit_code in NOT_RUN and (result.tests or 0) <= (result.failures or 0):
        return False
    return bool(result.failures)


def of_runs(runs: Sequence[CheckResult]) -> CheckResult:
    """What runs of one check on one tree, each in a fresh sandbox, say together: the first failing one speaks for all.

    Where some passed and some did not it is flaky, and has not passed: whether that matters is for the gates to say.
    """
    failed = [run for run in runs if not run.passed]
    speaker = failed[0] if failed else runs[0]
    told = speaker.model_copy(update={"reruns": tuple(run.log for run in runs if run is not speaker)})
    if not failed or len(failed) == len(runs):
        return told
    names = tuple(dict.fromkeys(name for run in failed for name in run.broken_tests))
    return told.model_copy(
        update={
            "is_flaky": True,
            "summary": f"flaky: failed {len(failed)} of {len(runs)} runs{_listed(names) or f': {speaker.summary}'}",
            "broken_tests": names,
            "failures": max((run.failures for run in failed if run.failures is not None), default=None),
        }
    )


def _listed(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = len(names) - MAX_NAMED
    return f": {', '.join(names[:MAX_NAMED])}" + (f" and {more} more" if more > 0 else "")
