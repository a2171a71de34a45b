"""Law: any edit of any tree, imported and made a patch, gives exactly the same tree under a plain ``git am``."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deputy.adapters.repos import GitRepos
from deputy.domain.changes.globs import matches
from deputy.ports import CommitText, RepoSource, TreeDelta, TreeFile
from tests.support.examples import examples

SHOP = "acme/shop"
TEXT = CommitText("Change", "Because.", (("Deputy-Task", "D-7K2M9QXA"),), at=datetime(2026, 3, 1, tzinfo=UTC))
HIDDEN = "hidden/**"

names = st.sampled_from(["a", "b", "c.txt", "ü", "x y", "-n", "#", "é.py"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
lines = st.lists(
    st.sampled_from([b"one\n", b"two\r\n", b"\xff\n", b"-- \n", b" \n", b"From x\n", b"\0\n", b"end"]), max_size=6
)
contents = lines.map(b"".join)
files = st.builds(TreeFile, paths, st.sampled_from(["100644", "100755"]), contents)
# A link to itself is left out: ``git apply`` can't replace one by a folder, whoever made the patch.
links = st.builds(TreeFile, paths, st.just("120000"), st.sampled_from([b"nowhere", b"hidden", b"hidden/keep"]))


def without_conflicts(tree: list[TreeFile]) -> dict[str, TreeFile]:
    """Of files that can't be together in one tree, the first."""
    kept: dict[str, TreeFile] = {}
    for file in tree:
        if not any(file.path == other or _is_above(file.path, other) or _is_above(other, file.path) for other in kept):
            kept[file.path] = file
    return kept


def _is_above(path: str, other: str) -> bool:
    return other.startswith(f"{path}/")


trees = st.lists(files | links, max_size=6).map(without_conflicts)


@dataclass
class Bench:
    folder: Path

    def git(self, *arguments: str, stdin: bytes = b"", cwd: str = "origin") -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.com",
        }
        where = self.folder / cwd
        where.mkdir(exist_ok=True)
        done = subprocess.run(
            ["git", *arguments], cwd=where, env=environment, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def commit(self, tree: dict[str, TreeFile]) -> None:
        self.git("init", "--quiet", "--bare", "--initial-branch=main")
        stream = b"commit refs/heads/main\ncommitter A <a@example.com> 0 +0000\ndata 1\nx\n"
        for file in tree.values():
            stream += b"M %b inline %b\ndata %d\n%b\n" % (
                file.mode.encode(), file.path.encode(), len(file.content), file.content,
            )  # fmt: skip
        self.git("fast-import", "--quiet", stdin=stream)

    def applied(self, patch: bytes) -> str:
        self.git("clone", "--quiet", "origin", "clone", cwd=".")
        self.git("am", "--quiet", stdin=patch, cwd="clone")
        return self.git("rev-parse", "HEAD^{tree}", cwd="clone")


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=trees, after=trees)
def test_import_and_patch_give_the_same_tree(before: dict[str, TreeFile], after: dict[str, TreeFile]) -> None:
    before = {**before, "hidden/keep": TreeFile("hidden/keep", "100644", b"secret\n")}
    delta = TreeDelta(
        written=tuple(file for file in after.values() if before.get(file.path) != file),
        deleted=tuple(sorted(path for path in before if path not in after and not matches(HIDDEN, path))),
    )
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.commit(before)
        repos = GitRepos(Path(folder, "home"))
        base = repos.refresh(RepoSource(SHOP, str(Path(folder, "origin"))))
        tree = repos.import_delta(SHOP, base, delta)

        assert set(repos.paths(SHOP, tree)) == {*after, "hidden/keep"}
        assert {path: repos.read(SHOP, tree, path) for path in after} == {p: f.content for p, f in after.items()}
        change = repos.diff(SHOP, base, tree)
        assert set(change.paths) == {file.path for file in delta.written} | set(delta.deleted)
        if change.files:
            assert bench.applied(repos.patch(SHOP, base, tree, TEXT)) == tree
