"""The installed wheel does what a checkout does: starter policies, sample repositories and commands are inside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


class Installed:
    """Deputy as installed into a folder, run from elsewhere; its dependencies are those of this environment."""

    def __init__(self, folder: Path) -> None:
        self.packages, self.elsewhere = folder / "packages", folder / "elsewhere"
        self.elsewhere.mkdir()
        wheels = folder / "wheels"
        self._run("-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=ROOT)
        (wheel,) = wheels.iterdir()
        self._run("-m", "zipfile", "-e", str(wheel), str(self.packages), cwd=folder)

    def python(self, *words: str) -> str:
        return self._run(*words, cwd=self.elsewhere, PYTHONPATH=str(self.packages))

    def deputy(self, *words: str) -> str:
        return self.python("-m", "deputy.app.cli", *words)

    @staticmethod
    def _run(*words: str, cwd: Path, **environment: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEPUTY_", "PYTHON"))}
        done = subprocess.run(
            [sys.executable, *words], cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"))


def test_what_is_run_is_what_was_installed(installed: Installed) -> None:
    where = installed.python(
        "-c", "import deputy, deputy_playground; print(deputy.__file__, deputy_playground.__file__)"
    )
    assert [Path(word).parent.parent for word in where.split()] == [installed.packages, installed.packages]
    assert installed.deputy("--version") == "deputy 0.1.0\n"


def test_the_starter_policies_come_along(installed: Installed) -> None:
    installed.deputy("init", "rules")
    assert "sound" in installed.deputy("policy", "lint", "--policies", "rules")
    here = {path.relative_to(ROOT / "policies") for path in (ROOT / "policies").rglob("*") if path.is_file()}
    rules = installed.elsewhere / "rules"
    assert {path.relative_to(rules) for path in rules.rglob("*") if path.is_file()} == here


def test_the_playground_has_its_sample_repositories(installed: Installed) -> None:
    """As ``deputy demo`` and ``deputy playground`` begin."""
    prepare = "from pathlib import Path; from deputy_playground.site import Site; Site(Path('site')).prepare()"
    installed.python("-c", prepare)
    site = installed.elsewhere / "site"
    assert sorted(path.name for path in (site / "home" / "remotes").iterdir()) == ["shop.git", "site.git"]
    assert (site / "policies" / "policy.csv").read_bytes() == (ROOT / "policies" / "policy.csv").read_bytes()


@pytest.mark.docker
def test_the_playground_comes_up(installed: Installed) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "deputy.app.cli", "playground", "--port", "0", "--folder", "up"],
        cwd=installed.elsewhere,
        env={**os.environ, "PYTHONPATH": str(installed.packages), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Open http://"), said + (process.stdout.read() if process.poll() is not None else "")
    finally:
        process.terminate()
        process.wait(60)
