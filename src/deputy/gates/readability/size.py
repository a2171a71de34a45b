"""How much one patch may carry before a person has to agree, and before it is refused."""

from collections.abc import Iterator

from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found

# (what, to review above, to refuse above). A person can read some 2,000 lines with care; nobody reads 50,000.
_FILES = ("files", 200, 5_000)
_LINES = ("changed lines", 2_000, 50_000)
_FILE_BYTES = ("bytes in one file", 512 * 1024, 8 * 1024**2)
_TOTAL_BYTES = ("bytes in all", 4 * 1024**2, 64 * 1024**2)
_FIX = "split the request into smaller ones"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Count files, lines and bytes."""
    sizes = {file.path: len(case.head(file)) for file in case.written if file.new_mode != LINK}
    lines = sum(file.added_lines + file.removed_lines for file in case.files)
    yield from _measure(_FILES, len(case.files))
    yield from _measure(_LINES, lines)
    yield from _measure(_TOTAL_BYTES, sum(sizes.values()))
    for path, size in sizes.items():
        yield from _measure(_FILE_BYTES, size, path)


def _measure(limit: tuple[str, int, int], value: int, path: str = "") -> Iterator[Finding]:
    what, review, deny = limit
    if value > review:
        severity = Severity.DENY if value > deny else Severity.REVIEW
        bound = deny if value > deny else review
        rule = f"size/{what.replace(' ', '-')}"
        yield found(rule, severity, f"{value:,} {what}, over the bound of {bound:,}", path, fix=_FIX)
