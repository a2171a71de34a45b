"""The closed list of gates, for whoever must name one without knowing how it judges."""

from enum import StrEnum


class GateName(StrEnum):
    """A gate, as ``gates.toml``, findings and docs/gates.md name it."""

    PATHS = "paths"
    SIZE = "size"
    BINARY = "binary"
    SECRETS = "secrets"
    TEXT_TRICKS = "text-tricks"
    RUNS_ON_ITS_OWN = "runs-on-its-own"
    RUNS_WHEN_USED = "runs-when-used"
    DEPENDENCIES = "dependencies"
    TESTS_WEAKENED = "tests-weakened"
    SUPPRESSIONS = "suppressions"
    POLICY_FILES = "policy-files"
    CHECKS = "checks"
    BEFORE_AFTER = "before-after"
