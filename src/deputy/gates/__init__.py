"""A tree change and its evidence to a gate report."""

from deputy.gates.dependencies import DependencyChange, dependency_changes
from deputy.gates.grouping import Group, grouped, shorten
from deputy.gates.inspection import GATES, inspect
from deputy.gates.verdict import DEFAULT_NEEDS, merge_needs, report

__all__ = [
    "DEFAULT_NEEDS",
    "GATES",
    "DependencyChange",
    "Group",
    "dependency_changes",
    "grouped",
    "inspect",
    "merge_needs",
    "report",
    "shorten",
]
