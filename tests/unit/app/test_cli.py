"""The command line knows its commands without loading them, and says the nearest one for a typing error."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deputy.app.cli import COMMANDS, build, loaded

# What commands need of the world; help, the version and a typing error need nothing of it.
HEAVY = {"alembic", "casbin", "dbos", "docker", "git", "openai", "slack_sdk", "sqlalchemy", "sqlmodel"}


def imported_by(*words: str) -> set[str]:
    """The packages that are loaded when ``deputy`` has done this."""
    code = f"""
import sys
sys.argv = {["deputy", *words]!r}
from deputy.app.cli import main
try:
    main()
except SystemExit:
    pass
print("\\n" + " ".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (("--help",), set()),
        (("--version",), set()),
        (("pollicy",), set()),
        (("init", "--help"), set()),
        (("policy", "lint", "--policies", "policies"), {"casbin"}),
        (("task", "list", "--help"), {"sqlalchemy", "sqlmodel"}),
    ],
)
def test_only_what_is_needed_is_loaded(words: tuple[str, ...], needed: set[str]) -> None:
    assert imported_by(*words) & HEAVY == needed


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    command = loaded().commands[name]
    assert (command.help or "").partition("\n")[0] == COMMANDS[name].help


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(build(), ["--version"]).output == "deputy 0.1.0\n"


@pytest.mark.parametrize(("typed", "meant"), [("pollicy", "policy"), ("taks", "task"), ("dmeo", "demo")])
def test_a_typing_error_names_the_nearest_command(typed: str, meant: str) -> None:
    result = CliRunner().invoke(build(), [typed])
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'?" in result.output


@pytest.mark.parametrize(
    ("words", "offered"), [("deputy po", {"policy"}), ("deputy policy l", {"lint"}), ("deputy task s", {"show"})]
)
def test_the_shell_completes_names(words: str, offered: set[str]) -> None:
    asked = {"_DEPUTY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    code = "import sys; sys.argv = ['deputy']; from deputy.app.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == offered, done.stderr
