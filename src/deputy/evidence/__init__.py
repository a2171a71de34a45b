"""Logs and reports to facts: what a fresh sandbox printed, judged; what base and patch prove together."""

from deputy.domain.secrets import redact
from deputy.evidence.checks import judge_check
from deputy.evidence.proofs import Overlay, new_test_files, overlays, proof
from deputy.evidence.reports import TestReport, parse_report
from deputy.evidence.text import presentable, safe_text

__all__ = [
    "Overlay",
    "TestReport",
    "judge_check",
    "new_test_files",
    "overlays",
    "parse_report",
    "presentable",
    "proof",
    "redact",
    "safe_text",
]
