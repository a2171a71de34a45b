"""What a test runner or linter says of itself in its output: numbers to hold against its exit status."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b[@-_]")
_PYTEST_WORD = r"(?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|rerun|subtests passed)"
_PYTEST = re.compile(rf"^=*\s?((?:\d+ {_PYTEST_WORD}(?:, )?)+) in \d+(?:\.\d+)?m?s\b.*$", re.MULTILINE)
_PYTEST_NOTHING = re.compile(r"^=*\s?no tests (?:ran|collected)\b.* in \d", re.MULTILINE)
_UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+(OK|FAILED|NO TESTS RAN)\b(?: \(([^)]*)\))?", re.MULTILINE)
_JEST = re.compile(r"^ *Tests:? +((?:\d+ [a-z]+(?:, | \| )?)+)", re.MULTILINE)
_TAP = re.compile(r"^(?:#|ℹ) (pass|fail|skipped|cancelled) (\d+)$", re.MULTILINE)
_CARGO = re.compile(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed;", re.MULTILINE)
_GO = re.compile(r"^(ok|FAIL)\s+\S+\s+(?:[\d.]+s|\(cached\)|\[)", re.MULTILINE)
_LINT = re.compile(r"^Found (\d+) errors?(?: in \d+ files?.*| \((?:\d+ fixed, )?(\d+) remaining\)|)\.?$", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+) ([a-z]+)")


@dataclass(frozen=True)
class TestReport:
    """What a run claims. ``tests`` counts those that ran (skipped ones did not), None where the runner doesn't say."""

    __test__ = False  # not a test class, whatever pytest makes of its name

    tests: int | None
    failures: int = 0
    errors: int = 0
    skipped: int = 0

    @property
    def broken(self) -> int:
        """Failures and errors together."""
        return self.failures + self.errors

    @property
    def sentence(self) -> str:
        """The counts the way a test runner would say them: "2 failed, 12 passed"."""
        passed = None if self.tests is None else self.tests - self.broken
        parts = (
            (self.failures, "failed"),
            (self.errors, "error" if self.errors == 1 else "errors"),
            (passed, "passed"),
            (self.skipped, "skipped"),
        )
        return ", ".join(f"{count} {word}" for count, word in parts if count)


def parse_report(output: str) -> TestReport | None:
    """What the runners recognised in the output claim (pytest, unittest, jest, vitest, TAP, cargo, go), or None.

    A run may hold several reports; they count together, so that no later line talks an earlier failure away.
    """
    reports = tuple(_reports(_ANSI.sub("", output).replace("\r\n", "\n")))
    if not reports:
        return None
    counts = [report.tests for report in reports if report.tests is not None]
    return TestReport(
        tests=sum(counts) if counts else None,
        failures=sum(report.failures for report in reports),
        errors=sum(report.errors for report in reports),
        skipped=sum(report.skipped for report in reports),
    )


def lint_errors(output: str) -> int:
    """How many errors a linter or type checker says remain ("Found 3 errors"), 0 when it says nothing."""
    return sum(int(match[2] or match[1]) for match in _LINT.finditer(_ANSI.sub("", output)))


def _reports(text: str) -> Iterator[TestReport]:
    yield from (_worded(match[1]) for match in _PYTEST.finditer(text))
    yield from (TestReport(tests=0) for _ in _PYTEST_NOTHING.finditer(text))
    yield from (_unittest(match) for match in _UNITTEST.finditer(text))
    yield from (_worded(match[1]) for match in _JEST.finditer(text))
    yield from (_counted(int(match[1]), int(match[2])) for match in _CARGO.finditer(text))
    yield from (TestReport(tests=None, failures=int(match[1] == "FAIL")) for match in _GO.finditer(text))
    if tap := _TAP.findall(text):
        count = {word: sum(int(number) for name, number in tap if name == word) for word, _ in tap}
        yield _counted(count.get("pass", 0), count.get("fail", 0) + count.get("cancelled", 0), count.get("skipped", 0))


def _counted(passed: int, failed: int, skipped: int = 0) -> TestReport:
    return TestReport(tests=passed + failed, failures=failed, skipped=skipped)


def _worded(text: str) -> TestReport:
    """From "1 failed, 2 passed, 1 error" as pytest, jest and vitest write it."""
    count = {word: int(number) for number, word in _NUMBERED.findall(text)}
    errors = count.get("error", 0) + count.get("errors", 0)
    passed = sum(count.get(word, 0) for word in ("passed", "xfailed", "xpassed"))
    failed = count.get("failed", 0)
    skipped = count.get("skipped", 0) + count.get("todo", 0)
    return TestReport(tests=passed + failed + errors, failures=failed, errors=errors, skipped=skipped)


def _unittest(match: re.Match[str]) -> TestReport:
    detail = {word.strip(): int(number) for word, number in re.findall(r"([a-z ]+)=(\d+)", match[3] or "")}
    skipped = detail.get("skipped", 0)
    failures = detail.get("failures", 0) + detail.get("unexpected successes", 0)
    # FAILED without numbers would otherwise look like success.
    if match[2] == "FAILED" and not failures and not detail.get("errors", 0):
        failures = 1
    return TestReport(int(match[1]) - skipped, failures, detail.get("errors", 0), skipped)
