"""A question and a policy bundle to a decision.

The rest of Deputy needs ``load``, ``lint``, ``run_cases``, ``explain`` and what ``Bundle`` offers.
"""

from deputy.policy.bundle import Bundle, digest_of, lint, load
from deputy.policy.cases import Case, CaseResult, run_cases
from deputy.policy.compare.bundles import Comparison, compare
from deputy.policy.compare.past_tasks import MAX_PAST_TASKS, Past, Simulation, simulate
from deputy.policy.core.deciding import Question
from deputy.policy.core.rules import EVERYWHERE
from deputy.policy.core.wording import explain
from deputy.policy.files.problems import Level, Problem
from deputy.policy.repo_policy import REPO_POLICY_FILE, RepoPolicy, parse_repo_policy
from deputy.policy.supplied_facts import SuppliedFacts

__all__ = [
    "EVERYWHERE",
    "MAX_PAST_TASKS",
    "REPO_POLICY_FILE",
    "Bundle",
    "Case",
    "CaseResult",
    "Comparison",
    "Level",
    "Past",
    "Problem",
    "Question",
    "RepoPolicy",
    "Simulation",
    "SuppliedFacts",
    "compare",
    "digest_of",
    "explain",
    "lint",
    "load",
    "parse_repo_policy",
    "run_cases",
    "simulate",
]
