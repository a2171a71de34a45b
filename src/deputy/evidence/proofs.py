"""Which trees to test, and what the results prove about a patch together."""

from collections.abc import Sequence
from dataclasses import dataclass

from deputy.domain.changes.change import ChangeKind, TreeChange
from deputy.domain.changes.globs import matches_any
from deputy.domain.policy.config import Check
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence

# Files that steer a test run wherever they stand: an added one could skip all of base's tests.
_STEERING = ("**/conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini")
# Exit statuses of pytest that say "the tests did not run", never "a test failed". They speak only in evidence
# from before failing tests were counted apart: make ends with 2 whatever its recipe ended with.
NOT_RUN = frozenset({2, 3, 4, 5})


@dataclass(frozen=True)
class Overlay:
    """A tree to run the checks on: that of ``start``, then ``copy`` from the other side, then ``remove`` deleted.

    ``start`` is ``base`` or ``head`` (the patched tree).
    """

    phase: CheckPhase
    start: str
    copy: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def _is_test(path: str, checks: Sequence[Check]) -> bool:
    return any(matches_any(check.tests, path) for check in checks)


def new_test_files(change: TreeChange, checks: Sequence[Check]) -> tuple[str, ...]:
    """The paths that the patch adds or modifies and that a check names as its tests."""
    kinds = {ChangeKind.ADDED, ChangeKind.MODIFIED}
    return tuple(file.path for file in change.files if file.kind in kinds and _is_test(file.path, checks))


def overlays(change: TreeChange, checks: Sequence[Check]) -> tuple[Overlay, ...]:
    """The trees that ``proof`` needs results for, in order: patch, base's own tests on it, base, new tests on base.

    ``PATCH`` is always there. ``BASE_TESTS`` only where the patch touches tests or what steers them: elsewhere it would
    repeat ``PATCH``. ``BASE`` and ``BEFORE`` only where there are new tests: without ``BASE`` passing, a failure
    ``BEFORE`` proves nothing about the new tests.
    """
    own = [file for file in change.files if _is_test(file.path, checks) or matches_any(_STEERING, file.path)]
    restore = tuple(file.path for file in own if file.kind is not ChangeKind.ADDED)
    remove = tuple(file.path for file in own if file.kind is ChangeKind.ADDED)
    new = new_test_files(change, checks)
    trees = [Overlay(CheckPhase.PATCH, "head")]
    if own:
        trees.append(Overlay(CheckPhase.BASE_TESTS, "head", restore, remove))
    if new:
        trees += [Overlay(CheckPhase.BASE, "base"), Overlay(CheckPhase.BEFORE, "base", new)]
    return tuple(trees)


def proof(change: TreeChange, checks: Sequence[Check], results: Sequence[CheckResult]) -> Evidence:
    """What the results prove. ``None`` means that nothing is proven either way.

    ``fails_before`` is True only when a check of kind ``tests`` that runs new or changed test files passes on base and
    on the patch, and has failing tests (not merely tests that could not start) on base plus those files alone.
    ``passes_after`` tells whether every such check passes on the patch. What is flaky proves nothing, on either side.
    """
    new = new_test_files(change, checks)
    names = [check.name for check in checks if check.kind == "tests" and any(matches_any(check.tests, p) for p in new)]
    after = [_passed(results, name, CheckPhase.PATCH) for name in names]
    return Evidence(
        checks=tuple(results),
        new_tests=new,
        fails_before=_any([_fails_before(results, name) for name in names]),
        passes_after=None if not after or None in after else all(after),
    )


def _passed(results: Sequence[CheckResult], name: str, phase: CheckPhase) -> bool | None:
    found = [result for result in results if result.name == name and result.phase is phase]
    return all(result.passed and not result.is_flaky for result in found) if found else None


def _fails_before(results: Sequence[CheckResult], name: str) -> bool | None:
    before = [result for result in results if result.name == name and result.phase is CheckPhase.BEFORE]
    if not before or not _passed(results, name, CheckPhase.BASE) or not _passed(results, name, CheckPhase.PATCH):
        return None
    if any(result.is_flaky for result in before):
        return None
    if all(result.passed for result in before):
        return False
    return True if all(_has_failing_tests(result) for result in before) else None


def _has_failing_tests(result: CheckResult) -> bool:
    if result.failed_tests is None:
        return bool(result.failures) and result.exit_code > 0 and result.exit_code not in NOT_RUN
    return result.failed_tests > 0 and result.exit_code > 0


def _any(values: Sequence[bool | None]) -> bool | None:
    if True in values:
        return True
    return False if values and None not in values else None
