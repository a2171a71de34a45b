"""The script that builds the sandbox image: quick the second time, one sentence when it can't."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "sandbox" / "build.sh"


def build(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.docker
def test_the_second_run_returns_at_once() -> None:
    assert build().returncode == 0
    second = build()
    assert second.returncode == 0
    assert second.stdout.endswith("is there already\n")


def test_no_engine_is_one_sentence_with_the_way_out() -> None:
    result = build(DOCKER_HOST="unix:///nonexistent/docker.sock")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "DOCKER_HOST" in result.stderr
    assert "make setup" in result.stderr


def test_no_docker_command_is_one_sentence_with_the_way_out(tmp_path: Path) -> None:
    for tool in ("dirname", "sh"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    result = build(PATH=str(tmp_path))
    assert result.returncode == 1
    assert "Install Docker" in result.stderr
