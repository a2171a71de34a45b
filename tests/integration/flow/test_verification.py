"""Checks on trees made of base and patch, in sandboxes: reports, forgeries, and failures that come and go."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deputy.adapters.repos import GitRepos
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.adapters.store import SqlStore, open_store
from deputy.domain.changes.change import TreeChange
from deputy.domain.events import Event, EventName
from deputy.domain.policy.config import Check, Environment, Limits, RepoConfig
from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.tasks.status import TaskStatus
from deputy.flow.state.services import Services
from deputy.flow.verification.verification import verify
from deputy.gates import inspect
from deputy.ports import RepoSource, Sandboxes, TreeDelta, TreeFile
from tests.support.origin import SHOP, Origin
from tests.support.plain_sandbox import PlainSandboxes
from tests.support.plain_scanner import PlainScanner
from tests.support.tasks import make_task, with_patch

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
FILE, PROGRAM, LINK = "100644", "100755", "120000"
PATCH, BASE, BASE_TESTS, BEFORE = CheckPhase.PATCH, CheckPhase.BASE, CheckPhase.BASE_TESTS, CheckPhase.BEFORE
PASSING = b'<testsuites><testsuite><testcase classname="tests.test_a" name="test_x"/></testsuite></testsuites>'
FAILING = PASSING.replace(b"/></testsuite>", b"><failure/></testcase></testsuite>")
WRITES = b"cp good.xml out/junit.xml && echo 1 passed in 0.1s\n"
BASE_FILES = (
    (FILE, b"check.sh", b"mkdir -p out && " + WRITES),
    (FILE, b"good.xml", PASSING),
    (FILE, b"app.txt", b"old\n"),
)
REPORTING = Check(name="tests", kind="tests", run=("sh", "check.sh"), tests=("tests/**",), report="out/junit.xml")


@dataclass
class VerifierHarness:
    """Verifies patches of one repository."""

    repos: GitRepos
    store: SqlStore
    sandboxes: Sandboxes
    origin: Origin
    starts: list[str]
    environment: Environment | None = None

    def verify(self, files: dict[str, bytes | None], *checks: Check, **limits: int) -> Evidence:
        self.origin.commit(*BASE_FILES)
        return self.verified(files, *checks, **limits)

    def verified(self, files: dict[str, bytes | None], *checks: Check, **limits: int) -> Evidence:
        base = self.repos.refresh(RepoSource(SHOP, str(self.origin.folder)))
        written = tuple(
            TreeFile(path, LINK if content.startswith(b"->") else FILE, content.removeprefix(b"->"))
            for path, content in files.items()
            if content is not None
        )
        delta = TreeDelta(written, tuple(path for path, content in files.items() if content is None))
        change = self.repos.diff(SHOP, base, self.repos.import_delta(SHOP, base, delta))
        repo = RepoConfig(name=SHOP, url="shop", checks=checks, environment=self.environment)
        bundle = SimpleNamespace(
            repo=lambda _: repo, limits=Limits.model_validate({"sandbox_disk": 64 * 1024**2, **limits})
        )
        task = make_task("D-VER1F1ED", TaskStatus.VERIFYING, at=NOW, **with_patch(base, change.tree))
        with self.store.transaction() as ledger:
            ledger.add_task(task, Event(name=EventName.TASK_UNDERSTOOD, at=NOW, actor="deputy", task=task.id))
        parts = {
            "store": self.store,
            "repos": self.repos,
            "sandboxes": self,
            "scanner": PlainScanner(),
            "image": "",
            "policies": SimpleNamespace(current=lambda: bundle),
            "environments": SimpleNamespace(base_id=lambda _: "", find=lambda *_: "deputy-sandbox:latest"),
        }
        services = Services(**cast("Any", {name: parts.get(name) for name in Services.__dataclass_fields__}))
        return verify(services, task, change, cast("Any", bundle))

    def start(self, spec: Any, *more: Any) -> Any:
        self.starts.append(spec.name.removeprefix("deputy-d-ver1f1ed-1-"))
        return self.sandboxes.start(spec, *more)


@pytest.fixture(params=["plain", pytest.param("docker", marks=pytest.mark.docker)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VerifierHarness]:
    made: Sandboxes = (
        PlainSandboxes() if request.param == "plain" else DockerSandboxes(owner=f"test-verification-{os.getpid()}")
    )
    store = open_store(f"sqlite:///{tmp_path}/d.sqlite", str(tmp_path / "blobs"))
    yield VerifierHarness(GitRepos(tmp_path / "home"), store, made, Origin(tmp_path / "origin"), [])
    made.sweep(lambda _: False)
    store.close()


# What does not depend on the sandbox is tried on the plain one alone.
on_plain = pytest.mark.parametrize("bench", ["plain"], indirect=True)
in_the_image = pytest.mark.parametrize("bench", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True)


def only(proof: Evidence, phase: CheckPhase) -> CheckResult:
    (found,) = [result for result in proof.checks if result.phase is phase]
    return found


# -------------------------------------------------------------------------------------------------------- reports


def test_a_report_is_read_kept_and_counted(bench: VerifierHarness) -> None:
    done = only(bench.verify({"app.txt": b"new\n"}, REPORTING), PATCH)
    assert (done.passed, done.tests, done.summary, done.check) == (True, 1, "1 passed", REPORTING.digest)
    assert bench.store.blob(done.report) == PASSING


@pytest.mark.parametrize(
    "attack",
    [
        {"out/junit.xml": PASSING},
        {"out/junit.xml": b"->../good.xml"},
        {"out/junit.xml/deep/file": PASSING},
        {"out": b"->kept", "kept/junit.xml": PASSING},
        {"out": b"->/tmp"},
    ],
    ids=["file", "link", "folder", "linked folder", "link outside"],
)
def test_a_report_that_comes_with_the_patch_counts_for_nothing(
    bench: VerifierHarness, attack: dict[str, bytes | None]
) -> None:
    silent = {"check.sh": b"echo 1 passed in 0.1s\n"}
    done = only(bench.verify({**attack, **silent}, REPORTING), PATCH)
    assert not done.passed
    assert done.summary.startswith("exit 0, but there is no report at out/junit.xml")


def test_a_report_that_an_earlier_check_left_counts_for_nothing(bench: VerifierHarness) -> None:
    first = Check(name="lint", run=("sh", "-c", "mkdir -p out; cp good.xml out/junit.xml"))
    proof = bench.verify({"check.sh": b"ls out; echo 1 passed in 0.1s\n"}, first, REPORTING)
    lint, tests = (result for result in proof.checks if result.phase is PATCH)
    assert lint.passed
    assert not tests.passed
    assert "no report at out/junit.xml" in tests.summary


def test_a_brought_report_does_not_stand_in_the_way_of_a_written_one(bench: VerifierHarness) -> None:
    for brought in ({"out/junit.xml": FAILING}, {"out/junit.xml/x": b""}):
        done = only(bench.verify({**brought}, REPORTING), PATCH)
        assert done.passed, done.summary


@on_plain
def test_a_report_that_contradicts_fails_the_check(bench: VerifierHarness) -> None:
    done = only(bench.verify({"good.xml": FAILING}, REPORTING), PATCH)
    assert (done.passed, done.summary) == (False, "1 failed, although the exit status is 0")
    assert done.broken_tests == ("tests.test_a.test_x",)
    assert not done.is_flaky


@pytest.mark.parametrize("report", ["../junit.xml", "/tmp/junit.xml"])
def test_a_report_outside_of_the_workspace_is_none(bench: VerifierHarness, report: str) -> None:
    done = only(bench.verify({"app.txt": b"new\n"}, REPORTING.model_copy(update={"report": report})), PATCH)
    assert not done.passed
    assert "not inside the workspace" in done.summary


@on_plain
def test_a_report_without_end_is_not_read(bench: VerifierHarness) -> None:
    huge = b"mkdir out; head -c 9000000 /dev/zero > out/junit.xml; echo 1 passed in 0.1s\n"
    done = only(bench.verify({"check.sh": huge}, REPORTING), PATCH)
    assert (done.passed, "larger than 8 MiB" in done.summary) == (False, True)


_SUITE = b"""import pytest, unittest

def test_passes(): pass

@pytest.mark.parametrize("value", [1, 2])
def test_each(value): assert value == 1

@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.xfail
def test_expected(): assert False

@pytest.fixture
def broken():
    yield
    raise OSError("on its way out")

def test_torn_down(broken): assert False

class Old(unittest.TestCase):
    def test_subtests(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)
"""


@in_the_image
def test_what_pytest_writes_is_read(bench: VerifierHarness) -> None:
    run = ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=out/junit.xml")
    check = REPORTING.model_copy(update={"run": run})
    done = only(bench.verify({"tests/test_suite.py": _SUITE}, check, flaky_retries=0), PATCH)
    assert (done.passed, done.exit_code) == (False, 1)
    assert "tests.test_suite.test_each[2]" in done.broken_tests
    assert "tests.test_suite.test_torn_down" in done.broken_tests
    assert done.summary.startswith("2 failed, 1 error") or done.summary.startswith("3 failed, 1 error"), done.summary
    fine = only(
        bench.verify({"tests/test_suite.py": _SUITE[: _SUITE.index(b"@pytest.fixture")].replace(b", 2]", b"]")}, check),
        PATCH,
    )
    assert (fine.passed, fine.summary, fine.broken_tests) == (True, "2 passed, 2 skipped", ())


# ---------------------------------------------------------------------------------------------------------- flaky

# Fails until a moment that the test knows, and passes after it: what comes and goes, in sandboxes that share nothing.
_UNTIL = b"""if [ "$(date +%%s)" -lt %d ]; then sleep 1
echo 'FAILED tests/test_a.py::test_x - oh'; echo '1 failed in 0.1s'; exit 1
fi; echo '1 passed in 0.1s'
"""
TESTS = Check(name="tests", kind="tests", run=("sh", "check.sh"), tests=("tests/**",))
FAILS = b"echo 'FAILED tests/test_a.py::test_x - oh'; echo '1 failed in 0.1s'; exit 1\n"
PASSES = b"echo '1 passed in 0.1s'\n"


def soon() -> bytes:
    return _UNTIL % (time.time() + 2)


def severities(proof: Evidence, check: Check = TESTS) -> dict[str, Severity]:
    change = TreeChange(repo=SHOP, base="b", base_tree="t", tree="u", digest="d", files=())
    found = inspect(change, lambda _side, _path: None, proof, {}, (check,))
    return {finding.rule: finding.severity for finding in found if finding.gate == "checks"}


def test_what_fails_and_then_passes_is_flaky_and_a_person_is_asked(bench: VerifierHarness) -> None:
    bench.origin.commit((FILE, b"check.sh", PASSES))
    proof = bench.verified({"check.sh": soon()}, TESTS, flaky_retries=9)
    done = only(proof, PATCH)
    assert (done.is_flaky, done.passed) == (True, False)
    assert done.summary.startswith("flaky: failed ")
    assert done.summary.endswith(f" of {len(done.reruns) + 1} runs: tests/test_a.py::test_x")
    assert all(bench.store.blob(log) for log in (done.log, *done.reruns))
    assert only(proof, BASE).passed
    assert len(only(proof, BASE).reruns) == 9
    assert severities(proof) == {"checks/flaky": Severity.REVIEW}
    # Each run has a sandbox of its own.
    assert bench.starts[: len(done.reruns) + 1] == [f"patch-0-{n}" for n in range(len(done.reruns) + 1)]


@on_plain
def test_what_is_flaky_without_the_patch_too_is_advice(bench: VerifierHarness) -> None:
    bench.origin.commit((FILE, b"check.sh", FAILS))
    proof = bench.verified({"check.sh": soon()}, TESTS, flaky_retries=9)
    assert only(proof, PATCH).is_flaky
    assert not only(proof, BASE).passed
    assert severities(proof) == {"checks/flaky": Severity.ADVISE}


def test_what_fails_every_time_costs_the_retries_and_fails(bench: VerifierHarness) -> None:
    bench.origin.commit((FILE, b"check.sh", PASSES))
    proof = bench.verified({"check.sh": FAILS}, TESTS, flaky_retries=2)
    done = only(proof, PATCH)
    assert (done.is_flaky, done.passed, done.summary, len(done.reruns)) == (False, False, "1 failed", 2)
    assert bench.starts == ["patch-0-0", "patch-0-1", "patch-0-2", "base-0-0"]
    assert severities(proof) == {"checks/failed": Severity.DENY}


@on_plain
@pytest.mark.parametrize(
    ("script", "limits"),
    [
        (FAILS, {"flaky_retries": 0}),
        (b"exit 1\n", {}),  # nobody counted anything
        (b"echo '1 failed in 0.1s'\n", {}),  # contradicts itself
        (b"echo no tests ran in 0.1s; exit 5\n", {}),
        (b"sleep 2\n" + FAILS, {"run_seconds": 3}),  # another one could not end in time
    ],
)
def test_no_run_is_repeated_in_vain(bench: VerifierHarness, script: bytes, limits: dict[str, int]) -> None:
    bench.verify({"check.sh": script}, TESTS, **limits)
    assert bench.starts == ["patch-0-0", "base-0-0"]


@on_plain
def test_a_linter_that_fails_is_not_repeated(bench: VerifierHarness) -> None:
    bench.verify(
        {"check.sh": b"echo Found 3 errors.; exit 1\n"}, TESTS.model_copy(update={"kind": "lint", "tests": ()})
    )
    assert bench.starts == ["patch-0-0", "base-0-0"]


def test_a_new_test_that_fails_by_chance_on_the_old_code_proves_nothing(bench: VerifierHarness, tmp_path: Path) -> None:
    # Runs the new test where it is and the fix is not.
    script = b"if [ -e tests/new ] && ! [ -e fixed ]; then sh tests/new; else echo '1 passed in 0.1s'; fi\n"
    bench.origin.commit((FILE, b"check.sh", script))
    certain = bench.verified({"tests/new": FAILS, "fixed": b""}, TESTS)
    assert (certain.fails_before, certain.passes_after) == (True, True)
    assert bench.starts[-2:] == ["before-0-0", "before-0-1"]
    if isinstance(bench.sandboxes, PlainSandboxes):  # only there can runs share anything, such as a coin
        coin = f"if [ -e {tmp_path}/coin ]; then echo '1 passed in 0.1s'; exit; fi; touch {tmp_path}/coin\n".encode()
        chance = bench.verified({"tests/new": coin + FAILS, "fixed": b""}, TESTS)
        assert only(chance, BEFORE).is_flaky
        assert (chance.fails_before, chance.passes_after) == (None, True)


@on_plain
def test_a_patch_that_changes_what_setup_reads_is_said_to_be_checked_without(bench: VerifierHarness) -> None:
    files: dict[str, bytes | None] = {"requirements.txt": b"six==2\n", "app.txt": b"new\n"}
    assert bench.verify(files, TESTS).stale_setup == ()  # there is no setup
    bench.environment = Environment(setup=(("pip", "install", "-r", "requirements.txt"),))
    assert bench.verify(files, TESTS).stale_setup == ("requirements.txt",)
    assert bench.verify({"good.xml": b"<a/>"}, TESTS).stale_setup == ()
    assert bench.verify({"good.xml": None}, TESTS).stale_setup == ()
    bench.environment = bench.environment.model_copy(update={"inputs": ("*.xml",)})
    assert bench.verify({"good.xml": None}, TESTS).stale_setup == ("good.xml",)


@on_plain
def test_a_check_can_not_mend_the_tree_for_the_next_one(bench: Any) -> None:
    lint = Check(name="lint", run=("sh", "-c", "! grep -q eval app.txt"))
    mends = b"sed -i s/eval/fine/ app.txt; mkdir -p out && cp good.xml out/junit.xml && echo 1 passed in 0.1s\n"
    proof = bench.verify({"app.txt": b"eval\n", "check.sh": mends}, REPORTING, lint)
    (seen,) = [result for result in proof.checks if result.phase is PATCH and result.name == "lint"]
    assert not seen.passed
