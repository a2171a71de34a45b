"""What is wrong in a bundle: where, what, and how to say it to the person who wrote it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from deputy.domain.errors import BadPolicy

_SHOWN = 5


class Level(StrEnum):
    """An error keeps the bundle from loading; a warning is for somebody to look at."""

    ERROR = "error"
    WARNING = "warning"


class Doubt(StrEnum):
    """What a warning is about, by the name that the lint prints and docs/policy-tools.md explains."""

    UNREACHABLE = "unreachable"
    CONTRADICTION = "contradiction"
    SHADOWED = "shadowed"
    LONE_REVIEW = "lone-review"
    NEAR_MISS = "near-miss"
    NO_PATH = "no-path"
    NOBODY = "nobody"
    UNMET = "unmet"
    SELF_APPROVAL = "self-approval"
    NO_REPO = "no-repo"
    UNUSED = "unused"
    OLD_MODEL = "old-model"
    STRAY_FILE = "stray-file"


@dataclass(frozen=True, order=True)
class Problem:
    """``line`` counts from 1; 0 means the whole file.

    ``message`` says what is wrong, ``fix`` what to write instead; both are clauses without a final full stop.
    ``doubt`` says what kind of warning it is.
    """

    file: str
    line: int
    message: str
    fix: str
    severity: Level = Level.ERROR
    doubt: str = ""

    def __str__(self) -> str:
        """As compilers write it: ``policy.csv:12: what is wrong; what to write``."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        kind = "warning: " if self.severity is Level.WARNING else ""
        name = f" [{self.doubt}]" if self.doubt else ""
        return f"{place}: {kind}{'; '.join(part for part in (self.message, self.fix) if part)}{name}"


def doubtful(doubt: Doubt, file: str, line: int, message: str, fix: str) -> Problem:
    """A warning of this kind."""
    return Problem(file, line, message, fix, Level.WARNING, doubt.value)


def refuse(problems: Sequence[Problem]) -> None:
    """Raise ``BadPolicy`` that names every problem which keeps the bundle from loading, if there is one."""
    errors = [problem for problem in problems if problem.severity is Level.ERROR]
    if not errors:
        return
    shown = "\n".join(f"  {problem}" for problem in errors[:_SHOWN])
    rest = f"\n  and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
    raise BadPolicy(
        "the policy bundle can't be loaded",
        f"{len(errors)} {'problem' if len(errors) == 1 else 'problems'}\n{shown}{rest}",
        "correct the policies folder; `deputy policy lint` shows every problem",
    )


def decode(file: str, content: bytes) -> tuple[str, tuple[Problem, ...]]:
    """The text of a file, or a problem when it is not plain UTF-8."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return "", (Problem(file, line, "this is not UTF-8 text", "save the file as UTF-8"),)
    if text.startswith("\ufeff"):
        return "", (Problem(file, 1, "the file starts with a byte order mark", "save it as UTF-8 without BOM"),)
    return text, ()


def line_of(text: str, keys: Sequence[str | int]) -> int:
    """The line (from 1) where a TOML key path most likely stands; the nearest table header when it can't be found."""
    lines, found, last = text.split("\n"), 0, ""
    for key in keys:
        if isinstance(key, int):
            pattern, skip = rf"^\s*\[\[.*\b{re.escape(last)}\b", key + 1
            found = _scan(lines, pattern, _start_of_array(lines, pattern, found), skip) if key else found
        else:
            found = _scan(lines, rf"(?:^|[\s.\"'\[]){re.escape(key)}[\"']?\s*[\].=]", found, 1)
            last = key
    return min(found + 1, len(lines))


def _start_of_array(lines: Sequence[str], pattern: str, found: int) -> int:
    """Where to count an array's tables from: the line found last, when it is one of them."""
    return found if re.search(pattern, lines[found]) else 0


def _scan(lines: Sequence[str], pattern: str, start: int, occurrence: int) -> int:
    """The index of the n-th line from ``start`` that the pattern matches; ``start`` when there is none."""
    hits = [number for number in range(start, len(lines)) if re.search(pattern, lines[number])]
    return hits[occurrence - 1] if len(hits) >= occurrence else start
