"""What pytest and unittest (Django's runner, too) print at their end: how much ran, what broke, what never started."""

import re
from collections.abc import Iterator
from dataclasses import replace

from deputy.evidence.claims import TestReport, number, together
from deputy.evidence.runners.unstarted import is_hook

_WORD = (
    r"(?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|reruns?|retried"
    r"|subtests (?:passed|failed|skipped))"
)
_PYTEST = re.compile(rf"^=*\s?((?:\d+ {_WORD}(?:, )?)+) in \d+(?:\.\d+)?m?s\b.*$", re.MULTILINE)
_PYTEST_NOTHING = re.compile(r"^=*\s?no tests (?:ran|collected)\b.* in \d", re.MULTILINE)
_PYTEST_NAME = re.compile(r"^(?:FAILED|ERROR) (\S+\.py\b.*?)(?: - .*)?$", re.MULTILINE)
# The status can't tell: with xdist, -x or make, such a run ends as one with failing tests does.
_PYTEST_FILE = re.compile(r"^ERROR (\S+\.py)(?: - .*)?$", re.MULTILINE)
_PYTEST_INTERRUPTED = re.compile(r"^!+ Interrupted: (\d+) errors? during collection !+$", re.MULTILINE)
_UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+(OK|FAILED|NO TESTS RAN)\b(?: \(([^)]*)\))?", re.MULTILINE)
_UNITTEST_NAME = re.compile(r"^(?:FAIL|ERROR): ([\w.]+) \(([\w.]+)\)", re.MULTILINE)
_UNITTEST_ERROR = re.compile(r"^ERROR: ([\w.]+ \([\w.]+\))", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+) ([a-z]+(?: (?:passed|failed|skipped))?)")


def names(text: str) -> Iterator[str]:
    """The broken tests that pytest's summary and unittest's headings name."""
    yield from (match[1] for match in _PYTEST_NAME.finditer(text))
    yield from (
        match[2] if match[2].endswith(f".{match[1]}") else f"{match[2]}.{match[1]}"
        for match in _UNITTEST_NAME.finditer(text)
    )


def reports(text: str) -> Iterator[TestReport]:
    """The claims of both, one for each of them."""
    pytest = together([*map(_pytest, _PYTEST.finditer(text)), *(TestReport(0) for _ in _PYTEST_NOTHING.finditer(text))])
    unittest = together(map(_unittest, _UNITTEST.finditer(text)))
    if pytest:
        yield _loaded(pytest, max(len(_PYTEST_FILE.findall(text)), _interrupted(text)))
    if unittest:
        errors = _UNITTEST_ERROR.findall(text)
        unready = sum(is_hook(error) for error in errors)
        yield replace(
            _loaded(unittest, sum("unittest.loader._FailedTest" in error for error in errors)), unready=unready
        )


def _loaded(report: TestReport, unloaded: int) -> TestReport:
    """The same, where so many of the errors are files that could not be imported, which counted as tests."""
    unloaded = min(unloaded, report.errors)
    tests = None if report.tests is None else max(0, report.tests - unloaded)
    return replace(report, tests=tests, unloaded=unloaded, unready=max(0, report.unready - unloaded))


def _interrupted(text: str) -> int:
    return sum(number(digits) for digits in _PYTEST_INTERRUPTED.findall(text))


def _pytest(match: re.Match[str]) -> TestReport:
    """From "1 failed, 2 passed, 1 error". An error is never a test that ran and failed: it came before or after it."""
    report = worded(match[1])
    return replace(report, unready=report.errors)


def worded(text: str) -> TestReport:
    """From "1 failed, 2 passed, 1 error" as pytest, jest and vitest write it."""
    count = {word: number(digits) for digits, word in _NUMBERED.findall(text)}
    errors = count.get("error", 0) + count.get("errors", 0)
    passed = sum(count.get(word, 0) for word in ("passed", "xfailed", "xpassed"))
    failed = count.get("failed", 0) + count.get("subtests failed", 0)
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
