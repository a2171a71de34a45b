"""Finds credentials with detect-secrets, the fallback for kingfisher: issued formats only. A gate guesses by name."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from deputy.adapters.scanners.program import ProgramResult
from deputy.adapters.scanners.programs.canary import canary
from deputy.adapters.scanners.programs.lines import new_lines
from deputy.adapters.scanners.sealed_run import Bounds, Output, broken, run
from deputy.domain.review.scans import Sighting

NAME, LINES = "detect-secrets", "lines.txt"
PROGRAM = Path(__file__).with_name("line_program.py")
_UNCERTAIN = frozenset(
    (
        "Basic Auth Credentials", "Cloudant Credentials", "IBM Cloud IAM Key", "IBM COS HMAC Credentials",
        "SoftLayer Credentials",
    )
)  # fmt: skip
# Where a line of the report stands: the file's path and the line's number.
_Places = dict[bytes, list[tuple[str, int]]]


class _Report(BaseModel):
    version: str
    found: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class DetectSecrets:
    """``command`` starts our program around detect-secrets; empty when that is not installed."""

    command: tuple[str, ...]
    bounds: Bounds = field(default_factory=Bounds)
    name: str = NAME

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes], folder: Path) -> ProgramResult:
        """What is on new lines of ``head``. Raises ``Unavailable`` when it gives no result."""
        if not self.command:
            raise broken(NAME, "it is not installed")
        places = _places(base, head)
        (folder / "in" / LINES).write_bytes(b"\n".join((canary().strip().encode(), *places)))
        report = _parsed(run(NAME, [*self.command, LINES], folder, self.bounds), len(places) + 1)
        if not any(number == 1 for number, _ in report.found):
            raise broken(NAME, "it did not see the credential that was planted for it")
        return ProgramResult(f"{NAME} {report.version}", tuple(_sightings(report, [[], *places.values()])))


def _places(base: Mapping[str, bytes], head: Mapping[str, bytes]) -> _Places:
    """The places of each new line. Lines are scanned one by one, so equal ones are scanned once."""
    places: _Places = {}
    for path, content in head.items():
        lines = content.split(b"\n")
        for number in sorted(new_lines(base.get(path, b""), content)):
            places.setdefault(lines[number - 1].replace(b"\0", b""), []).append((path, number))
    return places


def _sightings(report: _Report, places: Sequence[Sequence[tuple[str, int]]]) -> Iterator[Sighting]:
    for number, kind in report.found:
        for path, line in places[number - 1]:
            yield Sighting(
                scanner=NAME,
                rule=kind.lower().replace(" ", "-"),
                path=path,
                line=line,
                message=kind,
                is_certain=kind not in _UNCERTAIN,
            )


def _parsed(output: Output, lines: int) -> _Report:
    if output.status:
        raise broken(NAME, f"it ended with status {output.status}")
    try:
        report = _Report.model_validate_json(output.out, strict=True)
    except ValidationError:
        raise broken(NAME, "its report could not be read") from None
    if not all(1 <= number <= lines for number, _ in report.found):
        raise broken(NAME, "its report names lines that it was not given")
    return report


def find_command() -> tuple[str, ...]:
    """The command for the detect-secrets that is installed next to Deputy."""
    found = importlib.util.find_spec("detect_secrets")
    return (sys.executable, "-I", str(PROGRAM)) if found else ()
