"""What a survey found: each thing with the file that it was read from and why, to be accepted, dropped or retyped."""

import shlex
from collections.abc import Iterable
from enum import StrEnum

from deputy.domain.policy.config import Check, Environment
from deputy.domain.value import Value


class Topic(StrEnum):
    """What a finding is about. Notes are for people: what a survey saw and can't decide."""

    LANGUAGE = "language"
    PACKAGES = "packages"
    SETUP = "setup"
    INPUTS = "inputs"
    NETWORK = "network"
    PATH = "path"
    ENV = "env"
    KEEP = "keep"
    CHECKS = "checks"
    GIT = "git"
    HIDDEN = "hidden"
    NOTE = "note"


class Finding(Value):
    """One thing that a repository seems to need.

    ``text`` is it in words (a package, a glob, a host, a folder, ``NAME=value``, a command); ``file`` is where it was
    read, empty when nowhere; ``why`` is a clause. ``run`` is the command of a setup step, ``check`` a whole check.
    """

    topic: Topic
    text: str
    why: str
    file: str = ""
    run: tuple[str, ...] = ()
    check: Check | None = None


def step(run: Iterable[str], why: str, file: str = "") -> Finding:
    """A setup command."""
    words = tuple(run)
    return Finding(topic=Topic.SETUP, text=shlex.join(words), why=why, file=file, run=words)


def check(each: Check, why: str, file: str = "") -> Finding:
    """A check."""
    return Finding(topic=Topic.CHECKS, text=shlex.join(each.run), why=why, file=file, check=each)


class Proposal(Value):
    """What a repository seems to need, in the order in which it would be done."""

    findings: tuple[Finding, ...] = ()

    def about(self, topic: Topic) -> tuple[Finding, ...]:
        """The findings of one topic."""
        return tuple(finding for finding in self.findings if finding.topic is topic)

    def _texts(self, topic: Topic) -> tuple[str, ...]:
        return tuple(dict.fromkeys(finding.text for finding in self.about(topic)))

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, each with a name of its own."""
        return tuple(finding.check for finding in self.about(Topic.CHECKS) if finding.check)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Globs of what should never enter a sandbox."""
        return self._texts(Topic.HIDDEN)

    @property
    def git(self) -> bool:
        """Whether its tools want a git repository around them."""
        return bool(self.about(Topic.GIT))

    @property
    def environment(self) -> Environment | None:
        """What is to be installed; None when nothing is, because there is neither a package nor a setup command."""
        setup = tuple(finding.run for finding in self.about(Topic.SETUP))
        packages = self._texts(Topic.PACKAGES)
        if not setup and not packages:
            return None
        return Environment(
            packages=packages,
            setup=setup,
            inputs=self._texts(Topic.INPUTS),
            network=self._texts(Topic.NETWORK) if setup else (),
            path=self._texts(Topic.PATH) if setup else (),
            env=self.env,
            keep=self._texts(Topic.KEEP) if setup else (),
        )

    @property
    def env(self) -> dict[str, str]:
        """Variables for setup and sandboxes."""
        pairs = (finding.text.partition("=") for finding in self.about(Topic.ENV))
        return {name: value for name, _, value in pairs}
