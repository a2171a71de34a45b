"""What a test run claims of itself, in its output or in a report: numbers and names."""

from collections.abc import Iterable
from dataclasses import dataclass

_DIGITS = 9
MAX = 10**_DIGITS


@dataclass(frozen=True)
class TestReport:
    """What a run claims. ``tests`` counts those that ran (skipped ones did not), None where the runner doesn't say.

    ``names`` are those of broken tests, as far as they are known. Of the broken ones, ``unloaded`` are no tests but
    files, modules or packages of them that could not be loaded or built (``tests`` leaves them out), and ``unready``
    are tests that something around them kept from running: a fixture, a hook, a plan that was not kept.
    """

    __test__ = False  # not a test class, whatever pytest makes of its name

    tests: int | None
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    names: tuple[str, ...] = ()
    unloaded: int = 0
    unready: int = 0

    @property
    def broken(self) -> int:
        """Failures and errors together."""
        return self.failures + self.errors

    @property
    def failed(self) -> int:
        """Those of the broken that ran and failed: only they show anything about the code that they test."""
        return max(0, self.broken - self.unloaded - self.unready)

    @property
    def sentence(self) -> str:
        """The counts the way a test runner would say them: "2 failed, 12 passed"."""
        passed = None if self.tests is None else max(0, self.tests - self.broken + self.unloaded)
        parts = (
            (self.failures, "failed"),
            (self.errors, "error" if self.errors == 1 else "errors"),
            (passed, "passed"),
            (self.skipped, "skipped"),
        )
        return ", ".join(f"{count} {word}" for count, word in parts if count)


def together(reports: Iterable[TestReport]) -> TestReport | None:
    """All reports of one run as one, so that no later one talks an earlier failure away; None when there are none.

    That one says nothing ran does not speak for another which ran tests without counting them.
    """
    every = tuple(reports)
    if not every:
        return None
    counts = [report.tests for report in every if report.tests is not None]
    return TestReport(
        tests=sum(counts) if any(counts) or len(counts) == len(every) else None,
        failures=sum(report.failures for report in every),
        errors=sum(report.errors for report in every),
        skipped=sum(report.skipped for report in every),
        names=tuple(name for report in every for name in report.names),
        unloaded=sum(report.unloaded for report in every),
        unready=sum(report.unready for report in every),
    )


def number(digits: str) -> int:
    """A count as somebody wrote it. One that no run could have becomes the largest, so that nothing breaks on it.

    ``ValueError`` when it is none.
    """
    return MAX if len(digits) > _DIGITS else int(digits)
