"""Whether a patch makes the tests ask for less: tests, assertions and skips, counted on both sides."""

from collections.abc import Iterator

from deputy.domain.values import ChangeKind, FileChange, Finding, Severity
from deputy.gates.case import LINK, Case, found, resembles
from deputy.gates.testcount import TestFacts, read_tests

_SNAPSHOTS = (
    "**/__snapshots__/**", "**/*.snap", "**/*.ambr", "**/snapshots/**", "**/*.approved.*", "**/golden/**",
    "**/*.golden",
    "**/__image_snapshots__/**", "**/cassettes/**",
)  # fmt: skip
_CODE = (".py", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts")
_FIX = "keep the test as strict as it was, or ask for the change of behaviour by name"


def judge(case: Case) -> Iterator[Finding]:
    """Ask a person wherever tests vanish, assert less, are skipped more, or have their expected output rewritten."""
    tests = [file for file in case.files if file.new_mode != LINK and case.is_test(file.path)]
    moved_to = frozenset(_added_tests(case, tests))
    for file in case.files:
        if resembles(_SNAPSHOTS, file.path) and file.kind in {ChangeKind.MODIFIED, ChangeKind.DELETED}:
            message = f"Recorded expectations are {file.kind}"
            yield found(
                "tests-weakened/snapshot", Severity.REVIEW, message, file.path, fix="compare old and new output"
            )
    for file in tests:
        if file.path.endswith(_CODE):
            yield from _compare(case, file, moved_to)
        elif file.kind is ChangeKind.DELETED:
            yield found("tests-weakened/deleted-file", Severity.REVIEW, "A test file is deleted", file.path, fix=_FIX)


def _added_tests(case: Case, files: list[FileChange]) -> Iterator[str]:
    """Names of tests in files that the patch adds: a deleted test that is found there has moved."""
    for file in files:
        if file.kind is ChangeKind.ADDED and file.path.endswith(_CODE):
            yield from read_tests(file.path, case.texts(file)[1]).asserts


def _compare(case: Case, file: FileChange, moved_to: frozenset[str]) -> Iterator[Finding]:
    base, head = case.texts(file)
    before, after = _old(file.path, base), read_tests(file.path, head)
    if before is None:
        message = "The test file could not be parsed before the patch: what changed in it is not known"
        yield found("tests-weakened/unparsable", Severity.REVIEW, message, file.path, fix="compare both sides by eye")
        return
    gone = sorted(set(before.asserts) - set(after.asserts) - moved_to)
    for name in gone:
        yield found("tests-weakened/test-removed", Severity.REVIEW, f"Test {name} is gone", file.path, fix=_FIX)
    yield from _weaker(file.path, before, after)


def _weaker(path: str, before: TestFacts, after: TestFacts) -> Iterator[Finding]:
    for name in sorted(set(before.asserts) & set(after.asserts)):
        if after.asserts[name] < before.asserts[name]:
            message = f"Test {name} asserts {after.asserts[name]} times instead of {before.asserts[name]}"
            line = after.lines.get(name, 0)
            yield found("tests-weakened/assert-removed", Severity.REVIEW, message, path, line=line, fix=_FIX)
    if after.skips > before.skips:
        message = f"{after.skips - before.skips} more skips or expected failures"
        yield found("tests-weakened/skip", Severity.REVIEW, message, path, line=after.first_skip, fix=_FIX)


def _old(path: str, text: str) -> TestFacts | None:
    try:
        return read_tests(path, text)
    except (SyntaxError, ValueError):
        return None
