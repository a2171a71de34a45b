"""Approval requirements: merged in one way, and said in one way."""

from collections.abc import Iterable, Sequence

from deputy.domain.policy.decision import ApprovalRequirement


def merge_requirements(*groups: Iterable[ApprovalRequirement]) -> tuple[ApprovalRequirement, ...]:
    """The maximum per role, sorted by role: who satisfies this satisfies each of the given groups."""
    counts: dict[str, int] = {}
    for requirement in (requirement for group in groups for requirement in group):
        counts[requirement.role] = max(requirement.count, counts.get(requirement.role, 0))
    return tuple(ApprovalRequirement(role=role, count=count) for role, count in sorted(counts.items()))


def requirements_text(requirements: Sequence[ApprovalRequirement]) -> str:
    """Requirements for people: ``1 legal, 2 senior and 1 billing-owner``; empty for none."""
    named = [f"{requirement.count} {requirement.title}" for requirement in requirements]
    return " and ".join(part for part in (", ".join(named[:-1]), named[-1]) if part) if named else ""
