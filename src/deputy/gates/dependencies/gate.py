"""What a patch makes the software depend on: both sides of each manifest and lock file are parsed and compared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deputy.domain.changes.change import FileChange, TreeChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.dependencies.lockfiles import SETTING, lock_parser_of
from deputy.gates.dependencies.manifests import Parser, Pin, parser_of
from deputy.gates.dependencies.python_manifests import python_parser_of
from deputy.gates.framework.patch_under_review import PatchUnderReview, Reader, found

_MESSAGES = {
    "new": "{name} is a new dependency ({after})",
    "moved": "{name} moves from {before} to {after}",
    "content": "{name} keeps its version but not its content hash",
    "source": "{name} now comes from {after}, which is not the usual registry (before: {before})",
    "removed": "{name} is no longer a dependency",
    "setting": "The package manager is told {name}",
}
_SEVERITIES = {"source": Severity.DENY, "removed": Severity.ADVISE}
_FIXES = {
    "new": "ask for the dependency by name; a person with the right to add one signs off",
    "moved": "ask for the new version by name",
    "content": "restore the hash, or move to a new version",
    "source": "take it from the registry that the repository uses already",
    "removed": "make sure that nothing needs it",
    "setting": "leave the package manager's settings as they are, or say in the request why they change",
}


@dataclass(frozen=True)
class DependencyChange:
    """One difference; both sides are for showing.

    ``kind`` is ``new``, ``moved``, ``content``, ``source``, ``setting`` or ``removed``.
    """

    path: str
    name: str
    kind: str
    before: str
    after: str


def dependency_changes(change: TreeChange, read: Reader) -> tuple[DependencyChange, ...]:
    """Every dependency that a tree change adds, moves or takes away; policy's ``add-dependency`` is about these.

    Raises ``ValueError`` when the patched side of a manifest can't be parsed.
    """
    return tuple(_changes(PatchUnderReview(change, read)))


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask about new and moved dependencies; refuse other sources than the registry."""
    for change in _changes(case):
        message = _MESSAGES[change.kind].format(name=change.name, before=change.before, after=change.after)
        severity = _SEVERITIES.get(change.kind, Severity.REVIEW)
        yield found(f"dependencies/{change.kind}", severity, message, change.path, fix=_FIXES[change.kind])


def _changes(case: PatchUnderReview) -> Iterator[DependencyChange]:
    for file in case.files:
        parser = lock_parser_of(file.path) or parser_of(file.path) or python_parser_of(file.path)
        if parser:
            yield from _compare(case, file, parser)


def _compare(case: PatchUnderReview, file: FileChange, parser: Parser) -> Iterator[DependencyChange]:
    before_text, after_text = case.texts(file)
    after = parser(after_text) if after_text.strip() else {}
    try:
        before = parser(before_text) if before_text.strip() else {}
    except ValueError:
        before = {}  # what could not be read before counts as nothing: everything is then new, and is shown
    trusted = frozenset(pin.source for pin in before.values())  # a private registry is usual where it is in use
    for name in sorted(set(before) | set(after)):
        kind = _kind(before.get(name), after.get(name), trusted)
        if kind:
            yield DependencyChange(file.path, name, kind, _show(before.get(name)), _show(after.get(name)))


def _kind(before: Pin | None, after: Pin | None, trusted: frozenset[str]) -> str:
    if before == after:
        return ""
    if after is None:
        return "removed"
    if after.source and after.source not in trusted and not _is_registry(after.source):
        return "source"
    if after.spec == SETTING:
        return "setting"
    if before is None:
        return "new"
    return "content" if (before.spec, before.source) == (after.spec, after.source) else "moved"


# Sources that lock files write out although they are the usual place.
_REGISTRY = re.compile(
    r"https://(?:registry\.npmjs\.org|registry\.yarnpkg\.com)"
    r'|\{"registry": "https://pypi\.org/simple/?"\}'
    r'|"registry\+https://github\.com/rust-lang/crates\.io-index"'
)


def _is_registry(source: str) -> bool:
    return _REGISTRY.fullmatch(source) is not None


def _show(pin: Pin | None) -> str:
    return (pin.source or pin.spec or "any version")[:200] if pin else "nothing"
