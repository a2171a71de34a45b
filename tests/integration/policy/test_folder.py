"""The policies folder: a change is in force at once, a broken one never, and every version can be had again."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.adapters.policies import Change, PolicyFolder, read_folder
from deputy.adapters.store.store import SqlStore, open_store
from deputy.domain.errors import BadPolicy, NotFound
from deputy.domain.policy.decision import Action, Effect

ALICE = "user:T0ACME/U0ALICE"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'd.sqlite'}", (tmp_path / "blobs").as_uri())
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree("policies", tmp_path / "policies"))


def append(folder: Path, line: str) -> None:
    with (folder / "policy.csv").open("a") as policy:
        policy.write(f"{line}\n")


def test_a_new_rule_is_in_force_without_a_restart(folder: Path, store: SqlStore) -> None:
    policies = PolicyFolder(folder, store)
    before = policies.current()
    assert before.decide(ALICE, "acme/shop", Action.EDIT, ["docs/a.md"]).effect is Effect.ALLOW
    append(folder, "p, d-docs, role:anyone, **, edit, docs/**, deny, -")
    after = policies.current()
    assert after.digest != before.digest
    assert after.decide(ALICE, "acme/shop", Action.EDIT, ["docs/a.md"]).effect is Effect.DENY


def test_a_broken_version_leaves_the_old_one_in_force_and_is_told_once(folder: Path, store: SqlStore) -> None:
    told: list[Change] = []
    policies = PolicyFolder(folder, store, told.append)
    before = policies.current()
    append(folder, "p, broken, role:anyone, **, edit, docs/**, Deny, -")
    assert policies.current() is before
    assert policies.current() is before
    assert len(told) == 1
    assert "policy.csv" in told[0].why
    assert told[0].kept == before.digest != told[0].digest


def test_a_version_that_is_mended_is_told_once(folder: Path, store: SqlStore) -> None:
    told: list[Change] = []
    policies = PolicyFolder(folder, store, told.append)
    digest, text = policies.current().digest, (folder / "policy.csv").read_text()
    append(folder, "p, broken, role:anyone, **, edit, docs/**, Deny, -")
    policies.current()
    (folder / "policy.csv").write_text(text)
    assert policies.current().digest == digest
    assert policies.current().digest == digest
    assert [change.why == "" for change in told] == [False, True]


def test_half_a_file_is_never_in_force(folder: Path, store: SqlStore) -> None:
    policies = PolicyFolder(folder, store)
    policies.current()
    lines = (folder / "policy.csv").read_text().splitlines(keepends=True)
    seen: set[bool] = set()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            asked = policies.current().decide(ALICE, "acme/shop", Action.EDIT, ["secrets/prod.env"])
            seen.add(asked.effect is Effect.DENY)

    asking = threading.Thread(target=ask)
    asking.start()
    with (folder / "policy.csv").open("w") as policy:
        for line in lines:
            policy.write(line)
            policy.flush()
            time.sleep(0.005)
    time.sleep(0.5)
    done.set()
    asking.join()
    assert seen == {True}


def test_the_first_version_must_be_sound(folder: Path, store: SqlStore) -> None:
    append(folder, "p, broken, role:anyone")
    with pytest.raises(BadPolicy, match=r"policy\.csv"):
        PolicyFolder(folder, store).current()


def test_no_folder_is_a_sentence(tmp_path: Path, store: SqlStore) -> None:
    with pytest.raises(BadPolicy, match="deputy init"):
        PolicyFolder(tmp_path / "nowhere", store).current()


def test_a_pinned_version_outlives_its_folder(folder: Path, store: SqlStore) -> None:
    bundle = PolicyFolder(folder, store).current()
    with store.transaction() as ledger:
        ledger.add_bundle(bundle.digest, bundle.files)
    append(folder, "p, d-docs, role:anyone, **, edit, docs/**, deny, -")
    later = PolicyFolder(folder, store)
    assert later.current().digest != bundle.digest
    assert later.kept(bundle.digest).files == bundle.files
    with pytest.raises(NotFound):
        later.kept("0" * 64)


def test_editors_droppings_are_no_policy(folder: Path) -> None:
    before = read_folder(folder)
    (folder / ".policy.csv.swp").write_bytes(b"x")
    (folder / "policy.csv~").write_bytes(b"x")
    assert read_folder(folder) == before
