"""boltons (https://github.com/mahmoud/boltons, BSD): its source archive, its layout, its own test suite as the checks.

672 tests, doctests in docstrings included, over 10,000 lines; they need nothing but pytest.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
from pathlib import Path

VERSION = "26.2.0"
SHA256 = "d39cfd15c1a1c3bd4d705c82252fa9edb8e4f5e8cc039f8e39afac7b1b47e92c"
# What the library's tox.ini runs.
SUITE = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-modules", "boltons", "tests")
MODULE = "boltons/strutils.py"

REPO = f"""
[repo."acme/boltons"]
url = "remotes/boltons.git"
aliases = ["boltons"]

[[repo."acme/boltons".checks]]
name = "tests"
kind = "tests"
run = [{", ".join(f'"{word}"' for word in SUITE)}]
tests = ["tests/**"]
"""
# A repository's own rule beside the starter policy's: a senior looks at what everybody's text goes through.
RULE = "\np, r-text, role:anyone, acme/boltons, edit, boltons/strutils.py, review, role:senior=1\n"

# The published code minds the teens; the seeded bug does not, and none of the 672 tests tells.
TRUE = """\
        try:
            # first check for teens
            if numstr[-2] == '1':
                ext = 'th'
            else:
                # all other cases
                ext = _ORDINAL_MAP.get(numstr[-1], 'th')
        except IndexError:
            # single digit numbers (will reach here based on [-2] above)
            ext = _ORDINAL_MAP.get(numstr[-1], 'th')
"""
BUGGY = "        ext = _ORDINAL_MAP.get(numstr[-1], 'th')\n"


def fetch() -> bytes:
    """The source archive from the registry that this machine is set up for; its digest is checked."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv, "uv is not there: run make setup"
    # A lock file names the archive's address, and uv needs to build nothing to write it.
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "--no-header", "--format", "pylock.toml", "-"]
    locked = subprocess.run(command, input=f"boltons=={VERSION}\n", capture_output=True, text=True, check=True)
    [package] = tomllib.loads(locked.stdout)["packages"]
    with urllib.request.urlopen(package["sdist"]["url"], timeout=60) as answer:
        archive = answer.read()
    assert hashlib.sha256(archive).hexdigest() == SHA256
    return archive


def unpack(archive: bytes, folder: Path) -> Path:
    """The library's folder, with the bug in it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    library = folder / f"boltons-{VERSION}"
    text = (library / MODULE).read_text("utf-8")
    assert text.count(TRUE) == 1
    (library / MODULE).write_text(text.replace(TRUE, BUGGY), "utf-8")
    return library
