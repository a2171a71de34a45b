"""Finds credentials with kingfisher: redacted, never tried out, no update check."""

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from deputy.adapters.scanners.folders import lay_out, private
from deputy.adapters.scanners.program import ProgramResult
from deputy.adapters.scanners.programs.canary import CANARY_NAME, canary
from deputy.adapters.scanners.programs.lines import new_lines
from deputy.adapters.scanners.sealed_run import Bounds, Output, broken, run
from deputy.domain.review.scans import Sighting

NAME = "kingfisher"
CLEAN, FOUND = 0, 200
FLAGS = (
    "--no-update-check", "scan", "--no-validate", "--redact", "--format=json", "--confidence=low", "--no-dedup",
    "--no-ignore", "--git-history=none", "--no-extract-archives", "--max-file-size=0",
)  # fmt: skip
# Recognisable formats of issuers, for which kingfisher's own confidence is only medium.
_ISSUED = frozenset(
    f"veles.secrets/{name}"
    for name in (
        "circleciproject", "denopatorg", "digitaloceanapikey", "grokxaiapikey", "herokuplatformkey",
        "npmjsaccesstoken", "openrouter", "packagistorgreadtoken", "packagistorgupdatetoken", "packagistsecret",
        "postmanapikey", "postmancollectiontoken", "sendgrid", "slackappconfigaccesstoken",
        "slackappconfigrefreshtoken", "slackappleveltoken",
    )
)  # fmt: skip
# The collection and the variant of a rule tell a reader nothing.
_SOURCE = re.compile(r"^(?:betterleaks\.|veles\.secrets/)|\.\d+$")
_REDACTED = re.compile(r"\[REDACTED:[0-9a-f]+\]")


class _Rule(BaseModel):
    id: str
    description: str


class _Place(BaseModel):
    path: str
    line: int
    snippet: str
    confidence: Literal["low", "medium", "high"]


class _Found(BaseModel):
    rule: _Rule
    finding: _Place


class _Report(BaseModel):
    findings: tuple[_Found, ...]


class _Version(BaseModel):
    version_used: str


class _Summary(BaseModel):
    findings: int
    blobs_scanned: int
    kingfisher: _Version


@dataclass(frozen=True)
class Kingfisher:
    """The program, and the folder where it keeps its compiled rules (some megabytes, seconds to make)."""

    program: Path | None
    rules: Path
    bounds: Bounds = field(default_factory=Bounds)
    name: str = NAME

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes], folder: Path) -> ProgramResult:
        """What is new in ``head``. Raises ``Unavailable`` unless it looked at every file."""
        if self.program is None:
            raise broken(NAME, "it is not installed")
        names = lay_out(folder / "in", "head", head)
        version, findings = self._pass(folder, "head", names)
        located = [(names[found.finding.path], found) for found in findings]
        added = {path: new_lines(base.get(path, b""), head[path]) for path, _ in located}
        new = [(path, found) for path, found in located if found.finding.line in added[path]]
        if len(new) < len(located):
            moved = {path for path, found in located if found.finding.line not in added[path]}
            new += self._changed_below(base, head, sorted(moved), added, folder)
        # A file that was laid out twice may give the same finding twice.
        sightings = dict.fromkeys(_sighting(path, found) for path, found in new)
        return ProgramResult(f"{NAME} {version}", tuple(sightings))

    def _changed_below(
        self,
        base: Mapping[str, bytes],
        head: Mapping[str, bytes],
        paths: Sequence[str],
        added: Mapping[str, frozenset[int]],
        folder: Path,
    ) -> Iterator[tuple[str, _Found]]:
        """New credentials that begin on an old line: a key block that changed below its first line.

        Both sides in one run, whose marks tell credentials apart (their hash is salted by the run).
        """
        after = lay_out(folder / "in", "both/after", {path: head[path] for path in paths})
        before = lay_out(folder / "in", "both/before", {path: base[path] for path in paths})
        _, findings = self._pass(folder, "both", after | before)
        known = {_identity(before[f.finding.path], f) for f in findings if f.finding.path in before}
        for found in findings:
            path = after.get(found.finding.path, "")
            if path and found.finding.line not in added[path] and _identity(path, found) not in known:
                yield path, found

    def _pass(self, folder: Path, side: str, names: Mapping[str, str]) -> tuple[str, Sequence[_Found]]:
        """The version, and the findings in the folder ``side``, which holds the files of these names."""
        (folder / "in" / CANARY_NAME).write_text(canary())
        argv = [str(self.program), *FLAGS, f"--rule-cache-dir={private(self.rules)}", side, CANARY_NAME]
        report, summary = _parsed(run(NAME, argv, folder, self.bounds))
        found = {one.finding.path for one in report.findings}
        if summary.blobs_scanned != len(names) + 1 or summary.findings != len(report.findings):
            raise broken(NAME, f"it looked at {summary.blobs_scanned} of {len(names) + 1} files")
        if CANARY_NAME not in found:
            raise broken(NAME, "it did not see the credential that was planted for it")
        if not found <= {CANARY_NAME, *names}:
            raise broken(NAME, "its report names files that it was not given")
        if not all(_REDACTED.fullmatch(one.finding.snippet) for one in report.findings):
            raise broken(NAME, "it did not redact what it found")
        return summary.kingfisher.version_used, [one for one in report.findings if one.finding.path != CANARY_NAME]


def _sighting(path: str, found: _Found) -> Sighting:
    return Sighting(
        scanner=NAME,
        rule=_SOURCE.sub("", found.rule.id),
        path=path,
        line=found.finding.line,
        message=found.rule.description,
        is_certain=found.finding.confidence == "high" or found.rule.id in _ISSUED,
    )


def _identity(path: str, found: _Found) -> tuple[str, str, str]:
    return path, found.rule.id, found.finding.snippet


def _parsed(output: Output) -> tuple[_Report, _Summary]:
    """The two lines of a report. Anything else is an error, and its text is never passed on."""
    if output.status not in {CLEAN, FOUND}:
        raise broken(NAME, f"it ended with status {output.status}")
    try:
        report, summary = output.out.strip().split(b"\n")
        return _Report.model_validate_json(report, strict=True), _Summary.model_validate_json(summary, strict=True)
    except (ValueError, ValidationError):
        raise broken(NAME, "its report could not be read") from None


def find_program() -> Path | None:
    """The program inside the installed wheel, if there is one for this platform."""
    spec = importlib.util.find_spec("kingfisher")
    found = Path(spec.origin).parent / "bin" / "kingfisher" if spec and spec.origin else None
    return found if found and found.is_file() else None
