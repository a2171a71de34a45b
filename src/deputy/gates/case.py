"""What every gate looks at: the change, both sides' bytes (read once), the proof, and how to say what it found."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from deputy.domain.config import Check
from deputy.domain.errors import NotFound
from deputy.domain.folding import fold
from deputy.domain.globs import matches_any
from deputy.domain.values import ChangeKind, FileChange, Finding, Proof, Severity, TaskKind, TreeChange

Reader = Callable[[str, str], bytes | None]
LINK, GITLINK, ABSENT = "120000", "160000", "000000"
_TESTS = ("**/test_*.py", "**/*_test.py", "**/tests/**", "**/test/**", "**/__tests__/**", "**/*.test.*", "**/*.spec.*")


@dataclass(frozen=True)
class Case:
    """A patch before the gates. ``tree_paths`` are all paths of the patched tree, where the caller knows them."""

    change: TreeChange
    read: Reader
    proof: Proof | None = None
    checks: Sequence[Check] = ()
    kind: TaskKind = TaskKind.OTHER
    tree_paths: Sequence[str] = ()
    _bytes: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _added: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)

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
        return self.base(file).decode("utf-8", "replace"), self.head(file).decode("utf-8", "replace")

    def added(self, file: FileChange) -> tuple[tuple[int, str], ...]:
        """Number and text of each line that the file did not have, or not so often, before (linear, unlike a diff)."""
        if file.path not in self._added:
            base, head = self.texts(file)
            self._added[file.path] = tuple(_new_lines(base, head))
        return self._added[file.path]

    def is_test(self, path: str) -> bool:
        """Whether a check names the path as a test, or it is called like one."""
        return any(matches_any(check.tests, path) for check in self.checks) or matches_any(_TESTS, path)

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
        if known[line] > 0:
            known[line] -= 1
        else:
            yield number, line


def resembles(patterns: Sequence[str], path: str) -> bool:
    """Whether a path, or what a kinder file system makes of it, matches one of the (lower-case) patterns."""
    return matches_any(patterns, path) or matches_any(patterns, fold(path))


def found(rule: str, severity: Severity, message: str, path: str = "", *, line: int = 0, fix: str = "") -> Finding:
    """A finding of the gate that ``rule`` starts with (``size/too-many-files``)."""
    gate = rule.partition("/")[0]
    return Finding(gate=gate, severity=severity, message=message, path=path, line=line, rule=rule, fix=fix)
