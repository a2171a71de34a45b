"""Evidence made by Deputy: what checks and scanners saw, never what a worker claims."""

from enum import StrEnum

from deputy.domain.review.scans import Scan
from deputy.domain.value import Value


class CheckPhase(StrEnum):
    """On which tree a check ran. ``BEFORE`` is new tests on old code, which is expected to fail."""

    BASE = "base"
    PATCH = "patch"
    BASE_TESTS = "base-tests"
    BEFORE = "before"


class CheckResult(Value):
    """One check in a fresh sandbox. ``passed`` is judged by exit status and parsed output together.

    ``check`` is the digest of what was asked for (``Check.digest``), empty in evidence from before there was one.
    ``log`` is the blob digest of the output, ``report`` that of the report which the command wrote, ``reruns`` those of
    the logs of what was run again; ``seconds`` the wall-clock time. ``broken_tests`` names failing tests, where output
    or report tell. ``is_flaky`` means that it failed, and passed when the same was run again, or the reverse: then
    ``passed`` is False.

    Of the ``failures``, ``failed_tests`` ran and failed (None in evidence from before they were kept apart), and
    ``unloaded`` are no tests but files, modules or packages of them that could not be loaded or built.
    """

    name: str
    phase: CheckPhase
    argv: tuple[str, ...]
    exit_code: int
    passed: bool
    seconds: float
    log: str
    tests: int | None = None
    failures: int | None = None
    summary: str = ""
    broken_tests: tuple[str, ...] = ()
    is_flaky: bool = False
    check: str = ""
    report: str = ""
    reruns: tuple[str, ...] = ()
    failed_tests: int | None = None
    unloaded: int = 0


class Evidence(Value):
    """Evidence made by us about base and patch, in fresh sandboxes and by scanners, never by the agent.

    ``stale_setup`` are changed files that setup reads: the checks ran with what it had installed for the base.
    """

    checks: tuple[CheckResult, ...] = ()
    new_tests: tuple[str, ...] = ()
    fails_before: bool | None = None
    passes_after: bool | None = None
    scan: Scan | None = None
    stale_setup: tuple[str, ...] = ()
