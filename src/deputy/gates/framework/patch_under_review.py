"""What every gate looks at: the change, both sides' bytes (read once), the proof, and how to say what it found."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.changes.git_modes import ABSENT, GITLINK
from deputy.domain.errors import NotFound
from deputy.domain.policy.config import Check
from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.tasks.request import TaskKind
from deputy.gates.framework.likeness import matches_one, resembles

__all__ = ["PatchUnderReview", "Reader", "found", "resembles"]

Reader = Callable[[str, str], bytes | None]
_TESTS = (
    "**/test_*.py", "**/*_test.py", "**/tests/**", "**/test/**", "**/__tests__/**", "**/*.test.*", "**/*.spec.*",
    "**/*_test.go", "**/*_spec.rb", "**/spec/**/*.rb", "**/*_test.rb", "**/*Test.java", "**/*Tests.java", "**/*IT.java",
    "**/*Test.kt", "**/*Tests.kt",
)  # fmt: skip


@dataclass(frozen=True)
class PatchUnderReview:
    """A patch before the gates. ``tree_paths`` are all paths of the patched tree, where the caller knows them."""

    change: TreeChange
    read: Reader
    proof: Evidence | None = None
    checks: Sequence[Check] = ()
    kind: TaskKind = TaskKind.OTHER
    tree_paths: Sequence[str] = ()
    _bytes: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    _added: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    _joined: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[FileChange, ...]:
        """Every changed path, in git's order."""
        return self.change.files

    @property
    def present(self) -> Iterator[FileChange]:
        """The changed files that exist after the patch; submodules have no content and are left to ``paths``."""
        return (file for file in self.files if file.kind is not ChangeKind.DELETED and file.new_mode != GITLINK)

    @property
    def written(self) -> Iterator[FileChange]:
        """The present files whose content is new or changed."""
        return (file for file in self.present if file.kind is not ChangeKind.MODE)

    def base(self, file: FileChange) -> bytes:
        """The file's bytes before the patch, empty where there were none."""
        return b"" if file.old_mode in {ABSENT, GITLINK} else self._load("base", file.path)

    def head(self, file: FileChange) -> bytes:
        """The file's bytes after the patch, empty where there are none."""
        return b"" if file.new_mode in {ABSENT, GITLINK} else self._load("head", file.path)

    def texts(self, file: FileChange) -> tuple[str, str]:
        """The file before and after, as text in which undecodable bytes are U+FFFD."""
        if file.path not in self._texts:
            both = self.base(file).decode("utf-8", "replace"), self.head(file).decode("utf-8", "replace")
            self._texts[file.path] = both
        return self._texts[file.path]

    def added(self, file: FileChange) -> tuple[tuple[int, str], ...]:
        """Number and text of each line that the file did not have, or not so often, before (linear, unlike a diff)."""
        if file.path not in self._added:
            base, head = self.texts(file)
            self._added[file.path] = tuple(_new_lines(base, head))
        return self._added[file.path]

    def added_text(self, file: FileChange) -> str:
        """The added lines as one text, each but the last with its newline: what a gate can search at once."""
        if file.path not in self._joined:
            self._joined[file.path] = "\n".join([text for _, text in self.added(file)])
        return self._joined[file.path]

    def is_test(self, path: str) -> bool:
        """Whether a check names the path as a test, or it is called like one."""
        return any(matches_one(check.tests, path) for check in self.checks) or matches_one(_TESTS, path)

    def _load(self, side: str, path: str) -> bytes:
        if (side, path) not in self._bytes:
            content = self.read(side, path)
            if content is None:
                raise NotFound(f"the {side} side of {path} can't be read", "git lists it", "run the task again")
            self._bytes[side, path] = content
        return self._bytes[side, path]


def _new_lines(base: str, head: str) -> Iterator[tuple[int, str]]:
    known = Counter(base.split("\n"))
    for number, line in enumerate(head.split("\n"), start=1):
        left = known.get(line)
        if left:
            known[line] = left - 1
        else:
            yield number, line


def found(rule: str, severity: Severity, message: str, path: str = "", *, line: int = 0, fix: str = "") -> Finding:
    """A finding of the gate that ``rule`` starts with (``size/too-many-files``)."""
    gate = rule.partition("/")[0]
    return Finding(gate=gate, severity=severity, message=message, path=path, line=line, rule=rule, fix=fix)
