"""What is in git is about the project, the same on every machine, and in files that can be read in one go."""

import ast
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
MAX_LINES = 350
# The two contracts between rooms, each read as a whole: what the words mean, and what the workflows need of the world.
PUBLIC_HOSTS = {"localhost", "127.0.0.1"}

# Built so that this file does not contain what it looks for.
HOMES = re.compile(rf"(?<![\w./:-])/{'(?:root|work|home/'}\w+|Users/\w+|tmp/lab)(?:/|\b(?![\w-]))")
TALK = re.compile(
    rf"\.\./{'shared'}\b|\b(?:this|another|an? earlier|the next|the previous) {'session'}\b|\bhelper {'agents'}?\b",
    re.IGNORECASE,
)
# Slack and model tokens with a body as long as real ones have; AWS, GitHub and private keys.
SECRETS = re.compile(
    r"xox[abp]-\d{10,}-\d{10,}-\w{20,}|\bsk-(?:proj-)?\w{40,}|\bAKIA[A-Z2-7]{16}\b|\bghp_\w{36}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{200,}"
)


def tracked() -> dict[str, str]:
    """Every text file in git by its path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    contents = {name: (ROOT / name).read_bytes() for name in names}
    return {name: content.decode("utf-8", "replace") for name, content in contents.items() if b"\0" not in content}


def found(pattern: re.Pattern[str]) -> set[str]:
    return {f"{name}: {hit[0]}" for name, text in tracked().items() for hit in pattern.finditer(text)}


def test_no_path_of_one_machine() -> None:
    assert found(HOMES) == set()
    assert HOMES.search("see /" + "work/main")
    assert not HOMES.search("/proc/1/root/etc or /workspace or /workspace/x")


def test_no_word_about_how_the_work_is_organised() -> None:
    assert found(TALK) == set()
    assert TALK.search("as the " + "previous session said")


def test_no_secret_that_looks_real() -> None:
    assert found(SECRETS) == set()
    assert SECRETS.search("AKIA" + "ABCDEFGHIJKLMNOP")


def test_no_package_index_of_this_machine() -> None:
    # Whatever index this machine is set up with, its name stays here.
    hosts = {host for host in map(_host, _indexes()) if host and host not in PUBLIC_HOSTS}
    assert {(name, host) for name, text in tracked().items() for host in hosts if host in text} == set()


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


def _indexes() -> list[str]:
    """Addresses from the environment and the configuration files of pip, uv, npm and apt."""
    words = [value for name, value in os.environ.items() if re.search(r"INDEX|REGISTRY|PROXY", name)]
    home = Path.home()
    files = [
        *(Path("/etc") / name for name in ("pip.conf", "npmrc", "uv/uv.toml")),
        *(home / name for name in (".pip/pip.conf", ".config/pip/pip.conf", ".config/uv/uv.toml", ".npmrc")),
    ]
    for path in files:
        if path.is_file():
            words += re.findall(r"https?://\S+", path.read_text(errors="replace"))
    return [word for line in words for word in re.findall(r"https?://[^\s\"',]+", line)]


def test_every_module_says_what_it_is() -> None:
    silent = [
        name
        for name, text in tracked().items()
        if name.endswith(".py") and name.startswith(("src/", "scripts/", "benchmarks/")) and text.strip()
        if not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_no_file_is_too_long_to_read() -> None:
    long = {
        name: lines
        for name, text in tracked().items()
        if name.startswith("src/") and name.endswith(".py")
        if (lines := len(text.splitlines())) > MAX_LINES
    }
    assert long == {}


def test_the_licence_is_the_one_that_is_declared() -> None:
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]
