"""Scanners for credentials and workflows, as the workflows need them."""

from collections.abc import Mapping
from typing import Protocol

from deputy.domain.review.scans import Scan


class Scanner(Protocol):
    """Programs of others that find what our own gates can't: credentials, and CI workflows that can be abused."""

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        """What is found in the changed files after the patch (``head``) and was not there before (``base``).

        Both map paths to contents. Never raises because of a content: a scanner that breaks or can't run is listed in
        ``Scan.failed``.
        """

    def check(self) -> str:
        """One line that says which scanners are ready; ``Unavailable`` when none can look for credentials."""
