"""A home for scanners whose rules are compiled already: that takes seconds, and is the same for every test."""

import os
import shutil
import tempfile
from pathlib import Path

from deputy.adapters.scanners import Scanners

SHARED = Path(tempfile.gettempdir()) / f"deputy-scanner-rules-{os.getuid()}"


def scanner_home(folder: Path) -> Path:
    """``folder/scanners``, ready for use."""
    home = folder / "scanners"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    rules = _compiled()
    (home / "rules").mkdir(mode=0o700, exist_ok=True)
    for file in rules.iterdir():
        shutil.copy(file, home / "rules" / file.name)
    return home


def _compiled() -> Path:
    rules = SHARED / "rules"
    if not rules.is_dir() or not any(rules.iterdir()):
        Scanners.at(SHARED).scan({}, {"x": b"x\n"})
    return rules
