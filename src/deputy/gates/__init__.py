"""A tree change and its evidence to a gate report."""

from deputy.gates.dependencies.gate import DependencyChange, dependency_changes
from deputy.gates.framework.grouping import Group, grouped, shorten
from deputy.gates.framework.verdict import DEFAULT_REQUIREMENTS, report
from deputy.gates.registry import GATES, inspect

__all__ = [
    "DEFAULT_REQUIREMENTS",
    "GATES",
    "DependencyChange",
    "Group",
    "dependency_changes",
    "grouped",
    "inspect",
    "report",
    "shorten",
]
