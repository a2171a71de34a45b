"""Whether a patch is of the kind that its request was understood as: wording claims a kind, and rules go by it."""

import ast
from collections.abc import Iterator

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.domain.tasks.request import TaskKind
from deputy.gates.dependencies.lockfiles import lock_parser_of
from deputy.gates.dependencies.manifests import parser_of
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles

_PROSE = ("**/*.md", "**/*.rst", "**/*.txt", "**/*.adoc", "docs/**")
_READ_BY_MACHINES = ("**/cmakelists.txt", "**/robots.txt", "**/conf.py", "**/makefile")
_RECORDED = ("**/__snapshots__/**", "**/*.snap", "**/*.ambr", "**/conftest.py", "**/testdata/**")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_MAX_BYTES = 1024**2  # what is longer is not compared, and counts as code
_FIX = "leave the rest out, or ask for it in words that say so"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person about documentation that writes code, and about tests that write what is no test."""
    belongs = {TaskKind.DOCS: _is_documentation, TaskKind.TEST: _is_test}.get(case.kind)
    others = [file.path for file in case.files if not belongs(case, file)] if belongs else []
    if others:
        more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
        message = f"The request was understood as {case.kind.value}, but the patch also changes {others[0]}{more}"
        yield found("checks/kind", Severity.REVIEW, message, others[0], fix=_FIX)


def _is_test(case: PatchUnderReview, file: FileChange) -> bool:
    return case.is_test(file.path) or resembles(_RECORDED, file.path)


def _is_documentation(case: PatchUnderReview, file: FileChange) -> bool:
    if resembles(("**/*.py", "**/*.pyi"), file.path):
        return file.kind is ChangeKind.MODIFIED and file.old_mode == file.new_mode and _says_the_same(case, file)
    is_read = resembles(_READ_BY_MACHINES, file.path) or lock_parser_of(file.path) or parser_of(file.path)
    return not is_read and resembles(_PROSE, file.path)


def _says_the_same(case: PatchUnderReview, file: FileChange) -> bool:
    """Whether Python differs in comments and docstrings only; as bytes, because a comment may declare an encoding."""
    base, head = case.base(file), case.head(file)
    if max(len(base), len(head)) > _MAX_BYTES or _shebang(base) != _shebang(head):
        return False
    try:
        return _code(base) == _code(head)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _shebang(content: bytes) -> bytes:
    return content.partition(b"\n")[0] if content.startswith(b"#!") else b""


def _code(content: bytes) -> str:
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = [ast.Pass(), *node.body[1:]]
        elif isinstance(node, _DOCUMENTED):
            node.body = [ast.Pass(), *node.body]
    return ast.dump(tree)
