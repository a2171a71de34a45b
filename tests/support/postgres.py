"""A throw-away Postgres for tests: ``from tests.support.postgres import postgres_server, postgres_url``.

``postgres_url`` is a fresh, empty database per test. The server is the one that ``DEPUTY_TEST_POSTGRES_URL`` names (its
user may create databases); without it, a cluster of our own on a free loopback port, started once per pytest session,
shared by xdist's workers, and stopped by the last of them.
"""

import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

_OWNER = "deputy"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


def _binary(name: str) -> str:
    versioned = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(versioned[-1]) if versioned else shutil.which(name)
    if not found:
        pytest.fail(
            f"The Postgres tests need the server's `{name}`: install Postgres (Debian: apt-get install postgresql), "
            "or set DEPUTY_TEST_POSTGRES_URL to a server whose user may create databases.",
            pytrace=False,
        )
    return found


def _account() -> pwd.struct_passwd:
    """Who runs the server: Postgres refuses to run as root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _run(argv: list[str], folder: Path) -> None:
    account = _account()
    switch = {} if os.geteuid() else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    # A daemon that keeps a pipe of ours open would block us for ever: output goes to a file.
    with (folder / "start.log").open("ab") as log:
        done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, **switch)
    if done.returncode:
        pytest.fail(f"{Path(argv[0]).name} failed:\n{(folder / 'start.log').read_text()}", pytrace=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start() -> dict[str, str]:
    folder = Path(tempfile.mkdtemp(prefix="deputy-pg-"))
    account = _account()
    os.chown(folder, account.pw_uid, account.pw_gid)
    data, port = folder / "data", _free_port()
    _run(
        [_binary("initdb"), "-D", str(data), "-U", _OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        folder,
    )
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    server = f"-p {port} -k {folder} {options}"
    _run([_binary("pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "server.log"), "-o", server, "start"], folder)
    return {"folder": str(folder), "url": f"postgresql://{_OWNER}@127.0.0.1:{port}/postgres"}


def _stop(server: dict[str, str]) -> None:
    folder = Path(server["folder"])
    _run([_binary("pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "-w", "stop"], folder)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _shared_state(folder: Path) -> Iterator[dict[str, object]]:
    """A small JSON file that several test processes read and write, one at a time."""
    path = folder / "postgres.json"
    with (folder / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads(path.read_text()) if path.exists() else {"users": 0}
        yield state
        path.write_text(json.dumps(state))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server on which tests may create databases."""
    if given := os.environ.get("DEPUTY_TEST_POSTGRES_URL"):
        yield given
        return
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with _shared_state(folder) as state:
        if not state["users"]:
            state["server"] = _start()
        state["users"] += 1
        url = state["server"]["url"]
    try:
        yield url
    finally:
        with _shared_state(folder) as state:
            state["users"] -= 1
            if not state["users"]:
                _stop(state["server"])


@contextlib.contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A new, empty database on the server; dropped at the end, with whoever is still connected."""
    name = f"deputy_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        parts = conninfo_to_dict(server)
        login = parts.get("user", "") + (f":{parts['password']}" if parts.get("password") else "")
        yield f"postgresql://{login}@{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh, empty database for one test."""
    with fresh_database(postgres_server) as url:
        yield url
