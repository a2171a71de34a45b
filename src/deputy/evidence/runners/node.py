"""What jest, vitest and writers of TAP (node's own runner, mocha, ava, tape) print of a run."""

import re
from collections.abc import Iterator
from dataclasses import replace

from deputy.evidence.claims import TestReport, number, together
from deputy.evidence.runners.formats import TooMuch, tap_report
from deputy.evidence.runners.python import worded
from deputy.evidence.runners.unstarted import is_file

_TESTS = re.compile(r"^ *Tests:? +((?:\d+ [a-z]+(?:, | \| )?)+|no tests$)", re.MULTILINE)
# A file that throws while it loads is in no count of tests: jest gives it a heading, vitest counts such files in one.
_JEST_UNLOADED = re.compile(r"^ *● Test suite failed to run$", re.MULTILINE)
_VITEST_UNLOADED = re.compile(r"^⎯+ Failed Suites (\d+) ⎯+$", re.MULTILINE)
_TAP_SUMMARY = re.compile(r"^(?:#|ℹ) (pass|fail|skipped|cancelled) (\d+)$", re.MULTILINE)
_TAP_VERSION = re.compile(r"^TAP version \d", re.MULTILINE)
# Each stands in its place and once more at the end, with the same time.
_NODE_FAILED = re.compile(r"^✖ (\S+) (\([\d.]+ms\))$", re.MULTILINE)


def reports(text: str, *, is_whole: bool) -> Iterator[TestReport]:
    """The claims of all of them."""
    if found := together(worded(match[1]) for match in _TESTS.finditer(text)):
        unloaded = len(_JEST_UNLOADED.findall(text)) + sum(map(number, _VITEST_UNLOADED.findall(text)))
        yield replace(found, errors=found.errors + unloaded, unloaded=unloaded)
    yield from _tap(text, is_whole=is_whole)


def _tap(text: str, *, is_whole: bool) -> Iterator[TestReport]:
    """TAP by its lines, and by the summary that some producers add, which knows the tests inside of subtests, too."""
    lines = _tap_lines(text, is_whole=is_whole)
    found = _TAP_SUMMARY.findall(text)
    if not found:
        yield from [lines] if lines else []
        return
    summary = _summary(found, len({found for found in _NODE_FAILED.findall(text) if is_file(found[0])}))
    # What one of them calls broken is broken.
    if lines and not summary.broken:
        yield replace(lines, tests=summary.tests)
    else:
        yield _with_lines(summary, lines) if lines else summary


def _tap_lines(text: str, *, is_whole: bool) -> TestReport | None:
    try:
        lines = tap_report(text, is_whole=is_whole)
    except (TooMuch, ValueError):
        return None
    if lines and lines.tests == 0 and lines.broken and not _TAP_VERSION.search(text):
        return None  # a lone "1..10" is no test run
    return lines


def _summary(found: list[tuple[str, str]], files: int) -> TestReport:
    """From the counts of a summary; what was cancelled did not run, and ``files`` of the failed are no tests."""
    count = {word: sum(number(digits) for name, digits in found if name == word) for word, _ in found}
    passed, failed, cancelled = (count.get(word, 0) for word in ("pass", "fail", "cancelled"))
    unloaded = min(files, failed)
    return TestReport(
        tests=passed + failed + cancelled - unloaded,
        failures=failed,
        errors=cancelled,
        skipped=count.get("skipped", 0),
        unloaded=unloaded,
        unready=cancelled,
    )


def _with_lines(summary: TestReport, lines: TestReport) -> TestReport:
    """A summary, with the names of the lines, and with what they know of files and hooks among the failed."""
    unloaded = min(summary.unloaded + lines.unloaded, summary.failures)
    tests = (summary.tests or 0) + summary.unloaded - unloaded
    return replace(summary, tests=tests, names=lines.names, unloaded=unloaded, unready=summary.unready + lines.unready)
