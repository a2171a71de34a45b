"""Policy bundles from a folder (``ports.Policies``): a broken new version never replaces a good one."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from deputy.domain.errors import BadPolicy
from deputy.policy import Bundle, digest_of, load
from deputy.ports import Store

log = structlog.get_logger(__name__)
MAX_BYTES = 4 * 1024**2
# A folder that was written to a moment ago may not be all there yet.
SETTLE_NS = 300_000_000
LOOK_SECONDS = 0.1
MAX_LOOKS = 30

# Path, time of the last change in nanoseconds, and size of every file.
Signature = tuple[tuple[str, int, int], ...]


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file below the folder by its relative name; ``BadPolicy`` when there is none to read."""
    if not folder.is_dir():
        raise BadPolicy(
            f"there is no policies folder {folder}",
            "without a policy nothing is permitted",
            "run `deputy init`, or set DEPUTY_POLICIES to the folder",
        )
    names = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path, folder))
    try:
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in names}
    except OSError as error:  # a file that is being replaced, or that we may not read
        raise BadPolicy(f"{error.filename} can't be read", error.strerror or "", "let Deputy read it") from None
    if sum(map(len, files.values())) > MAX_BYTES:
        raise BadPolicy(f"{folder} holds more than {MAX_BYTES} bytes", "", "keep only policy files in it")
    return files


def _is_hidden(path: Path, folder: Path) -> bool:
    """Editors' droppings and version control are no policy."""
    return any(part.startswith((".", "__")) or part.endswith("~") for part in path.relative_to(folder).parts)


@dataclass(frozen=True)
class Change:
    """A version of the folder that can't be loaded, or (``why`` empty) can be again; ``kept`` is the one in force."""

    digest: str
    kept: str
    why: str


class PolicyFolder:
    """The bundle in force, and those before it from the store. Safe under threads: a reference is swapped."""

    def __init__(self, folder: Path, store: Store, on_change: Callable[[Change], None] | None = None) -> None:
        """``on_change`` is told once for each version that can't be loaded, and for the sound one after it."""
        self._folder, self._store = folder, store
        self._on_change = on_change or (lambda _: None)
        self._lock = threading.Lock()
        self._seen: Signature = ()
        self._is_broken = False
        self._bundle: Bundle | None = None
        self._kept: dict[str, Bundle] = {}

    def current(self) -> Bundle:
        """The newest good bundle; ``BadPolicy`` when there has never been one."""
        with self._lock:
            signature = self._signature()
            if self._bundle is None or signature != self._seen:
                self._take(signature)
            return self._bundle_or_refuse()

    def kept(self, digest: str) -> Bundle:
        """A bundle by its digest, from memory or from the store."""
        current = self._bundle
        if current is not None and current.digest == digest:
            return current
        if digest not in self._kept:
            with self._store.transaction() as ledger:
                files = ledger.bundle(digest)
            self._kept[digest] = load(files)
        return self._kept[digest]

    def _bundle_or_refuse(self) -> Bundle:
        if self._bundle is None:
            raise BadPolicy("there is no policy in force", "", "repair the policies folder; `deputy policy lint` helps")
        return self._bundle

    def _take(self, signature: Signature) -> None:
        """Swap once nothing is being written any more: half a file may lack just the rule that denies.

        While somebody goes on writing, the version before stays, and the next question looks again.
        """
        for _ in range(MAX_LOOKS):
            if time.time_ns() - max((changed for _, changed, _ in signature), default=0) > SETTLE_NS:
                self._swap()
                self._seen = signature
                return
            time.sleep(LOOK_SECONDS)
            signature = self._signature()
        if self._bundle is None:
            raise BadPolicy(f"{self._folder} is being written to all the time", "", "let it rest, then try again")

    def _signature(self) -> Signature:
        """What tells that a file was written, without reading it."""
        if not self._folder.is_dir():
            return ()
        try:
            stats = [(path, path.stat()) for path in sorted(self._folder.rglob("*")) if path.is_file()]
        except OSError:  # an editor's temporary file, gone between two looks: the next look sees what became of it
            return (("changing", time.time_ns(), 0),)
        return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)

    def _swap(self) -> None:
        digest = ""
        try:
            files = read_folder(self._folder)
            digest = digest_of(files)
            if self._bundle is None or digest != self._bundle.digest:
                self._bundle = load(files)
                log.info("policy.loaded", digest=digest)
        except BadPolicy as error:
            if self._bundle is None:
                raise
            log.warning("policy.broken", error=str(error), kept=self._bundle.digest)
            self._is_broken = True
            self._on_change(Change(digest, self._bundle.digest, str(error)))
            return
        if self._is_broken:
            self._is_broken = False
            self._on_change(Change(digest, digest, ""))
