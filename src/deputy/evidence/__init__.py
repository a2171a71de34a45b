"""Logs and reports to facts: what a fresh sandbox printed, judged; what base and patch prove together."""

from deputy.domain.text.secrets import redact
from deputy.evidence.checks import ReportFile, judge_check
from deputy.evidence.claims import TestReport
from deputy.evidence.proofs import Overlay, new_test_files, overlays, proof
from deputy.evidence.repetition import is_worth_repeating, of_runs, repetitions
from deputy.evidence.runners.formats import MAX_REPORT_BYTES, Unreadable, read_report
from deputy.evidence.runners.reports import parse_report
from deputy.evidence.text import presentable, safe_text

__all__ = [
    "MAX_REPORT_BYTES",
    "Overlay",
    "ReportFile",
    "TestReport",
    "Unreadable",
    "is_worth_repeating",
    "judge_check",
    "new_test_files",
    "of_runs",
    "overlays",
    "parse_report",
    "presentable",
    "proof",
    "read_report",
    "redact",
    "repetitions",
    "safe_text",
]
