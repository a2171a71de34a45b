"""A question and a policy bundle to a decision.

The rest of Deputy needs ``load``, ``lint``, ``run_cases``, ``explain`` and what ``Bundle`` offers.
"""

from deputy.policy.bundle import Bundle, digest_of, lint, load
from deputy.policy.cases import Case, CaseResult, run_cases
from deputy.policy.problems import Level, Problem
from deputy.policy.rules import EVERYWHERE
from deputy.policy.wording import explain

__all__ = [
    "EVERYWHERE",
    "Bundle",
    "Case",
    "CaseResult",
    "Level",
    "Problem",
    "digest_of",
    "explain",
    "lint",
    "load",
    "run_cases",
]
