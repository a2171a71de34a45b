"""Evidence made by us: the repository's checks on base and patch, in sandboxes of their own, and what scanners see."""

from collections.abc import Iterator, Sequence

from deputy.domain.config import Check, RepoConfig
from deputy.domain.scans import TOO_LARGE, Scan, Sighting
from deputy.domain.values import ChangeKind, CheckPhase, CheckResult, FileChange, Proof, Task, TreeChange
from deputy.evidence import Overlay, judge_check, overlays, presentable, proof
from deputy.flow.environments import prepare
from deputy.flow.sandboxes import cancel_watch, open_sandbox
from deputy.flow.world import World
from deputy.gates.case import ABSENT, GITLINK, LINK
from deputy.policy import Bundle
from deputy.ports import TreeDelta, TreeFile

# What scanners are given; the gate `size` denies what is beyond. Bytes.
MOST_IN_A_FILE, MOST_IN_ALL = 8 * 1024**2, 64 * 1024**2


def verify(world: World, task: Task, change: TreeChange, bundle: Bundle) -> Proof:
    """Run what ``evidence.overlays`` asks for, each tree in a sandbox of its own; then let scanners look at the patch.

    A check that fails on the patch is run on the base too: what was broken before is not the patch's doing.
    """
    repo = bundle.repo(change.repo)
    results: list[CheckResult] = []
    for overlay in overlays(change, repo.checks):
        results += _run_checks(world, task, change, bundle, overlay, _wanted(repo, overlay.phase))
    known = {result.name for result in results if result.phase is CheckPhase.BASE}
    failed = {r.name for r in results if r.phase is CheckPhase.PATCH and not r.passed} - known
    suspects = [check for check in repo.checks if check.name in failed]
    if suspects:
        results += _run_checks(world, task, change, bundle, Overlay(CheckPhase.BASE, "base"), suspects)
    return proof(change, repo.checks, results).model_copy(update={"scan": scan(world, change)})


def scan(world: World, change: TreeChange) -> Scan:
    """What scanners see in the files that the patch writes. Those that they can't be given are sighted as too large."""
    base, head, too_large = _contents(world, change)
    seen = world.scanner.scan(base, head) if head else Scan()
    unseen = (Sighting(scanner="deputy", rule=TOO_LARGE, path=path) for path in too_large)
    return seen.model_copy(update={"sightings": (*seen.sightings, *unseen)})


def _contents(world: World, change: TreeChange) -> tuple[dict[str, bytes], dict[str, bytes], list[str]]:
    """Both sides' bytes by path, and what was left out. All of a file is new whose old side is too large."""
    files = [file for file in change.files if _is_written(file)]
    old = {file.path: file.old_blob for file in files if _is_file(file.old_mode)}
    contents = world.repos.blobs(change.repo, {*old.values(), *(file.new_blob for file in files)})
    base = {path: contents[blob] for path, blob in old.items() if len(contents[blob]) <= MOST_IN_A_FILE}
    head: dict[str, bytes] = {}
    too_large: list[str] = []
    room = MOST_IN_ALL
    for file in files:
        content = contents[file.new_blob]
        if len(content) > min(room, MOST_IN_A_FILE):
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


def _run_checks(
    world: World, task: Task, change: TreeChange, bundle: Bundle, overlay: Overlay, checks: Sequence[Check]
) -> list[CheckResult]:
    repo, cancelled = bundle.repo(change.repo), cancel_watch(world, task.id)
    prepared = prepare(world, repo, task.base)
    tree = world.repos.checkout(repo.name, _tree(world, change, overlay), repo.hidden)
    results = []
    with open_sandbox(world, task, repo, bundle.limits, prepared, tree, purpose=overlay.phase.value) as box:
        for check in checks:
            done = box.run(check.run, timeout=check.timeout, env=check.env, is_cancelled=cancelled)
            log = world.store.put_blob(presentable(done.output, 10**6).encode())
            results.append(judge_check(check, overlay.phase, done, log))
    return results


def _tree(world: World, change: TreeChange, overlay: Overlay) -> str:
    """The tree of an overlay, made in the host's repository out of base and patch."""
    start, other = (change.base_tree, change.tree) if overlay.start == "base" else (change.tree, change.base_tree)
    if not overlay.copy and not overlay.remove:
        return start
    delta = TreeDelta(written=tuple(_files(world, change, overlay, other)), deleted=overlay.remove)
    return world.repos.import_delta(change.repo, start, delta)


def _files(world: World, change: TreeChange, overlay: Overlay, other: str) -> Iterator[TreeFile]:
    modes = {f.path: f.new_mode if overlay.start == "base" else f.old_mode for f in change.files}
    for path in overlay.copy:
        content = world.repos.read(change.repo, other, path)
        if content is not None and modes[path] != ABSENT:
            yield TreeFile(path, modes[path], content)
