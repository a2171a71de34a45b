"""What destinations share that take a patch as files: compare with the branch's tip, and make the files."""

from collections.abc import Iterator, Sequence

from deputy.domain.changes.change import TreeChange
from deputy.ports import Artifact, Fitness, Handover, Repos, RepoSource


def compare_with_tip(repos: Repos, source: RepoSource, change: TreeChange) -> Fitness:
    """Compare the patch's paths with what has changed up to the tip of the repository's branch."""
    tip = repos.refresh(source)
    if tip == change.base:
        return Fitness(tip)
    drift = repos.diff(source.name, change.base, tip).paths
    return Fitness(tip, tuple(_touched(change.paths, drift)))


def patch_files(repos: Repos, handover: Handover) -> tuple[Artifact, ...]:
    """The patch as a ``git am`` file, the evidence, and the logs of the checks."""
    task, result = handover.task, handover.result
    patch = repos.patch(handover.change.repo, result.base, result.tree, handover.text)
    name = f"{task.id}-{handover.change.digest[:8]}"
    return (
        Artifact(f"{name}.patch", f"{task.id}: patch, apply with git am", patch),
        Artifact(f"{name}.evidence.json", f"{task.id}: evidence", handover.evidence),
        Artifact(f"{name}.checks.log", f"{task.id}: logs of the checks", handover.logs),
    )


def _touched(paths: Sequence[str], drift: Sequence[str]) -> Iterator[str]:
    """The paths that are changed on the other side, too, or that a folder or a file now stands in the way of."""
    return (path for path in paths if any(_overlap(path, other) for other in drift))


def _overlap(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
