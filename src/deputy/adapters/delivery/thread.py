"""Delivery into the Slack thread that asked: the patch as a ``git am`` file, the evidence, and the checks' logs."""

from collections.abc import Iterator, Sequence

from deputy.domain.changes.change import TreeChange
from deputy.ports import Artifact, Attachment, Chat, Fitness, Handover, Repos, RepoSource, Store


class ThreadDelivery:
    """``ports.Delivery`` on the chat. What is compared with is the tip of the repository's branch."""

    def __init__(self, chat: Chat, repos: Repos, store: Store) -> None:
        self._chat, self._repos, self._store = chat, repos, store

    def fitness(self, source: RepoSource, change: TreeChange) -> Fitness:
        """Compare the patch's paths with what has changed up to the branch's tip."""
        tip = self._repos.refresh(source)
        if tip == change.base:
            return Fitness(tip)
        drift = self._repos.diff(source.name, change.base, tip).paths
        return Fitness(tip, tuple(_touched(change.paths, drift)))

    def artifacts(self, handover: Handover) -> tuple[Artifact, ...]:
        """Patch, evidence, and the logs of the checks."""
        task, result = handover.task, handover.result
        patch = self._repos.patch(handover.change.repo, result.base, result.tree, handover.text)
        name = f"{task.id}-{handover.change.digest[:8]}"
        return (
            Artifact(f"{name}.patch", f"{task.id}: patch, apply with git am", patch),
            Artifact(f"{name}.evidence.json", f"{task.id}: evidence", handover.evidence),
            Artifact(f"{name}.checks.log", f"{task.id}: logs of the checks", handover.logs),
        )

    def hand_over(self, handover: Handover, artifacts: Sequence[Artifact]) -> None:
        """Upload the files into the thread."""
        files = [Attachment(file.name, file.title, file.content) for file in artifacts]
        self._chat.attach(handover.task.place, handover.key, files, handover.announcement)

    def has_begun(self, key: str) -> bool:
        """Whether the upload is known of, finished or not."""
        with self._store.transaction() as ledger:
            return ledger.post(key) is not None


def _touched(paths: Sequence[str], drift: Sequence[str]) -> Iterator[str]:
    """The paths that are changed on the other side, too, or that a folder or a file now stands in the way of."""
    return (path for path in paths if any(_overlap(path, other) for other in drift))


def _overlap(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
