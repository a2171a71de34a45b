"""``deputy policy …`` on real folders and a real database, as somebody types it."""

# ruff: noqa: E501 - a line of policy is one line

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deputy.adapters.policies import read_folder
from deputy.adapters.store.store import SqlStore, open_store
from deputy.app.cli import build
from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.errors import BadInput, NotFound
from deputy.domain.events import Event, EventName
from deputy.domain.people import Actor
from deputy.domain.policy.decision import Action, Decision, Effect, Severity
from deputy.domain.review.finding import Finding, GateReport
from deputy.domain.tasks.request import Place, TaskKind, TaskSpec
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.task import Task
from deputy.policy import load
from tests.support.tasks import make_task, with_patch

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ALICE = Actor(team="T0ACME", user="U0ALICE")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the starter policies in ``policies``, which the settings name."""
    shutil.copytree("policies", tmp_path / "policies")
    monkeypatch.setenv("DEPUTY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DEPUTY_POLICIES", str(tmp_path / "policies"))
    monkeypatch.setenv("DEPUTY_DATABASE_URL", f"sqlite:///{tmp_path / 'd.sqlite'}")
    monkeypatch.setenv("DEPUTY_ARTIFACTS_URL", (tmp_path / "blobs").as_uri())
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{home / 'd.sqlite'}", (home / "blobs").as_uri())
    yield opened
    opened.close()


def deputy(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(), ["policy", *words], env={"COLUMNS": "300"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def edited(home: Path, name: str, *change: str, file: str = "policy.csv") -> str:
    """A copy of the policies with some words replaced."""
    folder = home / name
    shutil.copytree(home / "policies", folder)
    text = (folder / file).read_text()
    for before, after in zip(change[::2], change[1::2], strict=True):
        assert before in text
        text = text.replace(before, after)
    (folder / file).write_text(text)
    return str(folder)


def keep_task(store: SqlStore, digest: str, number: int = 0, paths: tuple[str, ...] = (), **changes: object) -> None:
    """Store a task of Alice's in the shop; with ``paths``, one whose patch changes ten lines of each."""
    fields: dict[str, object] = {
        "id": f"D-AAA{number}",
        "request": f"slack:{number}",
        "requester": ALICE,
        "place": Place(team="T0ACME", channel="C0SHOP", thread="1700000000.000100"),
        "text": "fix it",
        "status": TaskStatus.RECEIVED,
        "created_at": NOON + timedelta(hours=number),
        "updated_at": NOON + timedelta(hours=number),
        "spec": TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal="fix it"),
        "admitted_under": digest,
    }
    if paths:
        files = tuple(
            FileChange(path=path, kind=ChangeKind.MODIFIED, old_mode="100644", new_mode="100644", old_blob="a", new_blob="b", added_lines=10)
            for path in paths
        )  # fmt: skip
        change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=files)
        run = make_task(
            **with_patch("b", "u", change=store.put_blob(change.model_dump_json().encode()), policy=digest)
        ).run
        fields["runs"] = (run.updated(report=changes.pop("report", None)),)
    task = Task.model_validate(fields | changes)
    with store.transaction() as ledger:
        ledger.add_task(task, Event(name=EventName.TASK_QUEUED, at=NOON, actor=ALICE.subject, task=task.id))


def keep_bundle(store: SqlStore, folder: Path) -> str:
    bundle = load(read_folder(folder))
    with store.transaction() as ledger:
        ledger.add_bundle(bundle.digest, bundle.files)
        loaded = Event(name=EventName.POLICY_LOADED, at=NOON, actor="deputy", data={"policy": bundle.digest})
        ledger.append(loaded)
    return bundle.digest


# ---- lint, test, explain -------------------------------------------------------------------------------------------


def test_lint_names_kind_and_line_and_counts(home: Path) -> None:
    assert deputy("lint") == (0, "The policy is sound.\n")
    doubtful = edited(
        home, "doubtful", "# ---- who signs", "p, a-x, role:engineer, acme/*, edit, docs/**, allow, -\n# ---- who signs"
    )
    status, said = deputy("lint", "--policies", doubtful)
    assert status == 0
    assert "warning: allow a-x adds nothing: a-edit" in said
    assert "[shadowed]\n0 errors, 1 warning: the policy can be loaded.\n" in said
    assert json.loads(deputy("lint", "--json", "--policies", doubtful)[1])[0]["kind"] == "shadowed"
    status, said = deputy("lint", "--policies", edited(home, "broken", "deny, -", "Deny, -"))
    assert status == 1
    assert "the policy can not be loaded" in said


def test_test_names_the_line_of_a_case_that_fails(home: Path) -> None:
    status, said = deputy("test")
    assert (status, said.endswith("passed, 0 failed\n")) == (0, True)
    wrong = edited(home, "wrong", "rule: r-auth", "rule: r-other, why: log-ins", file="tests/people.yaml")
    status, said = deputy("test", "--policies", wrong)
    assert status == 1
    assert "failed: tests/people.yaml:9 case 5 (log-ins): expected rule r-other to decide, but r-auth did" in said


def test_explain_is_a_tree_and_supposes_facts(home: Path) -> None:
    question = ("explain", "user:T0ACME/U0ALICE", "acme/shop", "edit", "billing/a.py", "--at", "2026-06-01T12:00:00Z")
    few = deputy(
        *question, "--lines", "10", "--kind", "fix", "--channel", "C0SHOP", "--files", "1", "--budget", "standard"
    )
    assert few[0] == 0
    assert few[1].startswith("REVIEW  user:T0ACME/U0ALICE · edit · acme/shop\n├─ because rule r-billing")
    assert "│  ├─ policy.csv:" in few[1]
    many = deputy(*question, "--lines", "5000", "--json")
    assert (many[0], json.loads(many[1])["rules"][0]["id"]) == (1, "d-billing-week")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--at", "2026-06-01T12:00:00", "write a time with its zone"), ("--kind", "fixes", "--kind can't be used")],
)
def test_a_fact_that_is_none_is_refused(home: Path, option: str, value: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        deputy("explain", "user:T0ACME/U0ALICE", "acme/shop", "edit", "a", option, value)
    assert said.lower() in str(refused.value).lower()


# ---- diff ----------------------------------------------------------------------------------------------------------


def test_diff_takes_folders_current_and_digests(home: Path, store: SqlStore) -> None:
    digest = keep_bundle(store, home / "policies")
    new = edited(home, "new", "edit, **/billing/**, review, role:senior=1", "edit, **/billing/**, deny, -")
    line = "engineer (U0ALICE, U0SAM) in acme/shop, acme/site: edit of **/billing/**: review by 1 senior → denied (rule r-billing)"
    for old in ("current", digest[:8], digest, str(home / "policies")):
        status, said = deputy("diff", old, new)
        assert (status, line in said) == (0, True)
    found = json.loads(deputy("diff", "current", new, "--json")[1])
    assert found["old"] == digest
    assert [each["direction"] for each in found["differences"]] == ["tighter"]
    assert found["differences"][0]["globs"] == ["**/billing/**"]
    assert "Nothing that decides differs." in deputy("diff", "current", digest[:8])[1]


@pytest.mark.parametrize(("name", "kind"), [("deadbeef", NotFound), ("dead", BadInput), ("no-such-folder", BadInput)])
def test_a_bundle_that_is_not_there_is_one_sentence(home: Path, name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        deputy("diff", "current", name)


# ---- simulate ------------------------------------------------------------------------------------------------------


def test_simulate_asks_what_was_asked_then(home: Path, store: SqlStore) -> None:
    digest = keep_bundle(store, home / "policies")
    finding = Finding(gate="dependencies", severity=Severity.REVIEW, message="new", rule="dependencies/new")
    decision = Decision(effect=Effect.ALLOW, action=Action.EDIT, subject=ALICE.subject, repo="acme/shop", policy=digest)
    report = GateReport(effect=Effect.ALLOW, findings=(finding,), decision=decision, digest="r")
    keep_task(store, digest, 1, ("shop/cart.py",), report=store.put_blob(report.model_dump_json().encode()))
    keep_task(store, digest, 2, ("docs/a.md", "shop/a.py"))
    keep_task(store, digest, 3, spec=None)
    keep_task(store, digest, 4, spec=TaskSpec(repo="acme/shop", kind=TaskKind.DOCS, goal="x", paths=("docs/b.md",)))
    keep_task(store, "f" * 64, 5)
    new = edited(
        home,
        "new",
        "add-dependency, **, review, role:senior=1",
        "add-dependency, **, deny, -",
        "# ---- who signs",
        "p, d-docs, role:engineer, acme/*, edit, docs/**, deny, -\n# ---- who signs",
    )
    status, said = deputy("simulate", new)
    assert status == 0
    assert "Permitted less (3)" in said
    assert "D-AAA1  2026-06-01  U0ALICE: add-dependency in acme/shop: review by 1 senior → denied (rule r-deps)" in said
    assert "D-AAA2  2026-06-01  U0ALICE: edit of docs/a.md in acme/shop: allowed → denied (rule d-docs)" in said
    assert "D-AAA4  2026-06-01  U0ALICE: edit of docs/b.md in acme/shop: allowed → denied (rule d-docs)" in said
    assert f"D-AAA5: its policy {'f' * 12} can't be loaded any more" in said
    assert "4 tasks, 12 questions asked again: 3 tasks would be decided otherwise." in said
    found = json.loads(deputy("simulate", new, "--json", "--last", "2")[1])
    assert [each["task"] for each in found["redecided"]] == ["D-AAA4"]
    assert found["lost"] == [{"task": "D-AAA5", "policy": "f" * 64}]
    assert found["redecided"][0]["direction"] == "tighter"


def test_simulate_knows_the_facts_of_then(home: Path, store: SqlStore) -> None:
    """Three tasks of ten lines each within an hour: only the last goes over a new bound of twenty-five a week."""
    digest = keep_bundle(store, home / "policies")
    for number in (1, 2, 3):
        keep_task(store, digest, number, ("docs/a.md",), status=TaskStatus.DELIVERED)
    keep_task(store, digest, 4, ("docs/a.md",), created_at=NOON + timedelta(days=30), status=TaskStatus.DELIVERED)
    new = edited(
        home,
        "new",
        "# ---- who signs",
        "p, d-docs, role:engineer, acme/*, edit, docs/**, deny, -, many-docs\n# ---- who signs",
    )
    with (Path(new) / "conditions.toml").open("a") as conditions:
        conditions.write('\n[condition.many-docs.counter]\nof = "lines"\nper = "person"\ndays = 7\nover = 25\n')
    found = json.loads(deputy("simulate", new, "--json")[1])
    assert [(each["task"], each["action"]) for each in found["redecided"]] == [("D-AAA3", "edit")]


def test_simulate_without_tasks_says_so(home: Path) -> None:
    assert deputy("simulate", "current") == (
        0,
        "0 tasks, 0 questions asked again: 0 tasks would be decided otherwise.\n",
    )
