"""What a test runner or linter says of itself in its output: numbers to hold against its exit status."""

import re
from collections.abc import Iterator
from dataclasses import replace

from deputy.evidence.claims import TestReport, number, together
from deputy.evidence.runners import go as go_output
from deputy.evidence.runners import node as node_output
from deputy.evidence.runners import python as python_output

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b[@-_]")
_CARGO = re.compile(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed;", re.MULTILINE)
_CARGO_UNBUILT = re.compile(r"^Couldn't compile the test\.$", re.MULTILINE)
_NEXTEST = re.compile(r"^ *Summary \[[> \d.]+s\] +(?:\d+/)?(\d+) tests? run: (\d+ .*)$", re.MULTILINE)
_NEXTEST_BROKEN = re.compile(r"(\d+) (?:failed|timed out|exec failed)\b")
_LINT = re.compile(r"^Found (\d+) errors?(?: in \d+ files?.*| \((?:\d+ fixed, )?(\d+) remaining\)|)\.?$", re.MULTILINE)


def parse_report(output: str, *, is_whole: bool = True) -> TestReport | None:
    """What the runners recognised in the output claim (pytest, unittest, jest, vitest, TAP, cargo, go), or None.

    A run may hold several reports; they count together. ``is_whole`` is False where the output was cut.
    """
    text = go_output.plain(_ANSI.sub("", output).replace("\r\n", "\n"))
    report = together(_reports(text, is_whole=is_whole))
    return replace(report, names=(*python_output.names(text), *report.names)) if report and report.broken else report


def lint_errors(output: str) -> int:
    """How many errors a linter or type checker says remain ("Found 3 errors"), 0 when it says nothing."""
    return sum(number(match[2] or match[1]) for match in _LINT.finditer(_ANSI.sub("", output)))


def _reports(text: str, *, is_whole: bool) -> Iterator[TestReport]:
    yield from python_output.reports(text)
    yield from _cargo(text)
    yield from go_output.reports(text)
    yield from node_output.reports(text, is_whole=is_whole)


def _cargo(text: str) -> Iterator[TestReport]:
    """What cargo's own runner says, where examples in comments that don't compile count as failed, and nextest."""
    counted = [(number(match[1]), number(match[2])) for match in _CARGO.finditer(text)]
    if found := together(TestReport(tests=passed + failed, failures=failed) for passed, failed in counted):
        unloaded = min(found.failures, len(_CARGO_UNBUILT.findall(text)))
        yield replace(found, tests=(found.tests or 0) - unloaded, unloaded=unloaded)
    for match in _NEXTEST.finditer(text):
        broken = sum(number(digits) for digits in _NEXTEST_BROKEN.findall(match[2]))
        yield TestReport(tests=number(match[1]), failures=broken)
