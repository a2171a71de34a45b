"""Trees for sandboxes, out of what tests and benchmarks have at hand."""

import hashlib
from collections.abc import Mapping

from deputy.ports import StoredFile, Tree


def tree_of(files: Mapping[str, tuple[bytes, int]], links: Mapping[str, str] | None = None) -> Tree:
    """From content and mode by path, and links by path."""
    found = {path: stored(content, "100755" if mode & 0o100 else "100644") for path, (content, mode) in files.items()}
    return found | {path: stored(target.encode(), "120000") for path, target in (links or {}).items()}


def stored(content: bytes, mode: str = "100644") -> StoredFile:
    """A file with the blob id that git would give it."""
    return StoredFile(mode, hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), content)
