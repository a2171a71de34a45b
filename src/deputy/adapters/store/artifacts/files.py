"""Files in a folder or any object store that fsspec knows. A file is written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from deputy.domain.errors import BadInput, Unavailable


class Files:
    """Named files under a URL (``file:///…``, a path, ``s3://…``). Methods raise ``Unavailable`` when they can't."""

    def __init__(self, url: str) -> None:
        try:
            self._system, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise BadInput(
                "the artifacts URL can't be used", str(error), "set DEPUTY_ARTIFACTS_URL to file:///path/to/a/folder"
            ) from error
        self._root = str(root).rstrip("/")

    def read(self, name: str) -> bytes | None:
        """The file's bytes, or None when there is none."""
        with _plain_errors():
            try:
                return bytes(self._system.cat_file(f"{self._root}/{name}"))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write or replace a file."""
        path = f"{self._root}/{name}"
        with _plain_errors():
            if isinstance(self._system, LocalFileSystem):
                _write_locally(Path(path), content)
            else:
                self._system.pipe_file(path, content)  # an object store shows a whole object or none

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of the files in a folder, sorted; none when there is no such folder."""
        with _plain_errors():
            try:
                found = self._system.ls(f"{self._root}/{folder}", detail=False, refresh=True)
            except FileNotFoundError:
                return ()
        return tuple(sorted(f"{folder}/{str(path).rpartition('/')[2]}" for path in found))


def _write_locally(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too, must be there after a crash
    finally:
        os.close(folder)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            "the artifact store can't be used",
            error.strerror or type(error).__name__,
            "see that DEPUTY_ARTIFACTS_URL can be written to, then try again",
        ) from error
