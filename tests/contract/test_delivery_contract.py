"""``ports.Delivery``: what each destination has to do, on real repositories and a real store."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from deputy.adapters.delivery import ThreadDelivery
from deputy.adapters.repos import GitRepos
from deputy.adapters.store.store import SqlStore, open_store
from deputy.domain.changes.change import TreeChange
from deputy.domain.tasks.request import Place
from deputy.domain.tasks.status import TaskStatus
from deputy.flow.state.tasks import result_of
from deputy.ports import Attachment, CommitText, Delivery, Handover, Post, RepoSource, TreeDelta, TreeFile
from tests.support.origin import SHOP, Origin
from tests.support.tasks import NOON, make_task, with_patch

FILE = "100644"
KEY = "files:D-AAAAAAAA:p"


@dataclass
class Thread:
    """The part of a chat that a delivery speaks to: uploads, each key once."""

    store: SqlStore
    uploads: list[tuple[Place, str, tuple[str, ...], str]] = field(default_factory=list)

    def attach(self, place: Place, key: str, files: list[Attachment], comment: str) -> None:
        with self.store.transaction() as ledger:
            if ledger.post(key):
                return
            ledger.save_post(Post(key, place.channel, place.thread, "1.2"))
        self.uploads.append((place, key, tuple(file.name for file in files), comment))


@dataclass
class Destination:
    """A delivery with the repository that its patches are made in."""

    delivery: Delivery
    repos: GitRepos
    origin: Origin
    thread: Thread

    @property
    def source(self) -> RepoSource:
        return RepoSource(SHOP, str(self.origin.folder))

    def change(self) -> TreeChange:
        base = self.repos.refresh(self.source)
        written = (TreeFile("billing/a.py", "100644", b"new\n"),)
        return self.repos.diff(SHOP, base, self.repos.import_delta(SHOP, base, TreeDelta(written)))

    def handover(self, change: TreeChange) -> Handover:
        task = make_task(status=TaskStatus.DELIVERING, **with_patch(change.base, change.tree))
        text = CommitText("Round refunds", "Body.", (("Requested-by", "user:T0ACME/U0ALICE"),), at=NOON)
        return Handover(KEY, task, result_of(task), change, text, b"{}", b"log", "It is delivered.")


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[Destination]:
    origin, repos = Origin(tmp_path / "origin"), GitRepos(tmp_path / "git")
    origin.commit((FILE, b"billing/a.py", b"old\n"), (FILE, b"docs/b.md", b"old\n"))
    store = open_store(f"sqlite:///{tmp_path}/d.sqlite", str(tmp_path / "blobs"))
    thread = Thread(store)
    yield Destination(ThreadDelivery(cast("Any", thread), repos, store), repos, origin, thread)
    store.close()


def test_a_patch_on_the_tip_fits(destination: Destination) -> None:
    change = destination.change()
    fitness = destination.delivery.fitness(destination.source, change)
    assert (fitness.tip, fitness.moved) == (change.base, ())


@pytest.mark.parametrize(
    ("then", "moved"),
    [
        ((b"docs/b.md", b"new\n"), ()),
        ((b"billing/a.py", b"other\n"), ("billing/a.py",)),
        ((b"billing", b"a file where the folder was\n"), ("billing/a.py",)),
    ],
    ids=["elsewhere", "the same path", "in the way"],
)
def test_what_has_changed_since_is_named_where_the_patch_is(
    destination: Destination, then: tuple[bytes, bytes], moved: tuple[str, ...]
) -> None:
    change = destination.change()
    kept = {b"billing/a.py": b"old\n", b"docs/b.md": b"old\n"}
    if then[0] == b"billing":
        del kept[b"billing/a.py"]
    kept[then[0]] = then[1]
    tip = destination.origin.commit(*((FILE, path, content) for path, content in sorted(kept.items())))
    fitness = destination.delivery.fitness(destination.source, change)
    assert (fitness.tip, fitness.moved) == (tip, moved)


def test_the_patch_is_the_same_bytes_at_each_call_and_comes_first(destination: Destination) -> None:
    handover = destination.handover(destination.change())
    first, second = (destination.delivery.artifacts(handover) for _ in range(2))
    assert first == second
    assert first[0].name.endswith(".patch")
    assert b"Requested-by: user:T0ACME/U0ALICE" in first[0].content
    assert [artifact.content for artifact in first[1:]] == [b"{}", b"log"]


def test_a_second_hand_over_finds_the_first(destination: Destination) -> None:
    handover = destination.handover(destination.change())
    artifacts = destination.delivery.artifacts(handover)
    assert not destination.delivery.has_begun(KEY)
    for _ in range(2):
        destination.delivery.hand_over(handover, artifacts)
    assert destination.delivery.has_begun(KEY)
    names = tuple(artifact.name for artifact in artifacts)
    assert destination.thread.uploads == [(handover.task.place, KEY, names, "It is delivered.")]
