"""Whether a patch makes the tests ask for less: tests, assertions and skips, counted on both sides."""

from collections.abc import Iterator, Mapping

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles
from deputy.gates.tests_weakened.counts import TestFacts, TestMeasure
from deputy.gates.tests_weakened.python import USUAL_SLACK, Part, read_python
from deputy.gates.tests_weakened.words import SUFFIXES, read_words

_SNAPSHOTS = (
    "**/__snapshots__/**", "**/*.snap", "**/*.ambr", "**/snapshots/**", "**/*.approved.*", "**/golden/**",
    "**/*.golden",
    "**/__image_snapshots__/**", "**/cassettes/**",
)  # fmt: skip
_CODE = (".py", *SUFFIXES)
_FIX = "keep the test as strict as it was, or ask for the change of behaviour by name"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person wherever tests vanish, assert less, are skipped more, or have their expected output rewritten."""
    tests = [file for file in case.files if file.new_mode != LINK and _has_tests(case, file)]
    new = [file for file in tests if file.kind is ChangeKind.ADDED and file.path.endswith(_CODE)]
    added = {file.path: _read(file.path, case.texts(file)[1]) for file in new}
    # A deleted test that stands in a file which the patch adds has moved.
    moved = {name: test for facts in added.values() for name, test in facts.tests.items()}
    for file in case.files:
        if resembles(_SNAPSHOTS, file.path) and file.kind in {ChangeKind.MODIFIED, ChangeKind.DELETED}:
            message = f"Recorded expectations are {file.kind}"
            yield found(
                "tests-weakened/snapshot", Severity.REVIEW, message, file.path, fix="compare old and new output"
            )
    for file in tests:
        if file.path.endswith(_CODE):
            if file.kind not in {ChangeKind.ADDED, ChangeKind.MODE}:
                yield from _compare(case, file, moved)
        elif file.kind is ChangeKind.DELETED:
            yield found("tests-weakened/deleted-file", Severity.REVIEW, "A test file is deleted", file.path, fix=_FIX)
    for path, facts in added.items():
        yield from _skips(path, TestFacts(), facts)


def _has_tests(case: PatchUnderReview, file: FileChange) -> bool:
    """Whether it is a test file; Rust keeps its unit tests beside the code."""
    return case.is_test(file.path) or (file.path.endswith(".rs") and b"test" in case.base(file))


def _read(path: str, text: str, known: dict[str, Part] | None = None) -> TestFacts:
    return read_python(text, known) if path.endswith(".py") else read_words(path, text)


def _compare(case: PatchUnderReview, file: FileChange, moved: Mapping[str, TestMeasure]) -> Iterator[Finding]:
    base, head = case.texts(file)
    known: dict[str, Part] = {}
    before, after = _old(file.path, base, known), _read(file.path, head, known)
    if before is None:
        message = "The test file could not be parsed before the patch: what changed in it is not known"
        yield found("tests-weakened/unparsable", Severity.REVIEW, message, file.path, fix="compare both sides by eye")
        return
    for name, test in sorted(before.tests.items()):
        now = after.tests.get(name) or moved.get(name)
        if now is None:
            yield found("tests-weakened/test-removed", Severity.REVIEW, f"Test {name} is gone", file.path, fix=_FIX)
        else:
            line = now.line if name in after.tests else 0
            for rule, how in _weaker(test, now):
                message = f"Test {name} {how}"
                yield found(f"tests-weakened/{rule}", Severity.REVIEW, message, file.path, line=line, fix=_FIX)
    yield from _skips(file.path, before, after)


def _weaker(before: TestMeasure, after: TestMeasure) -> Iterator[tuple[str, str]]:
    """In what a test asks for less: the rule, and the rest of a sentence that starts with the test."""
    if after.asserts < before.asserts:
        yield "assert-removed", f"asserts {after.asserts} times instead of {before.asserts}"
    if before.cases is not None and after.cases is not None and after.cases < before.cases:
        yield "cases-removed", f"runs with {after.cases} sets of parameters instead of {before.cases}"
    if after.broad > before.broad:
        yield "broader", "is content with any exception"
    if after.matched < before.matched and after.asserts >= before.asserts:
        yield "broader", "no longer compares the message of an exception"
    for name, slack in after.slack.items():
        if slack > before.slack.get(name, USUAL_SLACK[name]):
            yield "tolerance", f"tolerates more ({name}={_written(slack, name)})"


def _written(slack: float, name: str) -> str:
    if slack == float("inf"):
        return "something computed"
    return f"{-slack:g}" if USUAL_SLACK[name] < 0 else f"{slack:g}"


def _skips(path: str, before: TestFacts, after: TestFacts) -> Iterator[Finding]:
    if after.skips > before.skips:
        message = f"{after.skips - before.skips} more skips or expected failures"
        yield found("tests-weakened/skip", Severity.REVIEW, message, path, line=after.first_skip, fix=_FIX)


def _old(path: str, text: str, known: dict[str, Part]) -> TestFacts | None:
    try:
        return _read(path, text, known)
    except (SyntaxError, ValueError):
        return None
