"""What every ``Repos`` must do. There is only one: git itself runs here, so nothing stands in for it."""

import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deputy.adapters.repos import GitRepos
from deputy.domain.changes.change import ChangeKind
from deputy.domain.errors import BadInput, BadPolicy, NotFound, Unavailable
from deputy.ports import CommitText, Repos, RepoSource, StoredFile, TreeDelta, TreeFile

SHOP = "acme/shop"
TEXT = CommitText("Fix rounding", "Half a cent.", (("Requested-by", "U0ALICE"), ("Deputy-Task", "D-7K2M9QXA")))


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    identity = ("-c", "user.name=Alice Marsh", "-c", "user.email=alice@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, input=stdin, capture_output=True, check=True)
    return done.stdout.decode(errors="replace").strip()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    origin = tmp_path / "shop"
    files = {"README.md": "shop\n", "billing/split.py": "def split(): ...\n", "secrets/prod.env": "KEY=example\n"}
    for name, content in files.items():
        path = origin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", "-A")
    git(origin, "commit", "--quiet", "-m", "Start")
    return origin


@pytest.fixture
def repos(tmp_path: Path) -> Repos:
    return GitRepos(tmp_path / "home")


@pytest.fixture
def base(repos: Repos, shop: Path) -> str:
    return repos.refresh(RepoSource(SHOP, str(shop)))


def write(path: str, content: bytes = b"new\n", mode: str = "100644") -> TreeDelta:
    return TreeDelta((TreeFile(path, mode, content),))


def test_refresh_gives_the_tip_of_the_default_or_named_branch(repos: Repos, shop: Path, base: str) -> None:
    assert base == git(shop, "rev-parse", "HEAD")
    git(shop, "checkout", "--quiet", "-b", "next")
    git(shop, "commit", "--quiet", "--allow-empty", "-m", "Next")
    assert repos.refresh(RepoSource(SHOP, str(shop), "next")) == git(shop, "rev-parse", "next")
    assert repos.refresh(RepoSource(SHOP, str(shop), "main")) == base


def test_the_tip_is_as_it_was_last_fetched(repos: Repos, shop: Path, base: str) -> None:
    git(shop, "commit", "--quiet", "--allow-empty", "-m", "Next")
    assert repos.tip(SHOP) == base
    assert repos.refresh(RepoSource(SHOP, str(shop))) == repos.tip(SHOP) != base
    assert repos.tip("acme/never-fetched") == ""


def test_a_base_outlives_a_rewritten_branch(repos: Repos, shop: Path, base: str) -> None:
    git(shop, "commit", "--quiet", "--amend", "-m", "Rewritten")
    assert repos.refresh(RepoSource(SHOP, str(shop))) != base
    assert "README.md" in repos.paths(SHOP, base)


def test_refresh_says_what_to_do_and_never_a_password(repos: Repos, tmp_path: Path) -> None:
    source = RepoSource(SHOP, "http://alice:hunter2@127.0.0.1:9/shop.git?token=swordfish")
    with pytest.raises(Unavailable) as caught:
        repos.refresh(source)
    said = str(caught.value)
    assert SHOP in said
    assert "repos.toml" in said
    assert "hunter2" not in said
    assert "swordfish" not in said
    assert "alice" not in said


def test_refresh_of_a_missing_branch_or_nonsense_branch(repos: Repos, shop: Path) -> None:
    with pytest.raises(Unavailable, match="acme/shop"):
        repos.refresh(RepoSource(SHOP, str(shop), "nowhere"))
    with pytest.raises(BadInput, match="no branch name"):
        repos.refresh(RepoSource(SHOP, str(shop), "main:refs/heads/other"))


def test_many_threads_refresh_at_once(repos: Repos, shop: Path) -> None:
    tips: list[str] = []
    threads = [
        threading.Thread(target=lambda: tips.append(repos.refresh(RepoSource(SHOP, str(shop))))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tips == [git(shop, "rev-parse", "HEAD")] * 6


def test_unknown_repo_commit_and_revision_syntax(repos: Repos, base: str) -> None:
    with pytest.raises(NotFound, match="acme/none"):
        repos.paths("acme/none", base)
    with pytest.raises(NotFound):
        repos.paths(SHOP, "0" * 39 + "1")
    with pytest.raises(BadInput):
        repos.paths(SHOP, "--output=x")


def test_a_checkout_has_the_tree_without_history_and_hidden_paths(repos: Repos, base: str) -> None:
    assert set(repos.checkout(SHOP, base, ())) == {"README.md", "billing/split.py", "secrets/prod.env"}
    assert set(repos.checkout(SHOP, base, ("secrets/**",))) == {"README.md", "billing/split.py"}
    assert not any(b"KEY=" in file.content for file in repos.checkout(SHOP, base, ("**/*.env",)).values())


def test_a_checkout_has_gits_own_names_for_contents(repos: Repos, base: str, shop: Path) -> None:
    file = repos.checkout(SHOP, base, ())["billing/split.py"]
    assert file == StoredFile("100644", git(shop, "rev-parse", "HEAD:billing/split.py"), file.content)
    assert file.content == repos.read(SHOP, base, "billing/split.py")


def test_a_malformed_hidden_glob_shows_nothing(repos: Repos, base: str) -> None:
    with pytest.raises(BadPolicy, match="hidden"):
        repos.checkout(SHOP, base, ("secrets/[a-z]*",))


def test_read(repos: Repos, base: str) -> None:
    assert repos.read(SHOP, base, "billing/split.py") == b"def split(): ...\n"
    assert repos.read(SHOP, base, "billing") is None
    assert repos.read(SHOP, base, "billing/") is None
    assert repos.read(SHOP, base, "bil*") is None
    assert repos.read(SHOP, base, "nothing") is None


def test_import_keeps_what_the_delta_does_not_name(repos: Repos, base: str, shop: Path) -> None:
    tree = repos.import_delta(SHOP, base, write("billing/new.py"))
    assert repos.read(SHOP, tree, "secrets/prod.env") == b"KEY=example\n"
    assert repos.read(SHOP, tree, "billing/new.py") == b"new\n"
    assert repos.import_delta(SHOP, base, write("billing/new.py")) == tree
    assert repos.import_delta(SHOP, base, TreeDelta()) == git(shop, "rev-parse", f"{base}^{{tree}}")


def test_diff_names_every_kind_of_change(repos: Repos, base: str, shop: Path) -> None:
    delta = TreeDelta(
        written=(
            TreeFile("README.md", "100755", b"shop\n"),
            TreeFile("billing/split.py", "100644", b"def split(): return 1\n"),
            TreeFile("logo.bin", "100644", b"\0\1"),
        ),
        deleted=("secrets/prod.env",),
    )
    change = repos.diff(SHOP, base, repos.import_delta(SHOP, base, delta))
    assert {file.path: file.kind for file in change.files} == {
        "README.md": ChangeKind.MODE,
        "billing/split.py": ChangeKind.MODIFIED,
        "logo.bin": ChangeKind.ADDED,
        "secrets/prod.env": ChangeKind.DELETED,
    }
    assert change.base == base
    assert change.base_tree == git(shop, "rev-parse", f"{base}^{{tree}}")
    by_path = {file.path: file for file in change.files}
    assert by_path["logo.bin"].is_binary
    assert (by_path["billing/split.py"].added_lines, by_path["billing/split.py"].removed_lines) == (1, 1)


def test_digest_names_the_content(repos: Repos, base: str) -> None:
    one, again, other = (
        repos.diff(SHOP, base, repos.import_delta(SHOP, base, write("a.txt", content)))
        for content in (b"1\n", b"1\n", b"2\n")
    )
    assert one.digest == again.digest
    assert one.digest != other.digest


def test_patch_applies_and_is_deterministic(repos: Repos, base: str, shop: Path, tmp_path: Path) -> None:
    tree = repos.import_delta(SHOP, base, write("billing/split.py", b"def split(): return 1\n"))
    patch = repos.patch(SHOP, base, tree, TEXT)
    assert patch == repos.patch(SHOP, base, tree, TEXT)
    git(tmp_path, "clone", "--quiet", str(shop), "fresh")
    git(tmp_path / "fresh", "am", "--quiet", stdin=patch)
    assert git(tmp_path / "fresh", "rev-parse", "HEAD^{tree}") == tree
    assert git(tmp_path / "fresh", "log", "-1", "--format=%(trailers:key=Requested-by,valueonly)") == "U0ALICE"
    assert git(tmp_path / "fresh", "log", "-1", "--format=%s") == "Fix rounding"


def test_patch_date_is_the_given_one(repos: Repos, base: str) -> None:
    tree = repos.import_delta(SHOP, base, write("a.txt"))
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert b"Date: Sun, 01 Mar 2026 12:00:00 +0000" in repos.patch(SHOP, base, tree, CommitText("S", "", (), at=at))


def test_no_change_no_patch(repos: Repos, base: str, shop: Path) -> None:
    with pytest.raises(BadInput, match="nothing differs"):
        repos.patch(SHOP, base, git(shop, "rev-parse", f"{base}^{{tree}}"), TEXT)


def test_show_diff_of_some_paths(repos: Repos, base: str) -> None:
    delta = TreeDelta((TreeFile("a.txt", "100644", b"A\n"), TreeFile("b.txt", "100644", b"B\n")))
    tree = repos.import_delta(SHOP, base, delta)
    assert "+A" in repos.show_diff(SHOP, base, tree)
    assert "+A" not in repos.show_diff(SHOP, base, tree, ["b.txt"])


def test_blobs_are_read_by_id_in_one_go(repos: Repos, base: str) -> None:
    delta = TreeDelta((TreeFile("a", "100644", b"\0one\n"), TreeFile("e", "100644", b"")))
    tree = repos.import_delta(SHOP, base, delta)
    ids = {file.path: file.new_blob for file in repos.diff(SHOP, base, tree).files}
    assert repos.blobs(SHOP, ids.values()) == {ids["a"]: b"\0one\n", ids["e"]: b""}
    assert repos.blobs(SHOP, ()) == {}


def test_what_is_no_blob_of_the_mirror_is_not_found(repos: Repos, base: str, shop: Path) -> None:
    for other in ("1" * 40, git(shop, "rev-parse", f"{base}^{{tree}}"), "HEAD", f"{base}\n{base}"):
        with pytest.raises(NotFound):
            repos.blobs(SHOP, (other,))
