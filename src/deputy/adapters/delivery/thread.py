"""Delivery into the Slack thread that asked: the patch as a ``git am`` file, the evidence, and the checks' logs."""

from collections.abc import Sequence

from deputy.adapters.delivery.from_repository import compare_with_tip, patch_files
from deputy.domain.changes.change import TreeChange
from deputy.ports import Artifact, Attachment, Chat, Fitness, Handover, Repos, RepoSource, Store


class ThreadDelivery:
    """``ports.Delivery`` on the chat. What is compared with is the tip of the repository's branch."""

    def __init__(self, chat: Chat, repos: Repos, store: Store) -> None:
        self._chat, self._repos, self._store = chat, repos, store

    def fitness(self, source: RepoSource, change: TreeChange) -> Fitness:
        """Compare the patch with the branch's tip."""
        return compare_with_tip(self._repos, source, change)

    def artifacts(self, handover: Handover) -> tuple[Artifact, ...]:
        """Patch, evidence, and the logs of the checks."""
        return patch_files(self._repos, handover)

    def hand_over(self, handover: Handover, artifacts: Sequence[Artifact]) -> None:
        """Upload the files into the thread."""
        files = [Attachment(file.name, file.title, file.content) for file in artifacts]
        self._chat.attach(handover.task.place, handover.key, files, handover.announcement)

    def has_begun(self, key: str) -> bool:
        """Whether the upload is known of, finished or not."""
        with self._store.transaction() as ledger:
            return ledger.post(key) is not None
