"""Findings as people and agents are given them: grouped by what they must know, and not more than can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.domain.review.gates import GateName, Topic
from deputy.gates.framework.verdict import by_weight

_TOPICS = {gate.value: gate.topic for gate in GateName}
_ORDER = tuple(Topic)


@dataclass(frozen=True)
class Group:
    """Findings about one topic, the worst first; ``title`` is what an approver reads above them."""

    topic: Topic
    findings: tuple[Finding, ...]

    @property
    def title(self) -> str:
        """The topic in words."""
        return self.topic.value


def grouped(findings: Sequence[Finding]) -> tuple[Group, ...]:
    """The findings by what an approver must know, the most important topic first; every finding is in one group.

    What stops the patch and what is advice are groups of their own; what asks for review goes by its gate's topic.
    """
    ordered = sorted(findings, key=lambda finding: (_ORDER.index(_topic(finding)), by_weight(finding)))
    return tuple(Group(topic, tuple(same)) for topic, same in groupby(ordered, key=_topic))


def _topic(finding: Finding) -> Topic:
    if finding.severity is Severity.DENY:
        return Topic.STOPS
    return Topic.ADVICE if finding.severity is Severity.ADVISE else _TOPICS.get(finding.gate, Topic.UNREADABLE)


def shorten(findings: Sequence[Finding], per_gate: int = 40) -> tuple[Finding, ...]:
    """At most ``per_gate`` findings of each gate, the worst, and for each gate one that counts the rest.

    What stands for the rest is as severe as the worst of them, and needs whoever they need first.
    """
    kept: list[Finding] = []
    by_gate: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=by_weight):
        by_gate.setdefault(finding.gate, []).append(finding)
    for gate, every in by_gate.items():
        kept += every[:per_gate]
        if rest := every[per_gate:]:
            update = {"message": _count(len(rest)), "rule": f"{gate}/more", "path": "", "line": 0}
            kept.append(rest[0].model_copy(update=update))
    return tuple(sorted(kept, key=by_weight))


def _count(number: int) -> str:
    what = "finding of this gate is" if number == 1 else "findings of this gate are"
    return f"{number:,} more {what} not listed here"
