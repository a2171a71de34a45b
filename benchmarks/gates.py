"""Everything that judges a patch, in real git trees, against git merely reading the same files.

Ours is what a task waits for: git's diff of the two trees, the content of both sides, every gate, policy's decision on
every path, the report and its digest. The baseline reads the list of changes and the same blobs, and looks at none.
"""

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from benchmarks import made_repo
from benchmarks.made_repo import Author, Files
from benchmarks.measuring import Comparison, Series, Setting, in_turns, one, timed
from deputy.adapters.repos import GitRepos
from deputy.adapters.scanners import Scanners
from deputy.adapters.store import SqlStore, open_store
from deputy.app.clock import SystemClock
from deputy.domain.changes.change import FileChange, TreeChange
from deputy.domain.identifiers import TaskId
from deputy.domain.people import Actor
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.review.finding import GateReport
from deputy.domain.review.scans import Scan
from deputy.domain.tasks.request import Place, TaskKind, TaskSpec
from deputy.domain.tasks.run import Run
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.flow.delivery.gate_evaluation import judge_patch
from deputy.flow.state.services import Services
from deputy.flow.state.tasks import result_of
from deputy.policy import Bundle, load
from deputy.ports import RepoSource

REPO = "acme/shop"
POLICIES = Path(__file__).parents[1] / "policies"
ABSENT = "0" * 40
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """Files of the repository, and how many of them a patch adds, edits and deletes."""

    files: int
    added: int
    edited: int
    deleted: int

    @property
    def changed(self) -> int:
        return self.added + self.edited + self.deleted


SIZES = (Size(files=5_000, added=1_000, edited=3_500, deleted=500), Size(files=10_000, added=2, edited=7, deleted=1))
TINY = (Size(files=12, added=2, edited=3, deleted=1),)


def measure(setting: Setting) -> Sequence[Comparison]:
    """A patch of five thousand files, and a usual one in a large repository."""
    store = open_store(f"sqlite:///{setting.folder / 'deputy.sqlite'}", (setting.folder / "artifacts").as_uri())
    try:
        sizes = TINY if setting.is_tiny else SIZES
        benches = [_bench(setting, store, size) for size in sizes]
        judged = [_compare(setting, bench, size) for bench, size in zip(benches, sizes, strict=True)]
        return (*judged, _scanned(setting, benches[0], sizes[0]))
    finally:
        store.close()


@dataclass(frozen=True)
class Bench:
    """A patch, and what judging it takes."""

    services: Services
    task: Task
    spec: TaskSpec
    bundle: Bundle
    git_dir: Path

    def judge(self) -> tuple[TreeChange, GateReport]:
        """All of what a task waits for."""
        result = result_of(self.task)
        change = self.services.repos.diff(REPO, result.base, result.tree)
        return change, judge_patch(self.services, self.task, self.spec, change, self.bundle)

    def read(self, blobs: Sequence[str]) -> None:
        """What git needs to list the change and hand out its content."""
        result = result_of(self.task)
        self._git("diff-tree", "-r", "-z", "--no-renames", result.base, result.tree)
        self._git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs))

    def _git(self, *words: str, stdin: str = "") -> None:
        subprocess.run(["git", *words], cwd=self.git_dir, input=stdin.encode(), capture_output=True, check=True)


def _compare(setting: Setting, bench: Bench, size: Size) -> Comparison:
    change, _ = bench.judge()
    if len(change.files) != size.changed:
        raise AssertionError(f"{len(change.files)} files changed, not {size.changed}")
    blobs = sorted({blob for file in change.files for blob in _blobs(file)})

    ours, theirs = in_turns(
        setting.repeat, one(lambda: timed(bench.judge)), one(lambda: timed(lambda: bench.read(blobs)))
    )
    return Comparison(
        Series(f"{size.changed:,} files of {size.files:,}, judged", ours),
        Series("git diff-tree and cat-file --batch", theirs),
        notes=(f"{size.added:,} files added, {size.edited:,} edited, {size.deleted:,} deleted",),
    )


def _scanned(setting: Setting, bench: Bench, size: Size) -> Comparison:
    """What the scanners take for the larger patch; they are processes of their own."""
    change, _ = bench.judge()
    contents = bench.services.repos.blobs(REPO, frozenset(blob for file in change.files for blob in _blobs(file)))
    base = {file.path: contents[file.old_blob] for file in change.files if file.old_blob != ABSENT}
    head = {file.path: contents[file.new_blob] for file in change.files if file.new_blob != ABSENT}
    scanners = Scanners.at(setting.folder / "scanners")

    def scan() -> None:
        found = scanners.scan(base, head)
        if not found.scanners:
            raise AssertionError(f"no scanner has run: {found.failed}")

    scan()  # the first of a process unpacks rules
    blobs = sorted(contents)
    ours, theirs = in_turns(setting.repeat, one(lambda: timed(scan)), one(lambda: timed(lambda: bench.read(blobs))))
    return Comparison(
        Series(f"{size.changed:,} files of {size.files:,}, scanned for credentials", ours),
        Series("git diff-tree and cat-file --batch", theirs),
    )


def _blobs(file: FileChange) -> set[str]:
    return {file.old_blob, file.new_blob} - {ABSENT}


def _bench(setting: Setting, store: SqlStore, size: Size) -> Bench:
    before, after = _sides(size)
    folder = setting.folder / f"{size.files}"
    made_repo.commit(folder / "shop.git", "main", before)
    made_repo.commit(folder / "shop.git", "patched", after)
    repos = GitRepos(folder)
    base, head = (repos.refresh(RepoSource(REPO, str(folder / "shop.git"), each)) for each in ("main", "patched"))
    bundle = load({str(p.relative_to(POLICIES)): p.read_bytes() for p in POLICIES.rglob("*") if p.is_file()})
    spec = TaskSpec(repo=REPO, kind=TaskKind.OTHER, goal="raise the limits")
    evidence = _proof(bundle, store.put_blob(b"passed"))
    change = repos.diff(REPO, base, head)
    run = Run(
        number=1,
        queued_at=NOW,
        base=base,
        tree=change.tree,
        policy=bundle.digest,
        patch=change.digest,
        change=store.put_blob(change.model_dump_json().encode()),
        evidence=store.put_blob(evidence.model_dump_json().encode()),
    )
    task = Task(
        id=TaskId("D-BENCHMRK"),
        request="r",
        requester=Actor(team="T0ACME", user="U0ALICE"),
        place=Place(team="T0ACME", channel="C0SHOP", thread="1.0"),
        text="raise the limits",
        status=TaskStatus.VERIFYING,
        created_at=NOW,
        updated_at=NOW,
        spec=spec,
        runs=(run,),
    )
    # Judging touches no more of the world than this.
    services = cast("Services", SimpleNamespace(store=store, repos=repos, clock=SystemClock()))
    return Bench(services, task, spec, bundle, folder / "shop.git")


def _sides(size: Size) -> tuple[Files, Files]:
    author = Author(random.Random(size.files))
    before = made_repo.files(author, size.files)
    touched = author.dice.sample(sorted(before), size.edited + size.deleted)
    edited, deleted = touched[: size.edited], frozenset(touched[size.edited :])
    after = {path: text for path, text in before.items() if path not in deleted}
    after |= {path: author.edited(path, before[path]) for path in edited}
    return before, after | made_repo.files(author, size.added, start=size.files)


def _proof(bundle: Bundle, log: str) -> Evidence:
    return Evidence(
        checks=tuple(
            CheckResult(
                name=check.name, phase=CheckPhase.PATCH, argv=check.run, exit_code=0, passed=True, seconds=1.0, log=log,
                tests=3, failures=0,
            )
            for check in bundle.repo(REPO).checks
        ),
        scan=Scan(scanners=("kingfisher 2.14.0", "zizmor 1.32.0")),
    )  # fmt: skip
