"""The box's own git repository: one commit of the workspace, for tools that want one. The host never looks at it.

Part of process 1 (see ``inside``): standard library only.
"""

# The words are ours, and PATH is the image's.
# ruff: noqa: S603, S607

import os
import shutil
import subprocess

from deputy.adapters.sandbox.tree import Refused

_STEPS = (
    ("init", "-q"),
    ("config", "core.trustctime", "false"),  # the stamps are set back after this
    ("add", "-A", "-f", "."),
    ("commit", "-q", "--allow-empty", "-m", "base"),
)
_SETTINGS = {
    "core.looseCompression": "0",
    "gc.auto": "0",
    "init.defaultBranch": "main",
    "user.name": "Deputy",
    "user.email": "deputy@localhost",
}


def make_repository(root: str) -> bool:
    """Whether one was made: not where there is one, nor where the image has no git, and so no tool that wants one."""
    if os.path.lexists(f"{root}/.git") or not shutil.which("git"):
        return False
    options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    for step in _STEPS:
        try:
            subprocess.run(["git", *options, *step], cwd=root, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Refused("over", f"git {step[0]}: {error}") from error
    return True


def forget_repository(root: str) -> None:
    """Remove it, with every object that it keeps of an earlier tree."""
    if os.path.lexists(f"{root}/.git"):
        shutil.rmtree(f"{root}/.git")
