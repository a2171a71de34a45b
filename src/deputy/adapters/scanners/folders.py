"""Where scanners work: a folder that nobody else can enter, and files in it under names that nobody else chose."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from deputy.domain.errors import Unavailable

# What scanners tell files apart by. Everything else becomes text: by other names (pictures, lock files, archives) they
# would leave a file out, and whoever writes the patch chooses its names.
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
    """The folder, made if it isn't there; ``Unavailable`` when others could put something in it, or read it."""
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
def room(home: Path) -> Iterator[Path]:
    """A folder for one run, gone afterwards; ``in`` in it is for the files to look at."""
    runs = private(private(home) / "runs")
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    try:
        (folder / "in").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Path) -> None:
    """Remove what runs left behind that were cut off."""
    for folder in private(private(home) / "runs").iterdir():
        if time.time() - folder.lstat().st_mtime > _LEFT_OVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def lay_out(folder: Path, side: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write files below ``folder`` under made-up names; returns the path of each by its made-up name.

    What says of itself that it is UTF-16, or could be taken for it, is written as plain bytes, too: a mark of two bytes
    before an ordinary text would hide all of it.
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
