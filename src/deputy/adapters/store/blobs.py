"""Blobs named by the SHA-256 of their content, compressed, in a folder or any object store that fsspec knows."""

import hashlib
import os
import re
import secrets
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
from fsspec.implementations.local import LocalFileSystem

from deputy.domain.errors import AuditBroken, BadInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """A content-addressed store under a URL (``file:///…``, a path, ``s3://…``)."""

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise BadInput(
                "the artifacts URL can't be used", str(error), "set DEPUTY_ARTIFACTS_URL to file:///path/to/a/folder"
            ) from error

    def put(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256 in hex. A damaged copy is replaced."""
        digest = hashlib.sha256(content).hexdigest()
        with _plain_errors():
            if self._read(digest) != content:
                self._write(self._path(digest), zlib.compress(content))
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes, checked against the digest; ``NotFound``, or ``AuditBroken`` when they were changed."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"there is no artifact {digest[:80]!r}", "that is not a digest")
        with _plain_errors():
            path = self._path(digest)
            if not self._files.exists(path):
                raise NotFound(f"there is no artifact {digest}")
            content = self._read(digest)
        if content is None:
            raise AuditBroken(
                f"artifact {digest} is not what was stored", "its content was changed", "restore a backup"
            )
        return content

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}.z"

    def _read(self, digest: str) -> bytes | None:
        """The content, or None when it is absent or not what its name says."""
        try:
            content = zlib.decompress(self._files.cat_file(self._path(digest)))
        except (FileNotFoundError, zlib.error):
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def _write(self, path: str, packed: bytes) -> None:
        if isinstance(self._files, LocalFileSystem):
            _write_file(Path(path), packed)
        else:
            self._files.pipe_file(path, packed)  # an object store shows a whole object or none


def _write_file(path: Path, packed: bytes) -> None:
    """Write so that, after a crash, there is the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _plain_errors() -> "Iterator[None]":
    try:
        yield
    except OSError as error:
        raise Unavailable(
            "the artifact store can't be used",
            error.strerror or type(error).__name__,
            "see that DEPUTY_ARTIFACTS_URL can be written to, then try again",
        ) from error
