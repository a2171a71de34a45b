"""``deputy repo add`` on real git repositories and a real policies folder, as somebody types it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deputy.adapters.policies import read_folder
from deputy.app.cli import build
from deputy.app.repos.section import Addition
from deputy.domain.errors import BadInput, BadPolicy, Stale, Unavailable
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import UNKNOWN
from deputy.policy import Bundle, load

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
[project]
name = "billing"
[project.optional-dependencies]
test = ["pytest"]
[tool.pytest.ini_options]
testpaths = ["tests"]
[tool.ruff]
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "src/billing/__init__.py": "",
    "tests/test_billing.py": "def test_a(): pass\n",
    ".env": "TOKEN=x\n",
}
EARLY = UNKNOWN.model_copy(update={"is_early": True})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the starter policies, and a repository ``remotes/acme/billing.git`` to add."""
    shutil.copytree("policies", tmp_path / "policies")
    monkeypatch.setenv("DEPUTY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DEPUTY_POLICIES", str(tmp_path / "policies"))
    make_repository(tmp_path / "remotes/acme/billing.git", FILES)
    return tmp_path


def make_repository(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A", "-f"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    return folder


def deputy(*words: str, answers: str = "") -> str:
    result = CliRunner().invoke(build(), ["repo", *words], input=answers)
    if result.exception:
        raise result.exception
    return result.output


def url(home: Path) -> str:
    return str(home / "remotes/acme/billing.git")


def repos(home: Path) -> bytes:
    return (home / "policies/repos.toml").read_bytes()


def bundle(home: Path) -> Bundle:
    return load(read_folder(home / "policies"))


def test_what_was_found_is_written_behind_what_stands_there(home: Path) -> None:
    before = repos(home)
    shown = deputy("add", url(home), "--yes")
    assert "/opt/env/bin/pip install -e '.[test]'" in shown
    assert "pyproject.toml has [tool.pytest] and tests/ is there" in shown
    assert f"Wrote {home}/policies/repos.toml; the policy is sound with it." in shown
    assert "deputy repo build acme/billing" in shown
    assert "user:T0ACME/U0ALICE, user:T0ACME/U0SAM may ask for work in it already" in shown
    after = repos(home)
    assert after.startswith(before)
    repo = bundle(home).repo("billing")
    assert (repo.name, repo.url, repo.aliases, repo.hidden) == ("acme/billing", url(home), ("billing",), (".env",))
    assert [" ".join(check.run) for check in repo.checks] == ["python -m pytest -q", "ruff check --no-cache ."]
    assert repo.environment is not None
    assert repo.environment.setup[0] == ("python3", "-m", "venv", "/opt/env")
    assert list((home / "policies").glob(".*")) == []


def test_the_next_one_goes_behind_it_and_lists_show_both(home: Path) -> None:
    deputy("add", url(home), "--yes")
    first = repos(home)
    deputy("add", url(home), "--name", "acme/other", "--yes", "--alias", "o", "--alias", "oo", "--branch", "main")
    assert repos(home).startswith(first)
    other = bundle(home).repo("oo")
    assert (other.name, other.branch, other.aliases) == ("acme/other", "main", ("o", "oo"))
    assert "acme/billing" in deputy("list")
    listed = json.loads(deputy("list", "--json"))
    assert [repo["name"] for repo in listed] == ["acme/shop", "acme/site", "acme/billing", "acme/other"]


def test_each_finding_can_be_kept_dropped_or_retyped(home: Path) -> None:
    answers = [
        "",  # the virtual environment
        "pip install 'a b",  # no command: asked again
        "pip install 'a b'",
        "python -m pytest -x tests",
        "-",  # lint
        "mypy src",
        "strange",  # no kind: asked again
        "types",
        "",
        "sh run.sh",
        "tests",
        "",
        "tests/** more/**",
        "",
        "-",  # .env
        "maybe",
        "y",
    ]
    shown = deputy("add", url(home), answers="\n".join(answers) + "\n")
    assert "That is no command: no closing quotation." in shown
    assert "Please type one of tests, lint, types, other." in shown
    repo = bundle(home).repo("acme/billing")
    assert repo.environment is not None
    assert repo.environment.setup == (("python3", "-m", "venv", "/opt/env"), ("pip", "install", "a b"))
    assert [(check.name, check.kind, check.run, check.tests) for check in repo.checks] == [
        ("tests", "tests", ("python", "-m", "pytest", "-x", "tests"), ("tests/**",)),
        ("types", "types", ("mypy", "src"), ()),
        ("tests-2", "tests", ("sh", "run.sh"), ("tests/**", "more/**")),
    ]
    assert repo.hidden == ()


def test_a_name_that_a_check_has_already_is_asked_for_again(home: Path) -> None:
    answers = [
        "",
        "",
        "",
        "",
        "mypy src",
        "types",
        "lint",
        "tests",
        "strict",
        "mypy",
        "types",
        "strict",
        "",
        "",
        "",
        "y",
    ]
    shown = deputy("add", url(home), answers="\n".join(answers) + "\n")
    assert "lint is there already. Please type another name." in shown
    assert [check.name for check in bundle(home).repo("acme/billing").checks] == ["tests", "lint", "strict", "types"]


def test_nothing_is_written_without_a_yes(home: Path) -> None:
    before = repos(home)
    assert "Nothing was written." in deputy("add", url(home), answers="\n" * 6 + "n\n")
    assert "Nothing was written." in deputy("add", url(home), "--dry-run")
    assert "Nothing was written." in deputy("add", url(home), "--dry-run", "--yes")
    with pytest.raises(BadInput, match="Nothing was written: the answers ended before the questions did"):
        deputy("add", url(home), answers="\n\n")
    assert repos(home) == before


def test_json_asks_nothing_and_writes_only_with_yes(home: Path) -> None:
    before = repos(home)
    answer = json.loads(deputy("add", url(home), "--json"))
    assert (answer["written"], answer["repository"]["name"], answer["rules"]) == (False, "acme/billing", [])
    assert '[repo."acme/billing".environment]' in answer["section"]
    assert {finding["topic"] for finding in answer["findings"]} >= {"setup", "checks", "hidden", "network"}
    assert repos(home) == before
    assert json.loads(deputy("add", url(home), "--json", "--yes"))["written"] is True
    assert bundle(home).repo("acme/billing")


def test_the_lines_that_let_people_ask_do_so(home: Path) -> None:
    answer = json.loads(deputy("add", url(home), "--name", "other/thing", "--json", "--yes"))
    policy = home / "policies/policy.csv"
    before = bundle(home).decide("user:T0ACME/U0ALICE", "other/thing", Action.REQUEST, (), EARLY)
    assert before.effect is Effect.DENY
    policy.write_text(policy.read_text() + "\n".join(answer["rules"]) + "\n")
    assert answer["rules"][:2] == [
        "g, user:T0ACME/U0ALICE, role:engineer, other/thing",
        "p, a-request-thing, role:engineer, other/thing, request, **, allow, -",
    ]
    after = bundle(home)
    for action in (Action.REQUEST, Action.RUN, Action.EDIT, Action.DELIVER):
        paths = ("README.md",) if action is Action.EDIT else ()
        assert after.decide("user:T0ACME/U0ALICE", "other/thing", action, paths, EARLY).effect is not Effect.DENY


def test_a_warning_that_many_lines_share_is_said_once(home: Path) -> None:
    shown = deputy("add", url(home), "--name", "other/thing", "--dry-run")
    assert shown.count("can't be met in other/thing") == 1
    assert " times)" in shown


@pytest.mark.parametrize(
    "address",
    [
        "https://alice:hunter2@git.example.org/acme/billing.git",
        "https://token@git.example.org/acme/billing.git",
        "ssh://git:hunter2@git.example.org/acme/billing.git",
        "https://git.example.org/acme/billing.git?private_token=hunter2",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(home: Path, address: str) -> None:
    with pytest.raises(BadInput, match="GIT_ASKPASS") as refused:
        deputy("add", address, "--yes")
    assert "hunter2" not in str(refused.value)
    assert not (home / "home/git").exists()


def test_names_that_are_taken_or_none(home: Path) -> None:
    before = repos(home)
    with pytest.raises(BadInput, match="acme/shop is there already"):
        deputy("add", url(home), "--name", "acme/shop", "--yes")
    with pytest.raises(BadInput, match="ACME/SHOP already means acme/shop"):
        deputy("add", url(home), "--name", "ACME/SHOP", "--yes")
    with pytest.raises(BadInput, match="'shop' is no name of a repository"):
        deputy("add", url(home), "--name", "shop", "--yes")
    with pytest.raises(BadInput, match="does not say what the repository is called"):
        deputy("add", "billing", "--yes")
    assert repos(home) == before


def test_an_alias_that_is_taken_is_not_proposed(home: Path) -> None:
    deputy("add", url(home), "--name", "other/shop", "--yes")
    assert bundle(home).repo("other/shop").aliases == ()
    assert bundle(home).repo("shop").name == "acme/shop"


def test_an_unsound_section_changes_nothing(home: Path) -> None:
    before = repos(home)
    with pytest.raises(BadPolicy, match="'site' already means acme/site") as refused:
        deputy("add", url(home), "--alias", "site", "--yes")
    assert "Nothing was written" in str(refused.value)
    with pytest.raises(BadPolicy, match="'a b' can't be a name in a request"):
        deputy("add", url(home), "--alias", "a b", "--yes")
    assert repos(home) == before


def test_a_bundle_that_was_unsound_before_is_said_to_be(home: Path) -> None:
    (home / "policies/policy.csv").write_text("p, x\n")
    with pytest.raises(BadPolicy, match="policy bundle can't be loaded"):
        deputy("add", url(home), "--yes")


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        (["/nowhere/acme/billing.git"], Unavailable, "does not appear to be a git repository"),
        (["https://127.0.0.1:9/acme/billing.git"], Unavailable, "GIT_ASKPASS"),
        (["ext::sh -c true /acme/billing"], Unavailable, "can't be fetched"),
        (["%", "--branch", "gone"], Unavailable, "gone"),
        (["%", "--branch", "a b"], BadInput, "Correct --branch"),
    ],
)
def test_what_cannot_be_fetched(home: Path, words: list[str], error: type[Exception], why: str) -> None:
    before = repos(home)
    with pytest.raises(error, match=r"can't be fetched") as refused:
        deputy("add", *(word.replace("%", url(home)) for word in words), "--yes")
    assert why in str(refused.value)
    assert "repos.toml" not in str(refused.value)
    assert repos(home) == before


def test_a_folder_is_named_by_its_whole_path_and_one_below_the_home_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    deputy("add", "remotes/acme/billing.git", "--yes")
    assert bundle(home).repo("billing").url == url(home)
    make_repository(home / "home/remotes/tools.git", {"Makefile": "test:\n\ttrue\n"})
    deputy("add", "remotes/tools.git", "--name", "acme/tools", "--yes")
    assert bundle(home).repo("tools").url == "remotes/tools.git"


def test_a_hostile_repository_cannot_command_the_terminal(home: Path) -> None:
    files = {"Makefile": "test:\n\ttrue\n", "AGENTS.md": "```\nmypy \x1b]0;owned\x07 .\n```\n", "\x1b[31m.p12": "x"}
    shown = deputy("add", str(make_repository(home / "odd/evil", files)), "--yes")
    assert "\x1b" not in shown
    assert bundle(home).repo("odd/evil").hidden == ("??31m.p12",)


def test_line_ends_and_rights_stay_as_they_are(home: Path) -> None:
    path = home / "policies/repos.toml"
    before = path.read_bytes().replace(b"\n", b"\r\n").rstrip() + b" # the end"
    path.write_bytes(before)
    path.chmod(0o640)
    deputy("add", url(home), "--yes")
    after = path.read_bytes()
    assert after.startswith(before)
    assert b"\n" not in after.replace(b"\r\n", b"")
    assert path.stat().st_mode & 0o777 == 0o640
    assert bundle(home).repo("acme/billing")


def test_a_link_stays_a_link(home: Path) -> None:
    path = home / "policies/repos.toml"
    path.rename(home / "real.toml")
    path.symlink_to(home / "real.toml")
    deputy("add", url(home), "--yes")
    assert path.is_symlink()
    assert b"acme/billing" in (home / "real.toml").read_bytes()


def test_what_somebody_else_changed_meanwhile_is_not_lost(home: Path) -> None:
    addition = Addition.to(home / "policies", '[repo."acme/x"]\nurl = "x"\n')
    addition.checked()
    (home / "policies/repos.toml").write_bytes(repos(home) + b"# a note\n")
    before = repos(home)
    with pytest.raises(Stale, match="was changed meanwhile"):
        addition.write()
    assert repos(home) == before
    assert not list((home / "policies").glob(".*"))
