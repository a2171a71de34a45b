"""The two commands and what they rest on: documented, parsable, and free of one machine's addresses."""

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = (
    "scripts/bootstrap",
    "scripts/stop-engine",
    "scripts/crun-on-hybrid",
    "scripts/lock",
    "scripts/lib.sh",
    ".ci/run",
)
LOCKS = ("requirements.lock", "deploy/requirements.lock", "scripts/requirements-uv.txt")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file() and not path.is_symlink()]


def test_every_target_is_documented_and_in_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert targets == set(re.findall(r"^  make ([a-z]+) +\S", shown, re.MULTILINE))
    assert {"help", "setup", "demo", "playground", "test", "check", "bench", "clean"} <= targets


def test_plain_make_helps() -> None:
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert "make demo" in shown


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_valid_bash(script: str) -> None:
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
    assert script.endswith(".sh") or os.access(ROOT / script, os.X_OK)


def test_continuous_integration_runs_what_everybody_runs() -> None:
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_digests_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.split(r"\n(?=\S)", text.strip())
    assert packages
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
    assert "://" not in text


def test_the_lock_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=~! ]", line)[0].lower() for line in asked}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert names <= locked, "run `make lock`"


def test_what_is_served_is_what_is_tested() -> None:
    pins = [set(re.findall(r"^(\S+==\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS[:2]]
    assert pins[1] <= pins[0]


def test_no_package_index_is_written_down() -> None:
    # The tools' own defaults and names that lead nowhere may be named; any other belongs into the environment.
    index = re.compile(
        r"(?:index[-_]url|find[-_]links|registry)\W{0,12}(?:https?|file)://((?:[\w-]|\\?\.)*)", re.IGNORECASE
    )
    fine = re.compile(
        r"pypi\.org|github\.com|registry\.npmjs\.org|localhost|127\.0\.0\.1|(.*\.)?(example(\.\w+)?|invalid|test)"
    )
    named = {
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in index.findall(path.read_text(errors="replace"))
        if not fine.fullmatch(host.replace("\\", ""))
    }
    assert named == set()


def test_compose_gives_the_engine_to_the_worker_only() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    with_engine = [
        name
        for name, service in compose["services"].items()
        if any("docker.sock" in volume for volume in service.get("volumes", ()))
    ]
    assert with_engine == ["worker"]
    assert set(compose["services"]) == {"postgres", "bot", "worker"}


def test_compose_holds_no_secret_and_its_secrets_stay_out_of_git() -> None:
    text = (ROOT / "deploy/compose.yaml").read_text()
    assert "xoxb" not in text
    assert re.findall(r"PASSWORD: (?!\$\{)", text) == []
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/.env", "deploy/deputy.env"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ignored.stdout.split() == ["deploy/.env", "deploy/deputy.env"]
    example = (ROOT / "deploy/deputy.env.example").read_text()
    assert re.findall(r"^\w+=\S", example, re.MULTILINE) == []


def test_the_served_image_is_not_root_and_has_a_health_check() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] != "root"
    assert "HEALTHCHECK" in text
    # A build context without what is copied fails only where images are built.
    allowed = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = {
        word.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
        for word in line.split()
    }
    assert copied <= allowed
    assert all((ROOT / name).exists() for name in copied)


def health(**environment: str) -> int:
    return subprocess.run(
        [sys.executable, "deploy/healthcheck.py"], cwd=ROOT, env=environment, capture_output=True, check=False
    ).returncode


def test_health_is_a_database_that_answers(tmp_path: Path) -> None:
    assert health(DEPUTY_HOME=str(tmp_path)) == 1
    sqlite3.connect(tmp_path / "deputy.sqlite").close()
    assert health(DEPUTY_HOME=str(tmp_path)) == 0
    assert health(DEPUTY_DATABASE_URL="postgresql://deputy@127.0.0.1:9/deputy") == 1


def plan(tmp_path: Path, engine: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What bootstrap says on a machine whose engine is in this state: a python3 in front of the real one answers so."""
    fake = tmp_path / "python3"
    fake.write_text(f'#!/bin/sh\ncase "$1" in *engine_state.py) echo {engine};; *) exec {sys.executable} "$@";; esac\n')
    fake.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in {"DOCKER_HOST", "PYTHON"}}
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    return subprocess.run(
        [ROOT / "scripts/bootstrap", "--plan", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="plans to install Debian packages")
def test_without_an_engine_one_is_installed_or_started_and_that_is_said_first(tmp_path: Path) -> None:
    done = plan(tmp_path, "absent")
    assert done.returncode == 0
    assert re.search(r"start a Docker engine|start the Docker service", done.stdout)
    assert "build the sandbox image" in done.stdout


def test_an_engine_that_is_starting_is_waited_for_and_gets_no_second_one_beside_it(tmp_path: Path) -> None:
    done = plan(tmp_path, "starting")
    assert "wait for the Docker engine" in done.stdout
    assert "start a Docker engine" not in done.stdout
    assert "docker.io" not in done.stdout


def test_an_engine_that_may_not_be_used_is_one_sentence(tmp_path: Path) -> None:
    done = plan(tmp_path, "denied")
    assert done.returncode == 1
    assert "usermod -aG docker" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_running_engine_is_left_alone(tmp_path: Path) -> None:
    done = plan(tmp_path, "ready", "--tests")
    assert "docker.io" not in done.stdout
    assert "start" not in done.stdout


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="plans to install Debian packages")
def test_a_runtime_for_tests_is_registered_only_with_an_engine_of_ours_by_settings_of_ours(tmp_path: Path) -> None:
    done = plan(tmp_path, "absent", "--tests")
    is_ours = not Path("/etc/docker/daemon.json").exists() and not Path("/run/systemd/system").exists()
    assert ("register the runtime crun with that engine" in done.stdout) <= is_ours
    assert "crun" not in plan(tmp_path, "absent").stdout


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    done = plan(tmp_path, "ready", "--force")
    assert done.returncode == 1
    assert "unknown option --force" in done.stderr


def test_an_engine_that_is_named_and_silent_is_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = subprocess.run(
        ["scripts/bootstrap", "--plan"], cwd=ROOT, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "no engine answers there" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_engine_state_of_nothing_is_absent(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    script = [sys.executable, "scripts/engine_state.py"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "absent"
