"""Whether a check passed: exit status, parsed output and report must agree, and a test run must have run tests."""

from dataclasses import dataclass

from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult
from deputy.domain.tasks.dialogue import CommandResult
from deputy.evidence.claims import TestReport
from deputy.evidence.runners.formats import Unreadable, read_report
from deputy.evidence.runners.reports import lint_errors, parse_report
from deputy.evidence.text import presentable

MAX_NAMES, MAX_NAME_CHARACTERS = 20, 200
_PARSED_BYTES = 512 * 1024  # reports stand at the end of the output


@dataclass(frozen=True)
class ReportFile:
    """The report that a command wrote: its bytes, or None and ``why``; ``digest`` names the blob that keeps it."""

    content: bytes | None
    why: str = ""
    digest: str = ""


@dataclass(frozen=True)
class _Heard:
    """What was learned of a run. ``report`` is the configured one; ``flaw`` says why there is none."""

    check: Check
    result: CommandResult
    output: TestReport | None
    errors: int
    report: TestReport | None
    flaw: str

    @property
    def claim(self) -> TestReport | None:
        return self.report or self.output

    @property
    def claims(self) -> list[TestReport]:
        return [claim for claim in (self.report, self.output) if claim]


def judge_check(
    check: Check, phase: CheckPhase, result: CommandResult, log_digest: str, report: ReportFile | None = None
) -> CheckResult:
    """What a command in a fresh sandbox says about a tree; ``log_digest`` names the blob of its output.

    Passed means: exit status 0, in time, and neither the output nor the report says otherwise. A check that names a
    report must have written it. A check of kind ``tests`` must also show in one of them, in words that we recognise, at
    least one test that ran: silence is not success.
    """
    heard = _hear(check, result, report)
    complaint, claim = _complaint(heard), heard.claim
    return CheckResult(
        name=check.name,
        phase=phase,
        argv=result.argv,
        exit_code=result.exit_code,
        passed=not complaint,
        seconds=result.seconds,
        log=log_digest,
        tests=claim.tests if claim else None,
        failures=max((claim.broken for claim in heard.claims), default=None),
        # The more careful of the two: what one of them says did not run has not failed.
        failed_tests=min((claim.failed for claim in heard.claims), default=None),
        unloaded=max((claim.unloaded for claim in heard.claims), default=0),
        summary=complaint or (claim.sentence if claim else "") or "passed",
        broken_tests=_names(claim) if claim else (),
        check=check.digest,
        report=report.digest if report else "",
    )


def _hear(check: Check, result: CommandResult, report: ReportFile | None) -> _Heard:
    text = result.output[-_PARSED_BYTES:].decode("utf-8", "replace")
    is_whole = not result.truncated and len(result.output) <= _PARSED_BYTES
    output, errors = parse_report(text, is_whole=is_whole), lint_errors(text)
    read = _read(check, report)
    if isinstance(read, Unreadable):
        return _Heard(check, result, output, errors, None, presentable(read.why, 300))
    return _Heard(check, result, output, errors, read, "")


def _read(check: Check, report: ReportFile | None) -> TestReport | Unreadable | None:
    if not check.report:
        return None
    if report is None or report.content is None:
        why = report.why if report else ""
        return Unreadable(f"there is no report at {check.report}{f' ({why})' if why else ''}")
    read = read_report(check.report, report.content)
    return (
        Unreadable(f"the report at {check.report} can't be used: {read.why}") if isinstance(read, Unreadable) else read
    )


def _complaint(heard: _Heard) -> str:
    """Why the check did not pass, as one short sentence, or nothing."""
    if heard.result.timed_out:
        return f"timed out after {heard.result.seconds:.0f} s"
    if heard.result.exit_code:
        return _failure(heard)
    return _contradiction(heard) or (_nothing_ran(heard.claim) if heard.check.kind == "tests" else "")


def _contradiction(heard: _Heard) -> str:
    """What speaks against an exit status of 0."""
    if heard.flaw:
        return f"exit 0, but {heard.flaw}"
    if heard.claim and heard.claim.broken:
        return f"{heard.claim.sentence}, although the exit status is 0"
    if heard.errors and not heard.report and heard.check.kind != "tests":
        return f"{heard.errors} errors, although the exit status is 0"
    return _disagreement(heard)


def _failure(heard: _Heard) -> str:
    code, claim = heard.result.exit_code, heard.claim
    how = f"killed by signal {-code}" if code < 0 else f"exit {code}"
    if claim and claim.broken:
        return _disagreement(heard) or claim.sentence
    if claim and claim.tests == 0:
        return f"no tests ran ({how})"
    if claim is None and heard.errors:
        return f"{heard.errors} {'error' if heard.errors == 1 else 'errors'}"
    if heard.flaw:
        return f"{how}, and {heard.flaw}"
    source = "report" if heard.report else "output"
    return f"{how}, although the {source} says {claim.sentence}" if claim and claim.sentence else how


def _disagreement(heard: _Heard) -> str:
    """How output and report contradict each other, in what all runners agree on: is anything broken, did anything run.

    Beyond that they count differently what is expected to fail, what is parametrised, what breaks on its way out.
    """
    output, report = heard.output, heard.report
    if output is None or report is None:
        return ""
    broken = bool(output.broken) == bool(report.broken)
    if broken and (output.tests is None or bool(output.tests) == bool(report.tests)):
        return ""
    return f"the report says {report.sentence or 'nothing ran'}, and the output {output.sentence or 'nothing ran'}"


def _nothing_ran(report: TestReport | None) -> str:
    if report is None:
        return "exit 0, but no test report was recognised in the output"
    if report.tests == 0:
        return f"no tests ran ({report.sentence})" if report.sentence else "no tests ran"
    return ""


def _names(claim: TestReport) -> tuple[str, ...]:
    """The broken tests, each once and as one line, fit to be shown; a last entry counts those that are left out."""
    every = tuple(dict.fromkeys(claim.names))
    shown = [" ".join(presentable(name, MAX_NAME_CHARACTERS).split()) for name in every[:MAX_NAMES]]
    more = len(every) - MAX_NAMES
    return (*shown, f"… and {more} more") if more > 0 else tuple(shown)
