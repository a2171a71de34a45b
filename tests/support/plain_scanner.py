"""A scanner without programs for fast tests: credentials as our own gate knows them, and one rule about workflows."""

from collections.abc import Mapping

from deputy.domain.review.scans import Scan, Sighting
from deputy.domain.text.secrets import find_secrets


class PlainScanner:
    """Implements ``ports.Scanner``."""

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        sightings = [
            sighting
            for path, content in head.items()
            for sighting in (*_credentials(path, base.get(path, b""), content), *_audit(path, base, content))
        ]
        return Scan(scanners=("kingfisher 0", "zizmor 0"), sightings=tuple(sightings))

    def check(self) -> str:
        return "a plain scanner"


def _credentials(path: str, base: bytes, head: bytes) -> list[Sighting]:
    known = base.split(b"\n")
    return [
        Sighting(scanner="kingfisher", rule=secret.kind, path=path, line=number, message=secret.kind, is_certain=True)
        for number, line in enumerate(head.split(b"\n"), start=1)
        if line not in known
        for secret in find_secrets(line.decode("utf-8", "replace").replace("\0", ""))
        if secret.is_certain
    ]


def _audit(path: str, base: Mapping[str, bytes], head: bytes) -> list[Sighting]:
    if not path.startswith(".github/workflows/"):
        return []
    lines = enumerate(head.split(b"\n"), start=1)
    new = [number for number, line in lines if b"@v" in line and line not in base.get(path, b"").split(b"\n")]
    return [Sighting(scanner="zizmor", rule="unpinned-uses", path=path, line=number) for number in new]
