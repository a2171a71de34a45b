"""Names and kinds of files that mean something else elsewhere: links, submodules, look-alikes, other file systems."""

import posixpath
import re
from collections.abc import Iterator

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.changes.folding import fold
from deputy.domain.changes.git_modes import EXECUTABLE, FILE, GITLINK, LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.domain.text.visible import is_hidden
from deputy.gates.framework.patch_under_review import PatchUnderReview, found

_GIT = re.compile(r"\.git|git~\d+|\.gitmodules|gitmod~\d+|gi7eba~\d+")  # gi7eba: .gitmodules when names are hashed
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:\..*)?")
_WINDOWS = re.compile(r'[<>:"|?*\\]|[. ]$')
_SHORT = re.compile(r"(?![^.]{9})[^./]{1,6}~\d{1,6}(?:\.[^./]{0,3})?")
_RENAME = "rename the file"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Refuse names and modes that git, a file system or a reader could take for something else."""
    for file in case.files:
        yield from _modes(case, file)
        if file.kind is not ChangeKind.DELETED:
            yield from _names(file.path)
    yield from _collisions(case)


def _names(path: str) -> Iterator[Finding]:
    if any(is_hidden(char) or char == "\ufffd" for char in path):
        message = "The name holds control, format or undecodable characters"
        yield found("paths/hidden-characters", Severity.DENY, message, path, fix=_RENAME)
    segments = path.split("/")
    if {"", ".", ".."} & set(segments):
        yield found("paths/traversal", Severity.DENY, "The path does not stay inside the tree", path, fix=_RENAME)
    for segment in segments:
        yield from _segment(path, segment)


def _segment(path: str, segment: str) -> Iterator[Finding]:
    folded = fold(segment)
    if any(_GIT.fullmatch(part) for part in folded.split("/")):
        message = f"{segment} is git's own name, or can be read as it"
        yield found(
            "paths/git", Severity.DENY, message, path, fix="submodules and nested repositories are not accepted"
        )
    if _WINDOWS.search(segment) or _RESERVED.fullmatch(folded):
        yield found("paths/windows", Severity.DENY, f"{segment} means something else on Windows", path, fix=_RENAME)
    elif _SHORT.fullmatch(segment):
        message = f"{segment} can be the short name of another file on Windows"
        yield found("paths/short-name", Severity.REVIEW, message, path, fix=_RENAME)


def _modes(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    if GITLINK in {file.old_mode, file.new_mode}:
        fix = "leave submodules as they are"
        yield found("paths/submodule", Severity.DENY, "A submodule is added, moved or removed", file.path, fix=fix)
    elif file.new_mode == LINK:
        yield from _link(case, file)
    elif file.kind is not ChangeKind.DELETED and file.new_mode not in {FILE, EXECUTABLE}:
        fix = "use an ordinary file"
        yield found("paths/mode", Severity.DENY, f"Git mode {file.new_mode} is not a file's", file.path, fix=fix)
    elif file.old_mode == LINK and file.kind is not ChangeKind.DELETED:
        message = "A symbolic link becomes a file"
        yield found("paths/link-replaced", Severity.REVIEW, message, file.path, fix="check what pointed there")
    elif file.kind is ChangeKind.MODE or (file.new_mode == EXECUTABLE != file.old_mode):
        message = f"The mode changes from {file.old_mode} to {file.new_mode}"
        severity = Severity.ADVISE if file.kind is ChangeKind.ADDED else Severity.REVIEW
        yield found("paths/mode-change", severity, message, file.path, fix="leave the mode as it was unless asked")


def _link(case: PatchUnderReview, file: FileChange) -> Iterator[Finding]:
    target = case.head(file).decode("utf-8", "replace")
    fix = "copy the content, or link to a file inside the repository by a relative path"
    reason = _escape(case, file.path, target)
    if reason:
        yield found("paths/link-escapes", Severity.DENY, f"A symbolic link {reason}", file.path, fix=fix)
    else:
        message = f"A symbolic link to {target}: whoever reads it reads that"
        yield found("paths/link", Severity.REVIEW, message, file.path, fix=fix)


def _escape(case: PatchUnderReview, path: str, target: str) -> str:
    """How a link's target gets out of the tree, or nothing."""
    if not target or any(is_hidden(char) for char in target):
        return "has an unreadable target"
    if target.startswith("/") or "\\" in target or re.match(r"[A-Za-z]:", target):
        return "has an absolute target"
    # Walked step by step: 'a/../../x' leaves the tree even where normalising would hide it.
    here = [part for part in posixpath.dirname(path).split("/") if part]
    for position, part in enumerate(parts := [part for part in target.split("/") if part not in {"", "."}]):
        if part == "..":
            if not here:
                return "leaves the tree"
            here.pop()
            continue
        here.append(part)
        if fold(part) == ".git":
            return "points into git's own folder"
        # Something with content on the way can only be another link: what it leads to is not known here.
        if position < len(parts) - 1 and case.read("head", "/".join(here)) is not None:
            return "goes through another link"
    return ""


def _collisions(case: PatchUnderReview) -> Iterator[Finding]:
    """Two names, of files or folders, that one kind of file system would make one."""
    seen: dict[str, str] = {}
    present = [file.path for file in case.files if file.kind is not ChangeKind.DELETED]
    for path in (*case.tree_paths, *present):
        for end in (*_slashes(path), len(path)):
            name = path[:end]
            other = seen.setdefault(fold(name), name)
            if other != name:
                message = f"{name} and {other} are one name on some file systems"
                yield found("paths/collision", Severity.DENY, message, path, fix=_RENAME)
                break


def _slashes(path: str) -> Iterator[int]:
    return (index for index, char in enumerate(path) if char == "/")
