"""Runs git as a command, in an environment that we choose.

GitPython's index operations change the folder of the whole process, so only its command runner is used. No git
configuration of the user or the machine is read; no hook, filter, monitor or external diff is run; no prompt waits for
a person.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from deputy.domain.errors import Unavailable

_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

_CONFIG = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", ""),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.autocrlf", "false"),
    ("core.bigFileThreshold", "16m"),
    ("attr.tree", _EMPTY_TREE),  # newer gits read a bare repository's attributes from its HEAD
    ("diff.external", ""),
    ("gc.auto", "0"),  # objects that only a database row knows must stay
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("filter.lfs.process", ""),
    ("filter.lfs.smudge", ""),
    ("filter.lfs.clean", ""),
    ("filter.lfs.required", "false"),
    ("protocol.allow", "never"),  # ``ext::`` and friends run programs that a URL names
    ("protocol.ext.allow", "never"),
    *((f"protocol.{scheme}.allow", "always") for scheme in ("file", "git", "http", "https", "ssh")),
)

_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_CONFIG_COUNT": str(len(_CONFIG)),
        **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(_CONFIG)},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(_CONFIG)},
        "TZ": "UTC",
    }
)

# Variables by which an operator reaches a private repository. They affect the connection, never the content.
_KEPT = frozenset({"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS"})

# An address may carry a password or a token, so it is taken out of messages.
_ADDRESS = re.compile(r"'?\b[a-z][a-z0-9+.-]*://[^\s']+'?")


class GitFailed(Exception):
    """Git ended with an error. ``status`` is its exit status; ``words`` its last line, without credentials."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status, self.words = status, words


@dataclass(frozen=True)
class GitCommand:
    """Runs git on one bare repository. ``timeout`` is in seconds and kills what git started, too."""

    git_dir: Path
    timeout: float = 120

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """Standard output, as it came. Raises ``GitFailed``, or ``Unavailable`` when there is no git at all."""
        try:
            from git.cmd import Git
        except ImportError as error:  # GitPython looks for the program when it is imported
            raise Unavailable(
                "git can't be run", "the program 'git' was not found", "install git 2.36 or newer"
            ) from error
        environment = {"GIT_DIR": str(self.git_dir), **_ssh_without_prompt(), **_ENVIRONMENT, **(env or {})}
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            status, output, errors = Git(self.git_dir.parent).execute(
                [*_without_inherited(environment), "git", "--no-pager", *arguments],
                istream=source,
                env=environment,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=self.timeout if timeout is None else timeout,
            )
        if status:
            raise GitFailed(status, _last_words(errors))
        return output if isinstance(output, bytes) else b""

    def line(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Standard output as one line of text."""
        return self.run(*arguments, stdin=stdin, env=env).decode().strip()


def _without_inherited(environment: Mapping[str, str]) -> list[str]:
    # GitPython adds to this process's environment and can't take away from it; ``env -u`` can.
    inherited = sorted(
        name for name in os.environ if name.startswith("GIT_") and name not in _KEPT | environment.keys()
    )
    return ["env", *(word for name in inherited for word in ("-u", name))]


def _ssh_without_prompt() -> dict[str, str]:
    return {} if "GIT_SSH_COMMAND" in os.environ else {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}


def _last_words(errors: str | bytes) -> str:
    text = errors.decode(errors="replace") if isinstance(errors, bytes) else errors
    if text.startswith("Timeout:"):
        return "it did not answer in time"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    said = (fatal or lines or ["git gave no reason"])[0]
    return _ADDRESS.sub("its address", said.removeprefix("fatal: ").removeprefix("error: ")).rstrip(".")
