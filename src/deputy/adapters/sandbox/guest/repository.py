"""The sandbox's own git repository, for tools that want one: one commit of the workspace. The host never reads it.

Part of process 1 (see ``inside``): standard library only.
"""

# The command lines are ours; PATH is the image's.
# ruff: noqa: S603, S607

import os
import shutil
import subprocess

from deputy.adapters.sandbox.guest.tree import Refused

_START = (
    ("init", "-q"),
    ("config", "core.trustctime", "false"),  # the stamps are set back after this
)
_COMMIT = (
    ("add", "-A", "-f", "."),
    ("commit", "-q", "--allow-empty", "-m", "base"),
)
# There is always one commit only, and no object outside of it may stay readable.
_AGAIN = (("update-ref", "-d", "HEAD"), *_COMMIT, ("prune", "--expire=now"))
_SETTINGS = {
    "core.looseCompression": "0",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "init.defaultBranch": "main",
    "user.name": "Deputy",
    "user.email": "deputy@localhost",
}


def make_repository(root: str, *, has_changed: bool) -> bool:
    """Make or renew the repository. True when git has read the workspace's files for that.

    Nothing is done when the image has no git, or when the repository is there and no file has changed.
    """
    is_there = os.path.lexists(f"{root}/.git")
    if not shutil.which("git") or (is_there and not has_changed):
        return False
    if is_there:
        shutil.rmtree(f"{root}/.git/logs", ignore_errors=True)
    options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    for step in _AGAIN if is_there else (*_START, *_COMMIT):
        try:
            # Our own stdin is the host's channel.
            subprocess.run(
                ["git", *options, *step], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise Refused("over", f"git {step[0]}: {error}") from error
    return True


def forget_repository(root: str) -> None:
    """Remove the repository with all its objects."""
    if os.path.lexists(f"{root}/.git"):
        shutil.rmtree(f"{root}/.git")
