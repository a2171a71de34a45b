"""What a gate saw in a patch, and the report of all of them."""

from deputy.domain.identifiers import Digest
from deputy.domain.policy.decision import ApprovalRequirement, Decision, Effect, Severity
from deputy.domain.value import Value


class Finding(Value):
    """What a gate saw: where, by which rule, and what to do about it. Whether it holds is ``severity``."""

    gate: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 0
    rule: str = ""
    fix: str = ""
    needs: tuple[ApprovalRequirement, ...] = ()


class GateReport(Value):
    """What the gates found, and what policy makes of it. ``digest`` names the report for votes to bind to."""

    effect: Effect
    findings: tuple[Finding, ...] = ()
    needs: tuple[ApprovalRequirement, ...] = ()
    decision: Decision
    digest: Digest
