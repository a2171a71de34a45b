"""Personal data in what a patch adds. A finding says where and of which kind, never what."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from deputy.domain.changes.change import FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles
from deputy.gates.personal_data.forms import find_personal_data, names_people, worth_reading

_TABLES = ("**/*.csv", "**/*.tsv", "**/*.json", "**/*.jsonl", "**/*.ndjson", "**/*.sql", "**/*.xml", "**/*.y*ml")
# Files whose every line holds hashes, and nobody's data.
_SKIPPED = ("**/*.lock", "**/package-lock.json", "**/npm-shrinkwrap.json", "**/pnpm-lock.yaml", "**/go.sum", "**/*.svg",
            "**/*.map", "**/*.ipynb")  # fmt: skip
_PEOPLE = ("**/authors*", "**/contributors*", "**/maintainers*", "**/codeowners", "**/.mailmap", "**/pyproject.toml",
           "**/package.json", "**/cargo.toml", "**/setup.py", "**/setup.cfg", "**/citation.cff")  # fmt: skip
_ROWS = 5  # rows about people after which a table is one of people
_LONG_LINE = 20_000  # characters of a line that are looked at
_LISTED = 20  # places of one kind in one file that are named each; more are counted
_FIX = "make it up (example.com, test numbers), or have whoever answers for personal data agree"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person about data that seems to belong to somebody: each place by line and kind."""
    for file in case.written:
        if file.new_mode != LINK and not resembles(_SKIPPED, file.path) and b"\0" not in case.head(file):
            yield from _places(case, file)
            if resembles(_TABLES, file.path):
                yield from _table(case, file)


def _places(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    counts: Counter[str] = Counter()
    names_authors = resembles(_PEOPLE, file.path)
    for number, text in _candidates(case, file):
        for kind, title in find_personal_data(text[:_LONG_LINE]):
            if names_authors and kind == "email":
                continue
            counts[kind] += 1
            if counts[kind] <= _LISTED:
                message = f"What looks like {title} is added"
                rule = f"personal-data/{kind}"
                yield found(rule, Severity.REVIEW, message, file.path, line=number, fix=_FIX)
    for kind, count in counts.items():
        if count > _LISTED:
            message = f"{count - _LISTED:,} more places with personal data of this kind ({kind}) in this file"
            yield found("personal-data/many", Severity.REVIEW, message, file.path, fix=_FIX)


def _candidates(case: PatchUnderReview, file: FileChange) -> Iterator[tuple[int, str]]:
    """The added lines that may hold something: looking for them in all lines at once is what makes this quick."""
    offsets = list(worth_reading(case.added_text(file)))
    if offsets:
        lines = case.added(file)
        ends = list(accumulate(len(text) + 1 for _, text in lines))
        yield from (lines[index] for index in sorted({bisect_right(ends, offset) for offset in offsets}))


def _table(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    """Many rows under columns that only tables of people have, whatever the values look like."""
    text = case.texts(file)[1]
    added = sum(1 for _, line in case.added(file) if line.strip())
    if added >= _ROWS and names_people(text):
        message = (
            f"{added:,} added lines in a file whose columns are about people (names, and dates of birth or the like)"
        )
        yield found("personal-data/table", Severity.REVIEW, message, file.path, fix=_FIX)
