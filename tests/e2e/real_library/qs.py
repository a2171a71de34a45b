"""qs (https://github.com/ljharb/qs, BSD): its package with its tests, and a lock file of all 138 packages they need.

Node comes from Debian's packages. Debian's own npm would bring 350 more of them: npm comes from its registry instead.
"""

import hashlib
import io
import json
import os
import tarfile
import urllib.request
from pathlib import Path

VERSION = "6.13.0"
SHA256 = "abffeabbdedc8e466c1bd75227e14ceb76e77f61be475dfcee0d3bbe6dd608fd"
NPM = "https://registry.npmjs.org/npm/-/npm-10.9.2.tgz"
NPM_SHA256 = "5cd1e5ab971ea6333f910bc2d50700167c5ef4e66da279b2a3efc874c6b116e4"
LOCK = Path(__file__).with_name("qs-package-lock.json")
SUITE = ("node_modules/.bin/tape", "test/**/*.js")

FETCH_NPM = f"""\
import hashlib, io, tarfile, urllib.request
archive = urllib.request.urlopen("{NPM}").read()
assert hashlib.sha256(archive).hexdigest() == "{NPM_SHA256}"
tarfile.open(fileobj=io.BytesIO(archive)).extractall("/opt/npm")
"""
REPO = """
[repo."acme/qs"]
url = "remotes/qs.git"
aliases = ["qs"]

[repo."acme/qs".environment]
packages = ["nodejs"]
setup = [
    ["python3", "fetch-npm.py"],
    ["node", "/opt/npm/package/bin/npm-cli.js", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
]
inputs = ["package-lock.json", "fetch-npm.py"]
network = ["registry.npmjs.org"]
keep = ["node_modules"]
"""


def fetch() -> bytes:
    """The package from the registry that this machine is set up for; its digest is checked."""
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
    with urllib.request.urlopen(f"{registry}/qs/-/qs-{VERSION}.tgz", timeout=60) as answer:
        archive = answer.read()
    assert hashlib.sha256(archive).hexdigest() == SHA256
    return archive


def unpack(folder: Path) -> Path:
    """The library's folder with its lock file; of the tools that it is developed with, only its tests' are left."""
    with tarfile.open(fileobj=io.BytesIO(fetch())) as tar:
        tar.extractall(folder, filter="data")
    library = folder / "package"
    (library / "package-lock.json").write_bytes(LOCK.read_bytes())
    (library / "fetch-npm.py").write_text(FETCH_NPM)
    package = json.loads((library / "package.json").read_text("utf-8"))
    wanted = json.loads(LOCK.read_text("utf-8"))["packages"][""]["devDependencies"]
    (library / "package.json").write_text(json.dumps({**package, "devDependencies": wanted}, indent=2))
    return library
