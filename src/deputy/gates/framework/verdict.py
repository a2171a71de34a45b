"""Findings and policy's decision to one report; the stricter of the two always wins."""

from collections.abc import Sequence

from deputy.domain.policy.approval_requirements import merge_requirements
from deputy.domain.policy.decision import ApprovalRequirement, Decision, Effect, Severity
from deputy.domain.policy.effects import effect_of_severity, strictest_effect, strictness
from deputy.domain.review.finding import Finding, GateReport
from deputy.domain.text.canonical_json import digest_of_json

# Who reviews when neither gates.toml nor the policy says so: a review that needs nobody would be no review.
DEFAULT_REQUIREMENTS = (ApprovalRequirement(role="role:senior"),)


def by_weight(finding: Finding) -> tuple[int, str, str, int, str]:
    """The order of findings in a report: the worst first, then by gate and place; equal only for equal findings."""
    return -strictness(finding.severity), finding.gate, finding.path, finding.line, finding.model_dump_json()


def report(findings: Sequence[Finding], decision: Decision) -> GateReport:
    """What the findings and policy's decision come to: the worst effect, and every need of either.

    The digest names the report's content, not the order in which the findings came.
    """
    ordered = tuple(sorted(findings, key=by_weight))
    effects = [decision.effect, *(effect_of_severity(finding.severity) for finding in ordered)]
    effect = strictest_effect(effects)
    needs = merge_requirements(decision.needs, *(f.needs for f in ordered if f.severity is Severity.REVIEW))
    if effect is Effect.REVIEW and not needs:
        needs = DEFAULT_REQUIREMENTS
    unsigned = GateReport(effect=effect, findings=ordered, needs=needs, decision=decision, digest="")
    return unsigned.model_copy(update={"digest": digest_of_json(unsigned.model_dump(mode="json"))})
