"""Findings and policy's decision to one report; the stricter of the two always wins."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from deputy.domain.policy.decision import ApprovalRequirement, Decision, Effect, Severity
from deputy.domain.review.finding import Finding, GateReport

# Who reviews when neither gates.toml nor the policy says so: a review that needs nobody would be no review.
DEFAULT_REQUIREMENTS = (ApprovalRequirement(role="role:senior"),)

_EFFECTS = (Effect.ALLOW, Effect.REVIEW, Effect.DENY)
_EFFECT_OF = {Severity.ADVISE: Effect.ALLOW, Severity.REVIEW: Effect.REVIEW, Severity.DENY: Effect.DENY}
_RANK = {Severity.DENY: 0, Severity.REVIEW: 1, Severity.ADVISE: 2}


def by_weight(finding: Finding) -> tuple[int, str, str, int, str]:
    """The order of findings in a report: the worst first, then by gate and place; equal only for equal findings."""
    return _RANK[finding.severity], finding.gate, finding.path, finding.line, finding.model_dump_json()


def lower(one: Severity, other: Severity) -> Severity:
    """The milder of two severities."""
    return max(one, other, key=_RANK.__getitem__)


def higher(one: Severity, other: Severity) -> Severity:
    """The stricter of two severities."""
    return min(one, other, key=_RANK.__getitem__)


def merge_requirements(*groups: Iterable[ApprovalRequirement]) -> tuple[ApprovalRequirement, ...]:
    """The union of needs, with the maximum count per role, sorted by role."""
    counts: dict[str, int] = {}
    for need in (need for group in groups for need in group):
        counts[need.role] = max(need.count, counts.get(need.role, 0))
    return tuple(ApprovalRequirement(role=role, count=count) for role, count in sorted(counts.items()))


def report(findings: Sequence[Finding], decision: Decision) -> GateReport:
    """What the findings and policy's decision come to: the worst effect, and every need of either.

    The digest names the report's content, not the order in which the findings came.
    """
    ordered = tuple(sorted(findings, key=by_weight))
    effects = [decision.effect, *(_EFFECT_OF[finding.severity] for finding in ordered)]
    effect = max(effects, key=_EFFECTS.index)
    needs = merge_requirements(decision.needs, *(f.needs for f in ordered if f.severity is Severity.REVIEW))
    if effect is Effect.REVIEW and not needs:
        needs = DEFAULT_REQUIREMENTS
    unsigned = GateReport(effect=effect, findings=ordered, needs=needs, decision=decision, digest="")
    return unsigned.model_copy(update={"digest": _digest(unsigned)})


def _digest(unsigned: GateReport) -> str:
    canonical = json.dumps(unsigned.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
