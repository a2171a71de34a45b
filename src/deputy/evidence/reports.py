"""What a test runner or linter says of itself in its output: numbers to hold against its exit status."""

import re
from collections.abc import Iterator
from dataclasses import replace

from deputy.evidence.claims import TestReport, number, together
from deputy.evidence.formats import TooMuch, tap_report

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b[@-_]")
_PYTEST_WORD = r"(?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|rerun|subtests passed)"
_PYTEST = re.compile(rf"^=*\s?((?:\d+ {_PYTEST_WORD}(?:, )?)+) in \d+(?:\.\d+)?m?s\b.*$", re.MULTILINE)
_PYTEST_NOTHING = re.compile(r"^=*\s?no tests (?:ran|collected)\b.* in \d", re.MULTILINE)
_UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+(OK|FAILED|NO TESTS RAN)\b(?: \(([^)]*)\))?", re.MULTILINE)
_JEST = re.compile(r"^ *Tests:? +((?:\d+ [a-z]+(?:, | \| )?)+)", re.MULTILINE)
_TAP_SUMMARY = re.compile(r"^(?:#|ℹ) (pass|fail|skipped|cancelled) (\d+)$", re.MULTILINE)
_TAP_VERSION = re.compile(r"^TAP version \d", re.MULTILINE)
_CARGO = re.compile(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed;", re.MULTILINE)
_GO = re.compile(r"^(ok|FAIL)\s+\S+\s+(?:[\d.]+s|\(cached\)|\[)", re.MULTILINE)
_LINT = re.compile(r"^Found (\d+) errors?(?: in \d+ files?.*| \((?:\d+ fixed, )?(\d+) remaining\)|)\.?$", re.MULTILINE)
_PYTEST_NAME = re.compile(r"^(?:FAILED|ERROR) (\S+\.py\b.*?)(?: - .*)?$", re.MULTILINE)
_UNITTEST_NAME = re.compile(r"^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+) ([a-z]+)")


def parse_report(output: str, *, is_whole: bool = True) -> TestReport | None:
    """What the runners recognised in the output claim (pytest, unittest, jest, vitest, TAP, cargo, go), or None.

    A run may hold several reports; they count together. ``is_whole`` is False where the output was cut.
    """
    text = _ANSI.sub("", output).replace("\r\n", "\n")
    report = together(_reports(text, is_whole=is_whole))
    return replace(report, names=(*_names(text), *report.names)) if report and report.broken else report


def lint_errors(output: str) -> int:
    """How many errors a linter or type checker says remain ("Found 3 errors"), 0 when it says nothing."""
    return sum(number(match[2] or match[1]) for match in _LINT.finditer(_ANSI.sub("", output)))


def _names(text: str) -> Iterator[str]:
    """The broken tests that pytest's summary and unittest's headings name."""
    yield from (match[1] for match in _PYTEST_NAME.finditer(text))
    yield from (
        match[2] if match[2].endswith(f".{match[1]}") else f"{match[2]}.{match[1]}"
        for match in _UNITTEST_NAME.finditer(text)
    )


def _reports(text: str, *, is_whole: bool) -> Iterator[TestReport]:
    yield from (_worded(match[1]) for match in _PYTEST.finditer(text))
    yield from (TestReport(tests=0) for _ in _PYTEST_NOTHING.finditer(text))
    yield from (_unittest(match) for match in _UNITTEST.finditer(text))
    yield from (_worded(match[1]) for match in _JEST.finditer(text))
    yield from (_counted(number(match[1]), number(match[2])) for match in _CARGO.finditer(text))
    yield from (TestReport(tests=None, failures=int(match[1] == "FAIL")) for match in _GO.finditer(text))
    yield from _tap(text, is_whole=is_whole)


def _tap(text: str, *, is_whole: bool) -> Iterator[TestReport]:
    """TAP by its lines, and by the summary that some producers add, which knows the tests inside of subtests, too."""
    try:
        lines = tap_report(text, is_whole=is_whole)
    except (TooMuch, ValueError):
        lines = None
    if lines and lines.tests == 0 and lines.broken and not _TAP_VERSION.search(text):
        lines = None  # a lone "1..10" is no test run
    found = _TAP_SUMMARY.findall(text)
    if not found:
        yield from [lines] if lines else []
        return
    count = {word: sum(number(digits) for name, digits in found if name == word) for word, _ in found}
    failed = count.get("fail", 0) + count.get("cancelled", 0)
    summary = _counted(count.get("pass", 0), failed, count.get("skipped", 0))
    # What one of them calls broken is broken.
    yield replace(lines, tests=summary.tests) if lines and not failed else replace(summary, names=_named(lines))


def _named(lines: TestReport | None) -> tuple[str, ...]:
    return lines.names if lines else ()


def _counted(passed: int, failed: int, skipped: int = 0) -> TestReport:
    return TestReport(tests=passed + failed, failures=failed, skipped=skipped)


def _worded(text: str) -> TestReport:
    """From "1 failed, 2 passed, 1 error" as pytest, jest and vitest write it."""
    count = {word: number(digits) for digits, word in _NUMBERED.findall(text)}
    errors = count.get("error", 0) + count.get("errors", 0)
    passed = sum(count.get(word, 0) for word in ("passed", "xfailed", "xpassed"))
    failed = count.get("failed", 0)
    skipped = count.get("skipped", 0) + count.get("todo", 0)
    return TestReport(tests=passed + failed + errors, failures=failed, errors=errors, skipped=skipped)


def _unittest(match: re.Match[str]) -> TestReport:
    detail = {word.strip(): number(digits) for word, digits in re.findall(r"([a-z ]+)=(\d+)", match[3] or "")}
    skipped = detail.get("skipped", 0)
    failures = detail.get("failures", 0) + detail.get("unexpected successes", 0)
    # FAILED without numbers would otherwise look like success.
    if match[2] == "FAILED" and not failures and not detail.get("errors", 0):
        failures = 1
    return TestReport(number(match[1]) - skipped, failures, detail.get("errors", 0), skipped)
