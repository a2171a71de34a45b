"""Credentials by detect-secrets, where kingfisher can't: issued formats only; guessing by name is a gate's of ours."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from deputy.adapters.scanners.canary import canary
from deputy.adapters.scanners.lines import new_lines
from deputy.adapters.scanners.looking import Seen
from deputy.adapters.scanners.running import Bounds, Output, broken, run
from deputy.domain.scans import Sighting

NAME, LINES = "detect-secrets", "lines.txt"
# Entropy would ask about every digest of a lock file; by name, the gate looks itself.
_GUESSES = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector")
# By these a file, or a comment in it, could have itself left out.
_BLIND_SPOTS = ("allowlist.is_line_allowlisted", "heuristic.is_lock_file", "heuristic.is_swagger_file")
FLAGS = (
    "scan", "--all-files", "--no-verify", *(f"--disable-plugin={name}" for name in _GUESSES),
    *(f"--disable-filter=detect_secrets.filters.{name}" for name in _BLIND_SPOTS),
)  # fmt: skip
_UNCERTAIN = frozenset(
    (
        "Basic Auth Credentials", "IBM Cloud IAM Key", "IBM COS HMAC Credentials", "SoftLayer Credentials",
        "Cloudant Credentials",
    )
)  # fmt: skip


class _Found(BaseModel):
    type: str
    line_number: int


class _Report(BaseModel):
    version: str
    results: dict[str, tuple[_Found, ...]]


@dataclass(frozen=True)
class DetectSecrets:
    """``command`` is how the program starts; empty when it is not installed."""

    command: tuple[str, ...]
    bounds: Bounds = field(default_factory=Bounds)
    name: str = NAME

    def look(self, base: Mapping[str, bytes], head: Mapping[str, bytes], folder: Path) -> Seen:
        """Name with version, and what is on new lines of ``head``. Raises ``Unavailable`` when it gives no result."""
        if not self.command:
            raise broken(NAME, "it is not installed")
        places = _places(base, head)
        text = b"".join(line + b"\n" for line in (canary().strip().encode(), *places))
        (folder / "in" / LINES).write_bytes(text)
        report = _parsed(run(NAME, [*self.command, *FLAGS, LINES], folder, self.bounds))
        found = report.results.get(LINES, ())
        if not any(one.line_number == 1 for one in found):
            raise broken(NAME, "it did not see the credential that was planted for it")
        return Seen(f"{NAME} {report.version}", tuple(_sightings(found, list(places.values()))))


def _places(base: Mapping[str, bytes], head: Mapping[str, bytes]) -> dict[bytes, list[tuple[str, int]]]:
    """Where each new line stands: it looks at lines one by one, so the same one is worth one look."""
    places: dict[bytes, list[tuple[str, int]]] = {}
    for path, content in head.items():
        lines = content.split(b"\n")
        for number in sorted(new_lines(base.get(path, b""), content)):
            places.setdefault(_plain(lines[number - 1]), []).append((path, number))
    return places


def _sightings(found: Sequence[_Found], places: Sequence[Sequence[tuple[str, int]]]) -> Iterator[Sighting]:
    for one in found:
        for path, line in places[one.line_number - 2] if one.line_number > 1 else ():
            yield Sighting(
                scanner=NAME,
                rule=one.type.lower().replace(" ", "-"),
                path=path,
                line=line,
                message=one.type,
                is_certain=one.type not in _UNCERTAIN,
            )


def _plain(line: bytes) -> bytes:
    """The line as text without what would end it early or, one broken letter being enough, have it all left out."""
    return line.decode("utf-8", "replace").replace("\r", " ").replace("\0", "").encode()


def _parsed(output: Output) -> _Report:
    if output.status:
        raise broken(NAME, f"it ended with status {output.status}")
    try:
        return _Report.model_validate_json(output.out, strict=True)
    except ValidationError:
        raise broken(NAME, "its report could not be read") from None


def find_command() -> tuple[str, ...]:
    """How to start what is installed beside us."""
    found = importlib.util.find_spec("detect_secrets")
    return (sys.executable, "-I", "-m", "detect_secrets") if found else ()
