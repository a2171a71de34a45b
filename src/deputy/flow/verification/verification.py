"""Evidence made by us: the repository's checks on base and patch, in sandboxes of their own, and what scanners see."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.changes.git_modes import ABSENT, GITLINK, LINK
from deputy.domain.policy.config import Check, RepoConfig
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.review.scans import TOO_LARGE, Scan, Sighting
from deputy.domain.tasks.task import Task
from deputy.environments import inputs_of
from deputy.evidence import Overlay, overlays, proof
from deputy.flow.state.services import Services
from deputy.flow.verification.check_runner import CheckRunner
from deputy.policy import Bundle

# What scanners are given; the gate `size` denies what is beyond. Bytes.
MAX_IN_A_FILE, MAX_IN_ALL = 8 * 1024**2, 64 * 1024**2
_PATCHED = frozenset({CheckPhase.PATCH, CheckPhase.BASE_TESTS})


def verify(services: Services, task: Task, change: TreeChange, bundle: Bundle) -> Evidence:
    """Run what ``evidence.overlays`` asks for in sandboxes of their own, while scanners look at the patch on the host.

    A check that fails on the patch is run on the base too: what was broken before is not the patch's doing, and neither
    is what fails by chance on both.
    """
    repo = bundle.repo(change.repo)
    beside = ThreadPoolExecutor(1, "scan")
    try:
        seen = beside.submit(scan, services, change)
        checking = CheckRunner(services, task, change, bundle)
        results: list[CheckResult] = []
        for overlay in overlays(change, repo.checks):
            results += checking.run(overlay, _wanted(repo, overlay.phase))
        results = _with_base(checking, repo, results)
        found = {"scan": seen.result(), "stale_setup": _stale_setup(repo, change)}
        return proof(change, repo.checks, results).model_copy(update=found)
    finally:
        beside.shutdown(wait=False)  # who cancels does not wait for scanners


def _stale_setup(repo: RepoConfig, change: TreeChange) -> tuple[str, ...]:
    """What the patch changes of that which setup reads; it is never run for a patch, for it has network and secrets."""
    if repo.environment is None or not repo.environment.setup:
        return ()
    return tuple(inputs_of(repo.environment, {file.path: file.new_blob for file in change.files}))


def _with_base(checking: CheckRunner, repo: RepoConfig, results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results, and how checks that fail on the patch do on the base; flaky ones run there as often, to see."""
    known = {result.name: result for result in results if result.phase is CheckPhase.BASE}
    flaky = {result.name for result in results if result.phase in _PATCHED and result.is_flaky}
    failed = {r.name for r in results if r.phase is CheckPhase.PATCH and not r.passed} - flaky - set(known)
    base = Overlay(CheckPhase.BASE, "base")
    suspects = [check for check in repo.checks if check.name in failed]
    doubtful = [check for check in repo.checks if check.name in flaky and _is_sound(known.get(check.name))]
    again = checking.doubt(base, doubtful, known) if doubtful else []
    told = {result.name for result in again}
    kept = [result for result in results if result.phase is not CheckPhase.BASE or result.name not in told]
    return [*kept, *(checking.run(base, suspects) if suspects else ()), *again]


def _is_sound(base: CheckResult | None) -> bool:
    return base is None or base.passed


def scan(services: Services, change: TreeChange) -> Scan:
    """What scanners see in the files that the patch writes. Those that they can't be given are sighted as too large."""
    base, head, too_large = _contents(services, change)
    seen = services.scanner.scan(base, head) if head else Scan()
    unseen = (Sighting(scanner="deputy", rule=TOO_LARGE, path=path) for path in too_large)
    return seen.model_copy(update={"sightings": (*seen.sightings, *unseen)})


def _contents(services: Services, change: TreeChange) -> tuple[dict[str, bytes], dict[str, bytes], list[str]]:
    """Both sides' bytes by path, and what was left out. All of a file is new whose old side is too large."""
    files = [file for file in change.files if _is_written(file)]
    old = {file.path: file.old_blob for file in files if _is_file(file.old_mode)}
    contents = services.repos.blobs(change.repo, {*old.values(), *(file.new_blob for file in files)})
    base = {path: contents[blob] for path, blob in old.items() if len(contents[blob]) <= MAX_IN_A_FILE}
    head: dict[str, bytes] = {}
    too_large: list[str] = []
    room = MAX_IN_ALL
    for file in files:
        content = contents[file.new_blob]
        if len(content) > min(room, MAX_IN_A_FILE):
            too_large.append(file.path)
        else:
            room -= len(content)
            head[file.path] = content
    return base, head, too_large


def _is_written(file: FileChange) -> bool:
    return file.kind not in {ChangeKind.DELETED, ChangeKind.MODE} and _is_file(file.new_mode)


def _is_file(mode: str) -> bool:
    return mode not in {ABSENT, LINK, GITLINK}


def _wanted(repo: RepoConfig, phase: CheckPhase) -> Sequence[Check]:
    """All checks on the patch; elsewhere only the tests can tell anything."""
    return [check for check in repo.checks if phase is CheckPhase.PATCH or check.kind == "tests"]
