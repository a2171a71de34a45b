"""Counts that no run could have: a report may claim them, and nothing of ours breaks on them or shows them whole."""

import pytest

from deputy.evidence.runners.formats import read_report
from deputy.evidence.runners.reports import lint_errors, parse_report

DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "output",
    [
        f"{DIGITS} failed in 0.1s",
        f"Ran {DIGITS} tests in 1s\n\nFAILED (failures={DIGITS})",
        f"Tests: {DIGITS} failed, 1 total",
        f"test result: FAILED. 0 passed; {DIGITS} failed;",
        f"1..1\nok 1\n# fail {DIGITS}\n# pass 1",
    ],
)
def test_output_with_a_huge_count_is_still_broken(output: str) -> None:
    report = parse_report(output)
    assert report
    assert report.broken
    assert len(report.sentence) < 100


def test_a_suite_that_claims_a_huge_count_is_broken() -> None:
    report = read_report("r.xml", f'<testsuite failures="{DIGITS}" errors="{DIGITS}"/>'.encode())
    assert getattr(report, "broken", 1)


def test_a_linter_that_claims_a_huge_count_has_errors() -> None:
    assert lint_errors(f"Found {DIGITS} errors.") > 0
