"""arrow (https://github.com/arrow-py/arrow, Apache-2.0): its source archive, and what its own tests need, pinned.

Nearly 2,000 tests; they need three plug-ins of pytest and a compiled package, of which the sandbox image has none.
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

VERSION = "1.4.0"
SHA256 = "ed0cc050e98001b8779e84d461b0098c4ac597e88704a655582b21d116e526d7"
LOCK = """\
coverage==7.17.3
dateparser==1.5.0
iniconfig==2.3.1
packaging==26.3
pluggy==1.7.0
pygments==2.21.0
pytest==9.2.0
pytest-cov==7.1.0
pytest-mock==3.17.0
python-dateutil==2.9.0.post0
pytz==2025.2
regex==2026.11.15
simplejson==3.20.2
six==1.17.0
tzdata==2026.6
tzlocal==5.4.5
"""
# Without the options of its own that measure coverage: they take most of the time.
SUITE = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "tests")

REPO = """
[repo."acme/arrow"]
url = "remotes/arrow.git"
aliases = ["arrow"]

[repo."acme/arrow".environment]
setup = [["python3", "-m", "venv", "/opt/arrow"], ["pip", "install", "--no-deps", "-r", "tests.lock"]]
inputs = ["tests.lock"]
path = ["/opt/arrow/bin"]
network = ["pypi.org", "files.pythonhosted.org"]
"""


def fetch() -> bytes:
    """The source archive from the registry that this machine is set up for; its digest is checked."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv, "uv is not there: run make setup"
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "--no-header", "--format", "pylock.toml", "-"]
    locked = subprocess.run(command, input=f"arrow=={VERSION}\n", capture_output=True, text=True, check=True)
    [package] = tomllib.loads(locked.stdout)["packages"]
    with urllib.request.urlopen(package["sdist"]["url"], timeout=60) as answer:
        archive = answer.read()
    assert hashlib.sha256(archive).hexdigest() == SHA256
    return archive


def unpack(folder: Path) -> Path:
    """The library's folder, with its lock file."""
    with tarfile.open(fileobj=io.BytesIO(fetch())) as tar:
        tar.extractall(folder, filter="data")
    library = folder / f"arrow-{VERSION}"
    (library / "tests.lock").write_text(LOCK)
    return library
