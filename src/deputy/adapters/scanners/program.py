"""The interface of one scanner program."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from deputy.domain.review.scans import Sighting


class ProgramResult(NamedTuple):
    """A scanner's result: its name with version, and what is new in the patched files."""

    by: str
    sightings: tuple[Sighting, ...]


class ScannerProgram(Protocol):
    """One scanner program."""

    @property
    def name(self) -> str:
        """The program's name."""

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes], folder: Path) -> ProgramResult:
        """What is in ``head`` and not in ``base``. It works in ``folder``; ``Unavailable`` when it gives no result."""
