"""Checkpoints of the trail, kept beside the blobs: outside the database, so that a cut or rewritten trail is found."""

from deputy import audit
from deputy.adapters.store.artifacts.files import Files
from deputy.domain.errors import BadInput

_FOLDER = "checkpoints"


class Checkpoints:
    """One small text per checkpoint."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def keep(self, checkpoint: audit.Checkpoint) -> None:
        """Keep a checkpoint; the same one twice is one file."""
        name = f"{_FOLDER}/{checkpoint.head.seq:018}-{checkpoint.head.hash[:16]}.txt"
        if self._files.read(name) is None:
            self._files.write(name, checkpoint.text().encode())

    def heads(self) -> tuple[tuple[audit.Head, ...], tuple[str, ...]]:
        """The heads that were kept, and the names of the files that can't be read any more."""
        heads: list[audit.Head] = []
        unreadable: list[str] = []
        for name in self._files.names(_FOLDER):
            try:
                heads.append(audit.parse_checkpoint((self._files.read(name) or b"").decode("utf-8", "replace")).head)
            except BadInput:
                unreadable.append(name)
        return tuple(heads), tuple(unreadable)
