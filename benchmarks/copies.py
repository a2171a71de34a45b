"""A fresh writable copy of a commit, and what has changed in it, taken out again; against a clone."""

import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import boxes, made_repo
from benchmarks.made_repo import Author, Files
from benchmarks.measuring import Comparison, Series, Setting, in_turns, one, timed
from deputy.adapters.repos import GitRepos
from deputy.adapters.sandbox.channel.client import SandboxClient
from deputy.ports import RepoSource, Sandbox, Tree

REPO = "acme/shop"
FILES, CHANGED = 10_000, 20
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Bench:
    """A repository with two branches: yesterday's, and ``main``, where a few files differ."""

    folder: Path
    repos: GitRepos
    yesterday: str
    tip: str
    changed: tuple[str, ...]

    def tree(self, commit: str = "") -> Tree:
        """A commit's files, the tip's by default: read from git once, remembered from then on."""
        return self.repos.checkout(REPO, commit or self.tip, ())

    def clone(self, into: Path) -> float:
        """Seconds of a ``git clone --shared``."""
        return timed(lambda: _git(self.folder, "clone", "--quiet", "--shared", "shop.git", str(into)))

    @contextmanager
    def cloned(self) -> Iterator[Path]:
        """A clone, removed afterwards."""
        into = self.folder / "clone"
        self.clone(into)
        try:
            yield into
        finally:
            shutil.rmtree(into)


def bench(setting: Setting) -> Bench:
    """About forty megabytes, as real repositories have them."""
    author, origin = Author(random.Random(1)), setting.folder / "shop.git"
    before = made_repo.files(author, setting.amount(FILES, tiny=30))
    changed = tuple(sorted(author.dice.sample(sorted(before), setting.amount(CHANGED, tiny=3))))
    after: Files = {**before, **{path: author.edited(path, before[path]) for path in changed}}
    made_repo.commit(origin, "yesterday", before)
    made_repo.commit(origin, "main", after)
    repos = GitRepos(setting.folder)
    yesterday, tip = (repos.refresh(RepoSource(REPO, str(origin), branch)) for branch in ("yesterday", "main"))
    return Bench(setting.folder, repos, yesterday, tip, changed)


# ------------------------------------------------------------------------------------------------------- going in


def measure_copy(setting: Setting) -> Sequence[Comparison]:
    """Until the copy may be written to. Removing it is never timed."""
    made = bench(setting)
    reading = timed(made.tree)
    made.tree(made.yesterday)
    maker = boxes.sandboxes()
    with _folders(made) as folders:
        filled, waited, *cloned = in_turns(
            setting.repeat,
            one(lambda: _filled(made, partial(maker.start, boxes.spec_of({})))),
            one(lambda: _waited(made)),
            *(one(partial(_cloned, made, folder)) for folder in folders.values()),
        )
    size = sum(len(file.content) for file in made.tree().values()) / 1024**2
    notes = (
        f"{len(made.tree()):,} files, {size:.0f} MiB; read from git once before, in {reading * 1000:.0f} ms",
        "nothing is flushed: the clone is as durable as the page cache",
    )
    ours = (
        Series("into a started sandbox", filled),
        Series(f"a waiting sandbox, {len(made.changed)} files behind", waited),
    )
    baselines = [Series(f"git clone --shared {where}", each) for where, each in zip(folders, cloned, strict=True)]
    first, *others = (Comparison(series, baseline) for baseline in baselines for series in ours)
    return replace(first, notes=notes), *others


@contextmanager
def _folders(made: Bench) -> Iterator[Mapping[str, Path]]:
    """Where a clone may go: to disk and, where there is a folder in memory, there."""
    disk = {"to disk": made.folder}
    if not MEMORY.is_dir():
        yield disk
        return
    with TemporaryDirectory(prefix="deputy-bench-", dir=MEMORY) as folder:
        yield {**disk, "into memory": Path(folder)}


def _filled(made: Bench, start: "partial[Sandbox]") -> float:
    with start() as box:
        assert isinstance(box, SandboxClient)
        began = perf_counter()
        box.fill(boxes.spec_of(made.tree()))
        taken = perf_counter() - began
        _check(box, made)
        return taken


def _waited(made: Bench) -> float:
    with boxes.stocked(made.tree(made.yesterday)) as maker:
        began = perf_counter()
        with maker.start(boxes.spec_of(made.tree(), warm_pool=boxes.STOCK)) as box:
            taken = perf_counter() - began
            boxes.check_waited(box)
            _check(box, made)
            return taken


def _check(box: Sandbox, made: Bench) -> None:
    path = made.changed[0]
    found = boxes.output_of(box, "sh", "-c", "find . -type f | wc -l")
    if int(found) != len(made.tree()) or box.read(path) != made.tree()[path].content:
        raise AssertionError(f"the sandbox has {found} files, and {path}")


def _cloned(made: Bench, folder: Path) -> float:
    into = folder / "clone"
    try:
        return made.clone(into)
    finally:
        shutil.rmtree(into)


# ------------------------------------------------------------------------------------------------------ coming out


def measure_result(setting: Setting) -> Sequence[Comparison]:
    """The same files are edited in both places before each round."""
    made, rounds = bench(setting), (count(), count())
    with boxes.start(boxes.sandboxes(), made.tree()) as box, made.cloned() as clone:

        def taken_out() -> float:
            for path, content in _edited(made, next(rounds[0])):
                box.write(path, content)
            began = perf_counter()
            tree = made.repos.import_delta(REPO, made.tip, box.delta())
            change = made.repos.diff(REPO, made.tip, tree)
            taken = perf_counter() - began
            if tuple(file.path for file in change.files) != made.changed:
                raise AssertionError(change)
            return taken

        def shown() -> float:
            for path, content in _edited(made, next(rounds[1])):
                clone.joinpath(path).write_bytes(content)
            began = perf_counter()
            status = _git(clone, "status", "--porcelain")
            _git(clone, "diff")
            taken = perf_counter() - began
            if len(status.splitlines()) != len(made.changed):
                raise AssertionError(status)
            return taken

        ours, theirs = in_turns(setting.repeat, one(taken_out), one(shown))
    return (
        Comparison(
            Series("out of the sandbox, into git, compared", ours),
            Series("git status --porcelain; git diff in a clone", theirs),
            (f"{len(made.changed)} of {len(made.tree()):,} files changed",),
        ),
    )


def _edited(made: Bench, number: int) -> Iterator[tuple[str, bytes]]:
    """Other bytes each time, so that none are in git already."""
    for path in made.changed:
        yield path, made.tree()[path].content + b"\n%d\n" % number


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True, text=True).stdout
