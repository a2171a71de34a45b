"""The scanners together: which program scans which files, and which one is the fallback."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deputy.adapters.scanners.folders import run_folder, sweep
from deputy.adapters.scanners.program import ScannerProgram
from deputy.adapters.scanners.programs import detect_secrets, kingfisher, zizmor
from deputy.adapters.scanners.sealed_run import installed, is_sealed
from deputy.domain.errors import Unavailable
from deputy.domain.review.scans import Scan


@dataclass(frozen=True)
class Scanners:
    """Implements ``ports.Scanner``. ``credential_scanners`` are tried in order, until one gives a result.

    ``home`` is a private folder of Deputy's own; it is made if it isn't there.
    """

    home: Path
    credential_scanners: tuple[ScannerProgram, ...]
    workflow_scanner: ScannerProgram

    @classmethod
    def at(cls, home: Path) -> Self:
        """The scanners that are installed next to Deputy."""
        return cls(
            home,
            (
                kingfisher.Kingfisher(kingfisher.find_program(), home / "rules"),
                detect_secrets.DetectSecrets(detect_secrets.find_command()),
            ),
            zizmor.Zizmor(installed(zizmor.NAME)),
        )

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        """What is new in the changed files; a scanner without a result is in ``failed``."""
        scan = Scan()
        for program in self.credential_scanners:
            scan = self._add(scan, program, base, head)
            if scan.scanners:
                break
        workflows = {path: content for path, content in head.items() if zizmor.is_auditable(path)}
        return self._add(scan, self.workflow_scanner, base, workflows) if workflows else scan

    def _add(self, scan: Scan, program: ScannerProgram, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        try:
            with run_folder(self.home) as folder:
                name, sightings = program.scan(base, head, folder)
        except (Unavailable, OSError) as error:
            why = error.why or error.what if isinstance(error, Unavailable) else type(error).__name__
            return scan.model_copy(update={"failed": (*scan.failed, f"{program.name}: {why}")})
        return scan.model_copy(
            update={"scanners": (*scan.scanners, name), "sightings": (*scan.sightings, *sightings)},
        )

    def check(self) -> str:
        """Try each on a planted file, the fallback too; raises ``Unavailable`` when none can look for credentials."""
        sweep(self.home)
        tried = [self._add(Scan(), program, {}, {}) for program in self.credential_scanners]
        tried.append(self._add(Scan(), self.workflow_scanner, {}, {_WORKFLOW: _TRIAL}))
        if not any(one.scanners for one in tried[:-1]):
            raise Unavailable(
                "nobody can look for credentials",
                "; ".join(reason for one in tried for reason in one.failed),
                "install kingfisher-bin or detect-secrets next to Deputy: every patch is stopped until then",
            )
        ready = "; ".join(text for one in tried for text in (*one.scanners, *one.failed))
        return f"{ready}; {'without network' if is_sealed() else 'the kernel does not let us take the network away'}"


_WORKFLOW = ".github/workflows/trial.yml"
_TRIAL = b"on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
