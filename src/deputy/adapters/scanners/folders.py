"""Where scanners work: a private folder, in which files get names that no patch can choose."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from deputy.domain.errors import Unavailable

# Endings that scanners know. A file with any other ending is laid out as text: scanners skip some endings (pictures,
# lock files, archives), and the author of the patch chooses the names.
_KINDS = frozenset(
    (
        "bash", "c", "cfg", "conf", "config", "cpp", "cs", "css", "csv", "env", "go", "gradle", "h", "html", "ini",
        "java", "js", "json", "jsx", "kt", "lua", "m", "md", "php", "pl", "properties", "ps1", "py", "rb", "rs",
        "scala", "sh", "sql", "swift", "tf", "tfvars", "toml", "ts", "tsx", "txt", "vue", "xml", "yaml", "yml",
    )
)  # fmt: skip
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LEFT_OVER_SECONDS = 3600


def private(folder: Path) -> Path:
    """The folder, made if it isn't there; ``Unavailable`` when other users could read it or write to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise Unavailable(
            f"{folder} is not private",
            "scanners keep compiled rules and parts of patches there",
            f"make it a folder of Deputy's own user: rm -r {folder}, or chmod 700 {folder}",
        )
    return folder


@contextmanager
def run_folder(home: Path) -> Iterator[Path]:
    """A folder for one run, removed afterwards. Its subfolder ``in`` is for the files to scan."""
    runs = private(private(home) / "runs")
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    try:
        (folder / "in").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Path) -> None:
    """Remove the folders of runs that were cut off."""
    for folder in private(private(home) / "runs").iterdir():
        if time.time() - folder.lstat().st_mtime > _LEFT_OVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def lay_out(folder: Path, side: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write files below ``folder`` under made-up names; returns the path of each by its made-up name.

    A file that may be UTF-16 is written a second time as plain bytes: a mark of two bytes in front of an ordinary text
    would hide all of it.
    """
    (folder / side).mkdir(parents=True)
    names: dict[str, str] = {}
    for number, (path, content) in enumerate(files.items()):
        name = f"{side}/{number:06}.{_kind(path)}"
        (folder / name).write_bytes(content)
        names[name] = path
        if content.startswith(_WIDE_MARKS) or b"\0" in content:
            plain = f"{side}/{number:06}.plain.txt"
            (folder / plain).write_bytes(content.lstrip(b"\xff\xfe").replace(b"\0", b""))
            names[plain] = path
    return names


def _kind(path: str) -> str:
    kind = PurePosixPath(path).suffix[1:].lower()
    return kind if kind in _KINDS else "txt"
