"""Blobs named by the SHA-256 of their content, compressed."""

import hashlib
import re
import zlib

from deputy.adapters.store.artifacts.files import Files
from deputy.domain.errors import AuditBroken, NotFound

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A content-addressed store."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def put(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256 in hex. A damaged copy is replaced."""
        digest = hashlib.sha256(content).hexdigest()
        if _unpack(self._files.read(_name(digest)), digest) is None:
            self._files.write(_name(digest), zlib.compress(content))
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes, checked against the digest; ``NotFound``, or ``AuditBroken`` when they were changed."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"there is no artifact {digest[:80]!r}", "that is not a digest")
        packed = self._files.read(_name(digest))
        if packed is None:
            raise NotFound(f"there is no artifact {digest}")
        content = _unpack(packed, digest)
        if content is None:
            raise AuditBroken(
                f"artifact {digest} is not what was stored", "its content was changed", "restore a backup"
            )
        return content


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest}.z"


def _unpack(packed: bytes | None, digest: str) -> bytes | None:
    """The content, or None when it is absent or not what its name says."""
    try:
        content = zlib.decompress(packed or b"")
    except zlib.error:
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None
