"""The closed list of gates, for code that names a gate without running it."""

from enum import StrEnum
from typing import Self


class Topic(StrEnum):
    """What an approver must know of a patch, in the order of importance; the value is the title that they read."""

    STOPS = "Stops the patch"
    RUNS = "Runs without being asked"
    RULES = "Changes rules and owners"
    PRIVATE = "Secrets and personal data"
    OTHERS = "Other people's code"
    TESTS = "Tests and checks ask for less"
    CHECKS = "Checks"
    CALLERS = "Breaks callers"
    UNREADABLE = "Hard to read, or not what it seems"
    ADVICE = "Good to know"


class GateName(StrEnum):
    """A gate, as ``gates.toml``, findings and docs/gates.md name it, and the topic of what it asks people about.

    The table in ``deputy.gates.registry`` gives the function of each gate.
    """

    topic: Topic

    def __new__(cls, value: str, topic: Topic = Topic.UNREADABLE) -> Self:
        """A member from its name and its topic; by name alone, the member of that name is looked up."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.topic = topic
        return member

    PATHS = "paths", Topic.UNREADABLE
    SIZE = "size", Topic.UNREADABLE
    BINARY = "binary", Topic.UNREADABLE
    SECRETS = "secrets", Topic.PRIVATE
    PERSONAL_DATA = "personal-data", Topic.PRIVATE
    TEXT_TRICKS = "text-tricks", Topic.UNREADABLE
    GENERATED = "generated", Topic.UNREADABLE
    LICENCES = "licences", Topic.OTHERS
    RUNS_ON_ITS_OWN = "runs-on-its-own", Topic.RUNS
    RUNS_WHEN_USED = "runs-when-used", Topic.RUNS
    DEPENDENCIES = "dependencies", Topic.OTHERS
    PUBLIC_API = "public-api", Topic.CALLERS
    TESTS_WEAKENED = "tests-weakened", Topic.TESTS
    SUPPRESSIONS = "suppressions", Topic.TESTS
    POLICY_FILES = "policy-files", Topic.RULES
    CHECKS = "checks", Topic.CHECKS
    BEFORE_AFTER = "before-after", Topic.CHECKS
