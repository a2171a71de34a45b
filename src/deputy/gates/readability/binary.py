"""Content that a reviewer can't read."""

from collections.abc import Iterator

from deputy.domain.changes.change import FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found

# What a machine would run: ELF, PE, Mach-O (both byte orders and fat), Java class, WebAssembly.
_RUNNABLE = (
    b"\x7fELF", b"MZ", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\x00asm",
)  # fmt: skip
_COMPILED = (".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib", ".exe", ".class", ".jar", ".whl", ".egg", ".o", ".a")


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Refuse programs without source; ask a person about everything else that is not UTF-8 text."""
    for file in case.written:
        if file.new_mode != LINK:
            yield from _content(file, case.head(file))


def _content(file: FileChange, content: bytes) -> Iterator[Finding]:
    if (content.startswith(_RUNNABLE) and not _is_text(content)) or file.path.lower().endswith(_COMPILED):
        message = "A compiled program or archive of programs: its source can't be reviewed here"
        yield found("binary/program", Severity.DENY, message, file.path, fix="add the source and build from it")
    elif file.is_binary or not _is_text(content):
        message = f"{len(content):,} bytes that are not UTF-8 text"
        yield found("binary/content", Severity.REVIEW, message, file.path, fix="say in the request that it is wanted")


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
