"""The scanners together: who looks at what, and who steps in for whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deputy.adapters.scanners.folders import room, sweep
from deputy.adapters.scanners.looking import Looker
from deputy.adapters.scanners.programs import detect_secrets, kingfisher, zizmor
from deputy.adapters.scanners.running import installed, is_sealed
from deputy.domain.errors import Unavailable
from deputy.domain.review.scans import Scan


@dataclass(frozen=True)
class Scanners:
    """Implements ``ports.Scanner``. Of ``seers``, the first that gives a result looks for credentials.

    ``home`` is a folder of Deputy's own; it is made, and must stay, private.
    """

    home: Path
    seers: tuple[Looker, ...]
    auditor: Looker

    @classmethod
    def at(cls, home: Path) -> Self:
        """The scanners that are installed beside us."""
        return cls(
            home,
            (
                kingfisher.Kingfisher(kingfisher.find_program(), home / "rules"),
                detect_secrets.DetectSecrets(detect_secrets.find_command()),
            ),
            zizmor.Zizmor(installed(zizmor.NAME)),
        )

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        """What they see in the changed files and did not before; who gave no result is in ``failed``."""
        scan = Scan()
        for seer in self.seers:
            scan = self._and(scan, seer, base, head)
            if scan.scanners:
                break
        workflows = {path: content for path, content in head.items() if zizmor.is_auditable(path)}
        return self._and(scan, self.auditor, base, workflows) if workflows else scan

    def _and(self, scan: Scan, looker: Looker, base: Mapping[str, bytes], head: Mapping[str, bytes]) -> Scan:
        try:
            with room(self.home) as folder:
                name, sightings = looker.look(base, head, folder)
        except (Unavailable, OSError) as error:
            why = error.why or error.what if isinstance(error, Unavailable) else type(error).__name__
            return scan.model_copy(update={"failed": (*scan.failed, f"{looker.name}: {why}")})
        return scan.model_copy(
            update={"scanners": (*scan.scanners, name), "sightings": (*scan.sightings, *sightings)},
        )

    def check(self) -> str:
        """Try each on a planted file, the fallback too; raises ``Unavailable`` when none can look for credentials."""
        sweep(self.home)
        tried = [self._and(Scan(), seer, {}, {}) for seer in self.seers]
        tried.append(self._and(Scan(), self.auditor, {}, {_WORKFLOW: _TRIAL}))
        if not any(one.scanners for one in tried[:-1]):
            raise Unavailable(
                "nobody can look for credentials",
                "; ".join(reason for one in tried for reason in one.failed),
                "install kingfisher-bin or detect-secrets beside Deputy: every patch is stopped until then",
            )
        ready = "; ".join(text for one in tried for text in (*one.scanners, *one.failed))
        return f"{ready}; {'without network' if is_sealed() else 'the kernel does not let us take the network away'}"


_WORKFLOW = ".github/workflows/trial.yml"
_TRIAL = b"on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
