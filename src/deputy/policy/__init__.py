"""A question and a policy bundle to a decision.

The rest of Deputy needs ``load``, ``lint``, ``run_cases``, ``explain`` and what ``Bundle`` offers.
"""

from deputy.policy.bundle import Bundle, digest_of, lint, load
from deputy.policy.cases import Case, CaseResult, run_cases
from deputy.policy.comparing import Comparison, compare
from deputy.policy.deciding import Question
from deputy.policy.given import Given
from deputy.policy.own import OWN_FILE, OwnPolicy, parse_own
from deputy.policy.problems import Level, Problem
from deputy.policy.rules import EVERYWHERE
from deputy.policy.simulating import Past, Simulation, simulate
from deputy.policy.wording import explain

__all__ = [
    "EVERYWHERE",
    "OWN_FILE",
    "Bundle",
    "Case",
    "CaseResult",
    "Comparison",
    "Given",
    "Level",
    "OwnPolicy",
    "Past",
    "Problem",
    "Question",
    "Simulation",
    "compare",
    "digest_of",
    "explain",
    "lint",
    "load",
    "parse_own",
    "run_cases",
    "simulate",
]
