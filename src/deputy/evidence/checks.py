"""Whether a check passed: exit status and parsed output must agree, and a test run must have run tests."""

from deputy.domain.config import Check
from deputy.domain.dialogue import CommandResult
from deputy.domain.values import CheckPhase, CheckResult
from deputy.evidence.reports import TestReport, lint_errors, parse_report

_PARSED_BYTES = 512 * 1024  # reports stand at the end of the output


def judge_check(check: Check, phase: CheckPhase, result: CommandResult, log_digest: str) -> CheckResult:
    """What a command in a fresh sandbox says about a tree; ``log_digest`` names the blob of its output.

    Passed means: exit status 0, in time, and nothing in the output says otherwise. A check of kind ``tests`` must also
    show a report that we recognise, with at least one test that ran: silence is not success.
    """
    output = result.output[-_PARSED_BYTES:].decode("utf-8", "replace")
    report = parse_report(output)
    complaint = _complaint(check, result, report, output)
    return CheckResult(
        name=check.name,
        phase=phase,
        argv=result.argv,
        exit_code=result.exit_code,
        passed=not complaint,
        seconds=result.seconds,
        log=log_digest,
        tests=report.tests if report else None,
        failures=report.broken if report else None,
        summary=complaint or (report.sentence if report else "") or "passed",
    )


def _complaint(check: Check, result: CommandResult, report: TestReport | None, output: str) -> str:
    """Why the check did not pass, as one short sentence, or nothing."""
    if result.timed_out:
        return f"timed out after {result.seconds:.0f} s"
    if result.exit_code:
        return _failure(result.exit_code, report, lint_errors(output))
    if report and report.broken:
        return f"{report.sentence}, although the exit status is 0"
    if check.kind == "tests":
        return _nothing_ran(report)
    remaining = lint_errors(output)
    return f"{remaining} errors, although the exit status is 0" if remaining else ""


def _failure(exit_code: int, report: TestReport | None, errors: int) -> str:
    how = f"killed by signal {-exit_code}" if exit_code < 0 else f"exit {exit_code}"
    if report and report.broken:
        return report.sentence
    if report and report.tests == 0:
        return f"no tests ran ({how})"
    if report is None and errors:
        return f"{errors} {'error' if errors == 1 else 'errors'}"
    return f"{how}, although the output says {report.sentence}" if report and report.sentence else how


def _nothing_ran(report: TestReport | None) -> str:
    if report is None:
        return "exit 0, but no test report was recognised in the output"
    if report.tests == 0:
        return f"no tests ran ({report.sentence})" if report.sentence else "no tests ran"
    return ""
