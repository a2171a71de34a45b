"""What a single scanner is to the others."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from deputy.domain.review.scans import Sighting


class Seen(NamedTuple):
    """A scanner's result: its name with version, and what is new in the patched files."""

    by: str
    sightings: tuple[Sighting, ...]


class Looker(Protocol):
    """One scanner."""

    @property
    def name(self) -> str:
        """What it is called."""

    def look(self, base: Mapping[str, bytes], head: Mapping[str, bytes], folder: Path) -> Seen:
        """What is in ``head`` and was not in ``base``, found in a folder of its own; ``Unavailable`` otherwise."""
