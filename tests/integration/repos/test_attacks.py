"""Hostile trees, names and settings, each tried for real against git, and what becomes of it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deputy.adapters.repos import GitRepos
from deputy.adapters.repos.trees.imports import ImportCaps
from deputy.domain.changes.change import ChangeKind
from deputy.domain.errors import BadInput, OutOfBudget, Unavailable
from deputy.ports import CommitText, RepoSource, Tree, TreeDelta, TreeFile
from tests.support.origin import SHOP, Origin, fetch, git, origin, repos

__all__ = ["origin", "repos"]  # fixtures

ZERO_WIDTH = "\u200c"


@pytest.fixture
def base(repos: GitRepos, origin: Origin) -> str:
    origin.commit(
        ("100644", b"README.md", b"shop\n"),
        ("100644", b"src/app.py", b"print(1)\n"),
        ("100644", b"secrets/prod.env", b"KEY=example\n"),
        ("120000", b"link", b"src"),
    )
    return fetch(repos, origin)


def names(tree: Tree) -> set[str]:
    return set(tree)


def written(path: str, content: bytes = b"x\n", mode: str = "100644") -> TreeDelta:
    return TreeDelta((TreeFile(path, mode, content),))


# ------------------------------------------------------------------------------- names: attacks 3, 6, 7, 8, 9


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "\\server\\share",
        "C:/x",
        "C:x",
        "..",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        "..\\x",
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\x7fb",
        "a\x1b[31mb",
        "a\u202eb",
        f"a{ZERO_WIDTH}b",
        "a\u2028b",
        "\udcff",
        ".git/config",
        "sub/.git/hooks/post-checkout",
        ".GIT/config",
        f".g{ZERO_WIDTH}it/config",
        "\uff0egit/config",
        ".git./config",
        ".git /config",
        ".git...",
        "GIT~1/config",
        "git~2",
        ".git::$INDEX_ALLOCATION/config",
        ".git\\config",
        "x" * 256,
        "/".join(["x" * 200] * 30),
    ],
)
def test_deceptive_names_are_refused_as_written_and_as_deleted(repos: GitRepos, base: str, path: str) -> None:
    with pytest.raises(BadInput, match="can't be taken"):
        repos.import_delta(SHOP, base, written(path))
    with pytest.raises(BadInput, match="can't be taken"):
        repos.import_delta(SHOP, base, TreeDelta(deleted=(path,)))


@pytest.mark.parametrize(
    "path", ["Secrets/prod.env", "SECRETS/other", "readme.MD", "src /x", "src./x", "ſrc/x", "SECRET~1/prod.env"]
)
def test_names_that_another_file_system_takes_for_existing_ones_are_refused(
    repos: GitRepos, base: str, path: str
) -> None:
    with pytest.raises(BadInput, match="can't be taken"):
        repos.import_delta(SHOP, base, written(path))


def test_two_new_names_that_fold_into_one_are_refused(repos: GitRepos, base: str) -> None:
    delta = TreeDelta((TreeFile("new/A.txt", "100644", b"1"), TreeFile("new/a.txt", "100644", b"2")))
    with pytest.raises(BadInput, match="some file systems"):
        repos.import_delta(SHOP, base, delta)


def test_a_rename_that_only_changes_case_is_fine(repos: GitRepos, base: str) -> None:
    delta = TreeDelta((TreeFile("readme.md", "100644", b"shop\n"),), deleted=("README.md",))
    assert "readme.md" in repos.paths(SHOP, repos.import_delta(SHOP, base, delta))


def test_names_that_a_base_already_keeps_apart_may_be_edited(repos: GitRepos, origin: Origin) -> None:
    origin.commit(
        ("100644", b"xt_MARK.h", b"1\n"),
        ("100644", b"xt_mark.h", b"2\n"),
        ("100644", b"Net/a", b""),
        ("100644", b"net/a", b""),
    )
    base = fetch(repos, origin)
    for folder in ("Net", "net"):
        assert f"{folder}/new" in repos.paths(SHOP, repos.import_delta(SHOP, base, written(f"{folder}/new")))
    tree = repos.import_delta(SHOP, base, written("xt_MARK.h", b"3\n"))
    assert repos.read(SHOP, tree, "xt_mark.h") == b"2\n"
    assert repos.read(SHOP, tree, "xt_MARK.h") == b"3\n"


@pytest.mark.parametrize(
    "path", ["späße/naïve.txt", "with space.txt", "quo\"te's.txt", "back\\slash.txt", "-rf", "日本.py"]
)
def test_honest_unusual_names_come_through_unchanged(
    repos: GitRepos, origin: Origin, base: str, path: str, tmp_path: Path
) -> None:
    tree = repos.import_delta(SHOP, base, written(path))
    assert [file.path for file in repos.diff(SHOP, base, tree).files] == [path]
    assert repos.read(SHOP, tree, path) == b"x\n"
    assert path in names(repos.checkout(SHOP, tree, ()))
    assert am(origin, tmp_path, repos.patch(SHOP, base, tree, CommitText("Add", "", ()))) == tree


@pytest.mark.parametrize("mode", ["160000", "040000", "100666", "100664", "", "120755"])
def test_only_files_and_links_come_in(repos: GitRepos, base: str, mode: str) -> None:
    with pytest.raises(BadInput, match="its mode"):
        repos.import_delta(SHOP, base, written("vendor", b"0" * 40, mode))


@pytest.mark.parametrize("target", [b"", b"a\0b", b"x" * 5000])
def test_links_without_a_usable_target_are_refused(repos: GitRepos, base: str, target: bytes) -> None:
    with pytest.raises(BadInput, match="link"):
        repos.import_delta(SHOP, base, written("l", target, "120000"))


def test_a_path_named_twice_is_refused(repos: GitRepos, base: str) -> None:
    file = TreeFile("a", "100644", b"")
    with pytest.raises(BadInput, match="twice"):
        repos.import_delta(SHOP, base, TreeDelta((file, file)))
    with pytest.raises(BadInput, match="twice"):
        repos.import_delta(SHOP, base, TreeDelta((file,), deleted=("a",)))


# -------------------------------------------------------------------------- hidden paths: attacks 1, 3, 37


@pytest.mark.parametrize(
    ("path", "mode"), [("secrets", "100644"), ("secrets", "120000"), ("link/x", "100644"), ("README.md/x", "100644")]
)
def test_a_write_never_removes_what_is_in_its_way(repos: GitRepos, base: str, path: str, mode: str) -> None:
    with pytest.raises(BadInput, match="folder"):
        repos.import_delta(SHOP, base, written(path, b"src", mode))


def test_a_write_to_a_hidden_path_is_imported_for_the_gates_to_judge(repos: GitRepos, base: str) -> None:
    tree = repos.import_delta(SHOP, base, written("secrets/prod.env", b"KEY=mine\n"))
    assert [(file.path, file.kind) for file in repos.diff(SHOP, base, tree).files] == [
        ("secrets/prod.env", ChangeKind.MODIFIED)
    ]


def test_a_rename_out_of_a_hidden_folder_shows_both_sides(repos: GitRepos, base: str) -> None:
    delta = TreeDelta((TreeFile("public.env", "100644", b"KEY=example\n"),), deleted=("secrets/prod.env",))
    change = repos.diff(SHOP, base, repos.import_delta(SHOP, base, delta))
    assert {file.path: file.kind for file in change.files} == {
        "public.env": ChangeKind.ADDED,
        "secrets/prod.env": ChangeKind.DELETED,
    }


@pytest.mark.parametrize("glob", ["secrets/**", "secrets", "**/prod.env", "**/*.env", "SECRETS/**", "*/prod.???"])
def test_hidden_paths_are_not_in_the_checkout(repos: GitRepos, base: str, glob: str) -> None:
    files = repos.checkout(SHOP, base, (glob,))
    assert "secrets/prod.env" not in names(files)
    assert not any(b"KEY=" in file.content for file in files.values())
    assert "src/app.py" in names(files)


def test_hidden_folders_are_hidden_under_their_kinder_names_too(repos: GitRepos, origin: Origin) -> None:
    origin.commit(("100644", b"Secrets/Prod.ENV", b"KEY=example\n"), ("100644", b"a", b""))
    assert names(repos.checkout(SHOP, fetch(repos, origin), ("secrets/**",))) == {"a"}


def test_globs_stop_at_slashes(repos: GitRepos, base: str) -> None:
    assert "secrets/prod.env" in names(repos.checkout(SHOP, base, ("*.env",)))


def test_links_that_leave_and_submodules_stay_out_of_the_checkout_and_in_the_result(
    repos: GitRepos, origin: Origin
) -> None:
    origin.commit(
        ("120000", b"absolute", b"/etc/passwd"),
        ("120000", b"above", b"../x"),
        ("120000", b"deep/above", b"../../x"),
        ("120000", b"deep/fine", b"../a"),
        ("120000", b"a/b/jump", b"../.."),
        ("120000", b"a/b/tricky", b"jump/../x"),
        ("120000", b"loop", b"loop"),
        ("160000", b"vendor/lib", b"1" * 40),
        ("100644", b"a/file", b"1\n"),
    )
    base = fetch(repos, origin)
    assert names(repos.checkout(SHOP, base, ())) == {"deep/fine", "a/b/jump", "a/file"}
    tree = repos.import_delta(SHOP, base, written("a/file", b"2\n"))
    assert repos.diff(SHOP, base, tree).paths == ("a/file",)
    assert "vendor/lib" in repos.paths(SHOP, tree)


def test_a_base_with_names_that_could_not_come_back_is_served_without_them(repos: GitRepos, origin: Origin) -> None:
    origin.commit(
        ("100644", b"latin-\xe9.txt", b"1\n"),
        ("100644", b"new\nline", b"1\n"),
        ("100644", b"a", b"1\n"),
    )
    base = fetch(repos, origin)
    assert names(repos.checkout(SHOP, base, ())) == {"a"}
    tree = repos.import_delta(SHOP, base, written("a", b"2\n"))
    assert repos.diff(SHOP, base, tree).paths == ("a",)
    assert set(repos.paths(SHOP, tree)) == {"latin-\\xe9.txt", "new\nline", "a"}


# ------------------------------------------------------------------ attributes, filters, configuration: attacks 10, 11


ATTRIBUTES = b"* export-ignore export-subst -diff -text eol=crlf filter=evil diff=evil linguist-generated ident\n"


def test_attributes_have_no_say(repos: GitRepos, origin: Origin, tmp_path: Path) -> None:
    origin.commit(
        ("100644", b".gitattributes", ATTRIBUTES),
        ("100644", b"a.py", b"$Format:%H$ $Id$\nold\n"),
    )
    base = fetch(repos, origin)
    files = repos.checkout(SHOP, base, ())
    assert names(files) == {".gitattributes", "a.py"}
    assert files["a.py"].content == b"$Format:%H$ $Id$\nold\n"
    tree = repos.import_delta(SHOP, base, written("a.py", b"$Id$\r\nnew\n"))
    assert repos.read(SHOP, tree, "a.py") == b"$Id$\r\nnew\n"
    change = repos.diff(SHOP, base, tree).files[0]
    assert (change.added_lines, change.removed_lines, change.is_binary) == (2, 2, False)
    assert "+new" in repos.show_diff(SHOP, base, tree)
    assert b"GIT binary patch" not in repos.patch(SHOP, base, tree, CommitText("S", "", ()))


def test_binary_content_is_shown_as_text(repos: GitRepos, base: str) -> None:
    tree = repos.import_delta(SHOP, base, written("a.bin", b"\0visible\n"))
    assert "visible" in repos.show_diff(SHOP, base, tree)


def test_nobody_elses_configuration_or_environment_is_read(
    repos: GitRepos, origin: Origin, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "executed"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    evil.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[core]\nfsmonitor = {evil}\nhooksPath = {tmp_path}\nattributesFile = {tmp_path}/attributes\npager = {evil}\n"
        f'[diff]\nexternal = {evil}\nnoprefix = true\n[diff "evil"]\ntextconv = {evil}\n'
        f'[filter "evil"]\nclean = {evil}\nsmudge = {evil}\n[uploadpack]\npackObjectsHook = {evil}\n'
        "[format]\nsubjectPrefix = EVIL\n[user]\nname = Somebody Else\n"
        f'[url "{tmp_path}/elsewhere"]\ninsteadOf = {origin.folder}\n'
    )
    (tmp_path / "attributes").write_text("* filter=evil diff=evil\n")
    for hook in ("reference-transaction", "post-index-change", "post-checkout"):
        (tmp_path / hook).symlink_to(evil)
    text = CommitText("S", "", ())
    tree = repos.import_delta(SHOP, base, written("a.py"))
    expected = (repos.diff(SHOP, base, tree), repos.show_diff(SHOP, base, tree), repos.patch(SHOP, base, tree, text))
    for name, value in {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "GIT_CONFIG_PARAMETERS": f"'diff.external'='{evil}'",
        "GIT_EXTERNAL_DIFF": str(evil),
        "GIT_DIFF_OPTS": "--unified=0",
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(tmp_path / "objects"),
        "GIT_NAMESPACE": "evil",
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_ICASE_PATHSPECS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert fetch(repos, origin) == base
    assert repos.import_delta(SHOP, base, written("a.py")) == tree
    assert (
        repos.diff(SHOP, base, tree),
        repos.show_diff(SHOP, base, tree),
        repos.patch(SHOP, base, tree, text),
    ) == expected
    assert not mark.exists()
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("url", ["ext::touch {mark}", "fd::7", "--upload-pack=touch {mark}"])
def test_addresses_that_run_programs_are_refused(repos: GitRepos, tmp_path: Path, url: str) -> None:
    mark = tmp_path / "executed"
    with pytest.raises(Unavailable):
        repos.refresh(RepoSource(SHOP, url.format(mark=mark)))
    assert not mark.exists()


def test_the_process_stays_in_its_folder(repos: GitRepos, base: str) -> None:
    before = Path.cwd()
    repos.patch(SHOP, base, repos.import_delta(SHOP, base, written("a")), CommitText("S", "", ()))
    assert Path.cwd() == before


def test_many_workers_import_at_once(repos: GitRepos, origin: Origin, base: str, tmp_path: Path) -> None:
    others = [GitRepos(tmp_path / "home") for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        same = [pool.submit(one.import_delta, SHOP, base, written("a.py")) for one in others * 3]
        different = [pool.submit(repos.import_delta, SHOP, base, written(f"{n}.py")) for n in range(8)]
        fetches = [pool.submit(fetch, one, origin) for one in others]
    assert len({done.result() for done in same}) == 1
    assert len({done.result() for done in different}) == 8
    assert {done.result() for done in fetches} == {base}


def test_a_garbage_collection_by_hand_keeps_bases_and_results(
    repos: GitRepos, origin: Origin, base: str, tmp_path: Path
) -> None:
    tree = repos.import_delta(SHOP, base, written("a.py"))
    origin.commit(("100644", b"other", b""))
    assert fetch(repos, origin) != base
    git(tmp_path / "home/mirrors/acme%2Fshop.git", "gc", "--quiet", "--prune=now")
    assert repos.read(SHOP, tree, "a.py") == b"x\n"
    assert repos.read(SHOP, base, "README.md") == b"shop\n"


def test_a_fetch_that_hangs_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "ssh"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(slow))
    with pytest.raises(Unavailable, match="did not answer in time"):
        GitRepos(tmp_path / "home", fetch_seconds=1).refresh(RepoSource(SHOP, "ssh://127.0.0.1/shop.git"))


def test_a_missing_git_is_a_sentence(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from deputy.adapters.repos import GitRepos; from deputy.ports import RepoSource\n"
        "from deputy.domain.errors import Unavailable\n"
        f"try: GitRepos(Path({str(tmp_path)!r})).refresh(RepoSource('a', '/none'))\n"
        "except Unavailable as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert "Install git" in done.stdout


# -------------------------------------------------------------------------------------------- bounds: attacks 12, 36


def test_too_many_or_too_big_files_are_over_budget(tmp_path: Path, origin: Origin) -> None:
    origin.commit(("100644", b"a", b"1\n" * 600))
    repos = GitRepos(tmp_path / "home", caps=ImportCaps(files=2, size=1000), checkout_bytes=1000)
    base = fetch(repos, origin)
    with pytest.raises(OutOfBudget, match="files"):
        repos.import_delta(SHOP, base, TreeDelta(tuple(TreeFile(str(n), "100644", b"") for n in range(3))))
    with pytest.raises(OutOfBudget, match="bytes"):
        repos.import_delta(SHOP, base, written("b", b"x" * 1001))
    with pytest.raises(OutOfBudget, match="too big for a sandbox"):
        repos.checkout(SHOP, base, ())
    assert names(repos.checkout(SHOP, base, ("a",))) == set()


def test_a_huge_diff_is_cut_and_says_so(repos: GitRepos, base: str) -> None:
    tree = repos.import_delta(SHOP, base, written("big.txt", b"0123456789\n" * 500_000))
    shown = repos.show_diff(SHOP, base, tree)
    assert len(shown) < 5 * 1024**2
    assert "more bytes" in shown[-100:]


# ------------------------------------------------------------------------------------ messages that lie: attack 2


def am(origin: Origin, folder: Path, patch: bytes) -> str:
    clone = folder / f"clone-{len(list(folder.iterdir()))}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "nobody"), "GIT_CONFIG_NOSYSTEM": "1"}
    git(folder, "clone", "--quiet", str(origin.folder), str(clone), env=environment)
    git(clone, "am", "--quiet", stdin=patch, env=environment)
    return git(clone, "rev-parse", "HEAD^{tree}", env=environment)


HOSTILE = """From: Cora Lind <cora@example.com>
Subject: something else
Approved-by: U0CORA
---
diff --git a/secrets/prod.env b/secrets/prod.env
--- a/secrets/prod.env
+++ b/secrets/prod.env
@@ -1 +1 @@
-KEY=example
+KEY=stolen
Index: secrets/prod.env
>From me

From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: x@example.com
Subject: [PATCH] second mail

---
diff --git a/evil b/evil
new file mode 100644
-- 8< --
\x1b]0;title\x07\r\n-- \n2.0
"""


def test_a_message_that_looks_like_a_patch_stays_a_message(
    repos: GitRepos, origin: Origin, base: str, tmp_path: Path
) -> None:
    tree = repos.import_delta(SHOP, base, written("a.py"))
    text = CommitText(
        subject="Fix\nSubject: other\r\n\x1b[31m" + HOSTILE,
        body=HOSTILE,
        trailers=(("Requested-by", "U0ALICE\nApproved-by: U0CORA"), ("Deputy-Task", "D-7K2M9QXA")),
        author="Eve\nBcc: x <eve@example.com>",
    )
    assert am(origin, tmp_path, repos.patch(SHOP, base, tree, text)) == tree
    clone = next(path for path in tmp_path.iterdir() if path.name.startswith("clone-"))
    assert git(clone, "rev-list", "--count", "origin/main..HEAD") == "1"
    assert git(clone, "log", "-1", "--format=%(trailers:key=Approved-by,valueonly)") == ""
    assert git(clone, "log", "-1", "--format=%(trailers:key=Requested-by,valueonly)").startswith("U0ALICE")
    assert git(clone, "log", "-1", "--format=%s").startswith("Fix Subject: other")
    assert "cora" not in git(clone, "log", "-1", "--format=%an %ae").lower()
    assert "\x1b" not in git(clone, "log", "-1", "--format=%B")


def test_a_trailer_key_is_a_word(repos: GitRepos, base: str) -> None:
    tree = repos.import_delta(SHOP, base, written("a.py"))
    with pytest.raises(BadInput, match="no trailer"):
        repos.patch(SHOP, base, tree, CommitText("S", "", (("A: b\nX", "y"),)))


@pytest.mark.parametrize(
    "content",
    [
        b"windows\r\nlines\r\n",
        b"mixed\r\nlines\n",
        b"no newline",
        b"no newline\r",
        b"trailing  \t\n \n",
        b"x" * 9000 + b"\0\r\n",
        b"\xff\xfe\xe9\n",
        "späße = 日本\n".encode(),
        b"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n-- \n---\n",
        b"a=b\r\n=3D\r\n",
        bytes(range(256)) * 40,
        b"",
        b"long " * 3000 + b"\r\n",
    ],
)
def test_any_content_survives_the_mail(
    repos: GitRepos, origin: Origin, base: str, tmp_path: Path, content: bytes
) -> None:
    delta = TreeDelta((TreeFile("new.txt", "100644", content), TreeFile("src/app.py", "100755", content)))
    tree = repos.import_delta(SHOP, base, delta)
    text = CommitText("Größe ändern", "Grüße", (("Requested-by", "Älice"),), author="Zoë <zoe@example.com>")
    assert am(origin, tmp_path, repos.patch(SHOP, base, tree, text)) == tree
