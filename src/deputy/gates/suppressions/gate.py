"""Whether a patch turns the checks down instead of satisfying them."""

import configparser
import re
import tomllib
from collections.abc import Callable, Iterator

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles
from deputy.gates.suppressions.settings import loosenings, settings_of

_COMMENT = re.compile(
    r"#\s*(?:noqa|ruff:\s*noqa|flake8:\s*noqa|type:\s*ignore|mypy:\s*\S|pyright:\s*\S|pyre-ignore|pylint:\s*disable"
    r"|pragma:\s*no\s*(?:cover|branch)|nosec|nosemgrep|fmt:\s*(?:off|skip)|isort:\s*(?:skip|off)|pytype:\s*(?:disable|skip))"
    r"|eslint-disable|@ts-(?:ignore|expect-error|nocheck)|(?:istanbul|c8|v8)\s+ignore|prettier-ignore|biome-ignore"
    r"|//\s*nolint|//\s*nosec|@SuppressWarnings|NOLINT|NOSONAR|#!?\[(?:allow|expect)\(|rubocop:disable|swiftlint:disable"
    r"|lgtm\[|coverage:ignore",
    re.IGNORECASE,
)
# Those of them that hold for all that follows in the file, or all of it.
_WHOLE_FILE = re.compile(
    r"#\s*(?:(?:ruff|flake8):\s*noqa\s*(?::|$)|mypy:\s*\S|pyright:\s*(?!ignore)\S|pyre-ignore-all|isort:\s*skip_file"
    r"|pytype:\s*skip-file|pylint:\s*skip-file)|^#\s*(?:pylint:\s*disable|type:\s*ignore|pytype:\s*disable)"
    r"|/\*\s*eslint-disable(?!-)|@ts-nocheck|(?:istanbul|c8|v8)\s+ignore\s+(?:file|start)|biome-ignore-(?:all|start)"
    r"|^\s*#!\[(?:allow|expect)\(|(?:swiftlint|rubocop):disable\s+all|^\s*#\s*rubocop:disable|coverage:ignore-file",
    re.IGNORECASE | re.MULTILINE,
)
# What a text (in lower case) has in it if a comment like that is there: searching for words is some ten times faster.
_HINTS = (
    "noqa", "ignore", "mypy:", "pyright:", "pylint:", "pragma:", "nosec", "nosemgrep", "fmt:", "isort:", "pytype:",
    "eslint-disable", "@ts-", "nolint", "@suppresswarnings", "nosonar", "[allow(", "[expect(", "rubocop:disable",
    "swiftlint:disable", "lgtm[",
)  # fmt: skip
_PROSE = (".md", ".rst", ".txt", ".adoc")
_CONFIG = (
    "**/.coveragerc", "**/.flake8", "**/mypy.ini", "**/.mypy.ini", "**/ruff.toml", "**/.ruff.toml", "**/pytest.ini",
    "**/.pytest.ini", "**/pytest.toml", "**/.pylintrc", "**/pylintrc", "**/pyrightconfig.json", "**/.bandit",
    "**/.eslintrc*",
    "**/eslint.config.*", "**/.eslintignore", "**/tsconfig*.json", "**/jest.config.*", "**/vitest.config.*",
    "**/biome.json*",
    "**/.prettierrc*", "**/.prettierignore", "**/.codecov.yml", "**/codecov.yml", "**/.golangci.y*ml", "**/clippy.toml",
    "**/rustfmt.toml", "**/.rubocop.yml", "**/.semgrepignore", "**/.gitleaks.toml", "**/.gitleaksignore", "**/.nycrc*",
    "**/sonar-project.properties", "**/.isort.cfg", "**/.style.yapf", "**/.editorconfig",
)  # fmt: skip
_TOOLS = (
    "bandit", "basedpyright", "black", "coverage", "flake8", "isort", "mypy", "pylint", "pyright", "pytest", "ruff",
    "tox",
    "importlinter", "vulture", "interrogate", "ty", "pyrefly",
)  # fmt: skip
_SECTIONS = (
    "mypy",
    "flake8",
    "tool:pytest",
    "pytest",
    "coverage",
    "pylint",
    "isort",
    "testenv",
    "tox",
    "bandit",
    "pycodestyle",
)
_Parser = Callable[[str], dict[str, object]]
_FIX = "satisfy the check instead of switching it off"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person about new suppression comments and about any change of what the checks are configured to be."""
    for file in case.files:
        if resembles(_CONFIG, file.path):
            message = f"Configuration of checks is {file.kind}"
            yield found("suppressions/config", Severity.REVIEW, message, file.path, fix=_FIX)
            yield from _looser(case, file)
        elif resembles(("**/pyproject.toml",), file.path):
            yield from _sections(case, file, _toml_tools)
            yield from _looser(case, file)
        elif resembles(("**/setup.cfg", "**/tox.ini"), file.path):
            yield from _sections(case, file, _ini_tools)
            yield from _looser(case, file)
        elif resembles(("**/package.json",), file.path):
            yield from _looser(case, file)
        elif file.kind not in {ChangeKind.DELETED, ChangeKind.MODE} and file.new_mode != LINK:
            yield from _comments(case, file)


def _comments(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    if file.path.lower().endswith(_PROSE):
        return
    if not _may_suppress(case.added_text(file)):
        return
    hits = [(number, text) for number, text in case.added(file) if _COMMENT.search(text)]
    if not hits:
        return
    # A line that was touched but already carried its suppression adds none.
    whole = _more(_WHOLE_FILE, case, file)
    if whole > 0:
        line = next((number for number, text in case.added(file) if _WHOLE_FILE.search(text)), hits[0][0])
        message = f"Checks are switched off for all that follows in the file, or all of it ({whole} comments more)"
        yield found("suppressions/whole-file", Severity.REVIEW, message, file.path, line=line, fix=_FIX)
    more = _more(_COMMENT, case, file) - max(whole, 0)
    if more > 0:
        number, text = next((hit for hit in hits if not _WHOLE_FILE.search(hit[1])), hits[0])
        first = "".join(_COMMENT.findall(text)[:1]).strip()
        message = f"{more} more suppressions of checks (the first new one: {first})"
        yield found("suppressions/comment", Severity.REVIEW, message, file.path, line=number, fix=_FIX)


def _more(pattern: re.Pattern[str], case: PatchUnderReview, file: FileChange) -> int:
    before, after = (len(pattern.findall(text)) for text in case.texts(file))
    return after - before


def _looser(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    """What a change of configuration makes looser, where both sides can be read; else that it changed must do."""
    before, after = (settings_of(file.path, text) for text in case.texts(file))
    if before is not None and after is not None:
        for each in loosenings(before, after):
            message = f"{'.'.join(each.setting)} {each.how}"
            yield found("suppressions/looser", Severity.REVIEW, message[:400], file.path, fix=_FIX)


def _may_suppress(text: str) -> bool:
    lower = text.lower()
    # Beyond ASCII, what differs in case only need not be equal in lower case.
    return not text.isascii() or any(hint in lower for hint in _HINTS)


def _sections(case: PatchUnderReview, file: FileChange, parse: _Parser) -> Iterator[Finding]:
    before, after = (parse(text) for text in case.texts(file))
    for name in sorted(set(before) | set(after)):
        if before.get(name) != after.get(name):
            message = f"Configuration of {name} changes"
            yield found("suppressions/config", Severity.REVIEW, message, file.path, fix=_FIX)


def _toml_tools(text: str) -> dict[str, object]:
    tools = tomllib.loads(text).get("tool", {})
    return {name: tools[name] for name in _TOOLS if name in tools}


def _ini_tools(text: str) -> dict[str, object]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    return {name: dict(parser.items(name)) for name in parser.sections() if name.startswith(_SECTIONS)}
