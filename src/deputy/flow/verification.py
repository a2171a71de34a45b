"""Evidence made by us: the repository's checks on base and patch, in fresh sandboxes that no worker has touched."""

from collections.abc import Iterator, Sequence

from deputy.domain.config import Check, RepoConfig
from deputy.domain.values import CheckPhase, CheckResult, Proof, Task, TreeChange
from deputy.evidence import Overlay, judge_check, overlays, presentable, proof
from deputy.flow.sandboxes import cancel_watch, open_sandbox
from deputy.flow.world import World
from deputy.policy import Bundle
from deputy.ports import TreeDelta, TreeFile

ABSENT = "000000"


def verify(world: World, task: Task, change: TreeChange, bundle: Bundle) -> Proof:
    """Run what ``evidence.overlays`` asks for, each tree in a sandbox of its own.

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
    return proof(change, repo.checks, results)


def _wanted(repo: RepoConfig, phase: CheckPhase) -> Sequence[Check]:
    """All checks on the patch; elsewhere only the tests can tell anything."""
    return [check for check in repo.checks if phase is CheckPhase.PATCH or check.kind == "tests"]


def _run_checks(
    world: World, task: Task, change: TreeChange, bundle: Bundle, overlay: Overlay, checks: Sequence[Check]
) -> list[CheckResult]:
    repo, cancelled = bundle.repo(change.repo), cancel_watch(world, task.id)
    archive = world.repos.archive_tree(repo.name, _tree(world, change, overlay), repo.hidden)
    results = []
    with open_sandbox(world, task, repo, bundle.limits, overlay.phase.value, archive) as box:
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
