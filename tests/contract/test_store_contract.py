"""What any ``ports.Store`` promises, on SQLite and on Postgres."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from deputy.adapters.store import SqlStore
from deputy.domain.errors import BadInput, NotFound, Stale
from deputy.domain.review.approval import HoldKind, HoldStatus, VoteChoice
from deputy.domain.tasks.request import Incoming, Source
from deputy.domain.tasks.status import TaskStatus
from deputy.domain.tasks.usage import Turn, Usage
from deputy.ports import Ledger, Post, Store
from tests.support.postgres import postgres_server, postgres_url  # noqa: F401
from tests.support.stores import ALICE, NOON, PLACE, SAM, database_url_fixture, event, hold, store_fixture, task, vote  # noqa: F401

HOSTILE = "naïve \x00 \u202e \U0001f600 '; DROP TABLE deputy_task; --" + "x" * 40_000
INCOMING = Incoming(key="slack:1", source=Source.MENTION, actor=ALICE, place=PLACE, text=HOSTILE, received_at=NOON)


def names(ledger: Ledger) -> list[str]:
    return [stored.event.name for stored in ledger.events()]


def test_it_is_a_store(store: SqlStore) -> None:
    port: Store = store
    with port.transaction() as ledger:
        opened: Ledger = ledger
        assert opened.events() == ()


def test_everything_is_committed_together_or_not_at_all(store: SqlStore) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as ledger:  # noqa: PT012
        ledger.add_incoming(INCOMING)
        ledger.add_task(task(), event("request:received"))
        ledger.save_post(Post("card", "C0SHOP", "1"))
        raise ZeroDivisionError
    with store.transaction() as ledger:
        assert ledger.tasks() == ()
        assert ledger.post("card") is None
        assert ledger.events() == ()
        with pytest.raises(NotFound):
            ledger.incoming("slack:1")


def test_a_transaction_inside_another_is_refused_at_once(store: SqlStore) -> None:
    with store.transaction(), pytest.raises(RuntimeError, match="pass its ledger on"), store.transaction():
        pass
    with store.transaction():
        pass


def test_a_lock_shows_the_writes_before_it_and_keeps_others_out(store: SqlStore) -> None:
    """Counting and then acting on the count is one thing, however many do it."""
    with store.transaction() as ledger:
        ledger.add_task(task(admitted_under="0"), event("request:received"))
    barrier = threading.Barrier(6)

    def add_one(_: int) -> None:
        barrier.wait(10)
        with store.transaction() as ledger:
            ledger.lock()
            before = ledger.task("D-AAA0")
            ledger.lock()  # harmless
            after = before.model_copy(update={"admitted_under": str(int(before.policy) + 1)})
            ledger.save_task(before, after, event("task:queued"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add_one, range(6)))
    with store.transaction() as ledger:
        assert ledger.task("D-AAA0").policy == "6"


# ------------------------------------------------------------------------------------------------- incoming


def test_a_snapshot_is_kept_once_and_unchanged(store: SqlStore) -> None:
    with store.transaction() as ledger:
        assert ledger.add_incoming(INCOMING)
        assert not ledger.add_incoming(INCOMING.model_copy(update={"text": "another"}))
    with store.transaction() as ledger:
        assert not ledger.add_incoming(INCOMING)
        assert ledger.incoming("slack:1") == INCOMING
        with pytest.raises(NotFound, match="There is no message slack:2"):
            ledger.incoming("slack:2")


# ------------------------------------------------------------------------------------------------- tasks


def test_a_task_is_added_once_with_its_event(store: SqlStore) -> None:
    with store.transaction() as ledger:
        assert ledger.add_task(task(), event("request:received"))
        assert not ledger.add_task(task(text="another"), event("request:received"))
        assert ledger.task("D-AAA0") == task()
        assert names(ledger) == ["request:received"]
        with pytest.raises(NotFound, match="There is no task D-ZZZZ"):
            ledger.task("D-ZZZZ")


def test_tasks_are_found_by_every_filter_newest_first(store: SqlStore) -> None:
    with store.transaction() as ledger:
        ledger.add_task(task(1), event())
        ledger.add_task(task(2, TaskStatus.QUEUED, requester=SAM), event())
        ledger.add_task(task(3, spec=None, place=PLACE.model_copy(update={"thread": "2", "channel": "C1"})), event())

        def found(**filters: object) -> list[str]:
            return [one.id for one in ledger.tasks(**filters)]  # type: ignore[arg-type]

        assert found() == ["D-AAA3", "D-AAA2", "D-AAA1"]
        assert found(limit=2) == ["D-AAA3", "D-AAA2"]
        assert found(statuses=[TaskStatus.QUEUED, TaskStatus.RUNNING]) == ["D-AAA2"]
        assert found(subject="user:T0ACME/U0ALICE") == ["D-AAA3", "D-AAA1"]
        assert found(repo="acme/shop") == ["D-AAA2", "D-AAA1"]
        assert found(channel="C1") == ["D-AAA3"]
        assert found(thread=PLACE.thread, channel="C0SHOP", subject=SAM.subject) == ["D-AAA2"]
        assert found(thread="%") == []


def test_a_save_counts_up_and_keeps_what_was_given(store: SqlStore) -> None:
    with store.transaction() as ledger:
        ledger.add_task(task(), event("request:received"))
        queued = task(status=TaskStatus.QUEUED, admitted_under="p1", spec=None)
        saved = ledger.save_task(task(), queued, event("task:queued"))
        assert saved == queued.model_copy(update={"version": 1})
        assert ledger.save_task(saved, saved, event("policy:bundle:loaded")).version == 2
    with store.transaction() as ledger:
        assert ledger.task("D-AAA0") == saved.model_copy(update={"version": 2})
        assert [one.id for one in ledger.tasks(statuses=[TaskStatus.QUEUED])] == ["D-AAA0"]
        assert ledger.tasks(repo="acme/shop") == ()
        assert names(ledger) == ["request:received", "task:queued", "policy:bundle:loaded"]


def test_a_save_of_a_stale_copy_changes_nothing(store: SqlStore) -> None:
    with store.transaction() as ledger:
        ledger.add_task(task(), event("request:received"))
        ledger.save_task(task(), task(admitted_under="p1"), event())
    with store.transaction() as ledger:
        with pytest.raises(Stale, match="D-AAA0 has changed meanwhile"):
            ledger.save_task(task(), task(admitted_under="p2"), event())
        with pytest.raises(NotFound):
            ledger.save_task(task(9), task(9), event())
    with store.transaction() as ledger:
        assert ledger.task("D-AAA0").policy == "p1"
        assert len(ledger.events()) == 2


def test_a_save_obeys_the_status_table(store: SqlStore) -> None:
    with store.transaction() as ledger:
        ledger.add_task(task(status=TaskStatus.REFUSED), event("task:refused"))
        forged = task()  # claims that the task is still "received"
        with pytest.raises(Stale, match="A task that is refused cannot become queued"):
            ledger.save_task(forged, task(status=TaskStatus.QUEUED), event())
        assert names(ledger) == ["task:refused"]


# ------------------------------------------------------------------------------------------------- turns


def test_turns_are_kept_once_and_in_order(store: SqlStore) -> None:
    def turn(number: int, run: int = 1, reply: str = "ok") -> Turn:
        usage = Usage(turns=1, input_tokens=10)
        return Turn(task="D-AAA0", run=run, number=number, reply={"text": reply}, results=[1.5, None], usage=usage)

    with store.transaction() as ledger:
        ledger.add_task(task(), event())
        for number in (10, 2, 1):
            assert ledger.add_turn(turn(number))
        assert ledger.add_turn(turn(1, run=2))
        assert not ledger.add_turn(turn(2, reply="another"))
        assert ledger.turns("D-AAA0", 1) == (turn(1), turn(2), turn(10))
        assert ledger.turns("D-AAA0", 3) == ()


def test_what_belongs_to_nothing_is_refused(store: SqlStore) -> None:
    with pytest.raises(NotFound, match="What this belongs to is not stored"), store.transaction() as ledger:
        ledger.add_hold(hold(), event("hold:opened"))
    with store.transaction() as ledger:
        assert ledger.events() == ()


# ------------------------------------------------------------------------------------------------- holds and votes


@pytest.fixture
def held(store: SqlStore) -> SqlStore:
    """A store with a task and an open hold on it."""
    with store.transaction() as ledger:
        ledger.add_task(task(), event("request:received"))
        ledger.add_hold(hold(), event("hold:opened"))
    return store


def test_a_hold_is_added_once_with_its_event(held: SqlStore) -> None:
    with held.transaction() as ledger:
        assert not ledger.add_hold(hold(nonce="another"), event("hold:opened"))
        assert ledger.hold("hold-0") == hold()
        assert names(ledger) == ["request:received", "hold:opened"]
        with pytest.raises(NotFound, match="There is no hold hold-9"):
            ledger.hold("hold-9")


def test_holds_are_found_by_every_filter_oldest_first(held: SqlStore) -> None:
    with held.transaction() as ledger:
        ledger.add_task(task(1), event())
        ledger.add_hold(hold(2, "D-AAA1"), event())
        ledger.add_hold(hold(1, kind=HoldKind.CLEARANCE), event())
        ledger.settle_hold(hold(1), HoldStatus.EXPIRED, event("hold:expired"))

        def found(**filters: object) -> list[str]:
            return [one.id for one in ledger.holds(**filters)]  # type: ignore[arg-type]

        assert found() == ["hold-0", "hold-1", "hold-2"]
        assert found(task="D-AAA0") == ["hold-0", "hold-1"]
        assert found(status=HoldStatus.OPEN) == ["hold-0", "hold-2"]
        assert found(kind=HoldKind.CLEARANCE, status=HoldStatus.EXPIRED) == ["hold-1"]


def test_a_hold_is_settled_once(held: SqlStore) -> None:
    with held.transaction() as ledger:
        ledger.settle_hold(hold(), HoldStatus.GRANTED, event("hold:granted"))
        with pytest.raises(Stale, match="This hold is no longer open"):
            ledger.settle_hold(hold(), HoldStatus.DENIED, event("hold:denied"))
    with held.transaction() as ledger:
        assert ledger.hold("hold-0").status is HoldStatus.GRANTED
        assert names(ledger)[-1] == "hold:granted"


def test_one_person_votes_once_per_hold(held: SqlStore) -> None:
    with held.transaction() as ledger:
        assert ledger.add_vote(vote(), event("vote:cast"))
        assert not ledger.add_vote(vote(choice=VoteChoice.DENY), event("vote:cast"))
        later = vote(ALICE).model_copy(update={"at": NOON + timedelta(microseconds=1)})
        assert ledger.add_vote(later, event("vote:cast"))
        assert ledger.votes("hold-0") == (vote(), later)
        assert ledger.votes("hold-1") == ()
        assert names(ledger).count("vote:cast") == 2


# ------------------------------------------------------------------------------------------------- posts and bundles


def test_a_post_is_kept_from_intent_to_answer(store: SqlStore) -> None:
    intent = Post("card:D-AAA0", "C0SHOP", "1.2")
    with store.transaction() as ledger:
        assert ledger.post(intent.key) is None
        ledger.save_post(intent)
        assert ledger.post(intent.key) == intent
        ledger.save_post(replace(intent, ts="9.9", files=("F1", "F2"), content="c0ffee"))
    with store.transaction() as ledger:
        assert ledger.post(intent.key) == Post("card:D-AAA0", "C0SHOP", "1.2", "9.9", ("F1", "F2"), "c0ffee")


def test_a_bundle_is_kept_once(store: SqlStore) -> None:
    files = {"policy.csv": b"p, \xff\x00", "tests/a.toml": b""}
    with store.transaction() as ledger:
        assert ledger.add_bundle("digest", files)
        assert not ledger.add_bundle("digest", {"policy.csv": b"another"})
        assert ledger.add_bundle("empty", {})
    with store.transaction() as ledger:
        assert ledger.bundle("digest") == files
        assert ledger.bundle("empty") == {}
        with pytest.raises(NotFound, match="There is no policy bundle other"):
            ledger.bundle("other")


# ------------------------------------------------------------------------------------------------- events


def test_events_come_back_whole_and_chained(store: SqlStore) -> None:
    with store.transaction() as ledger:
        for number in range(3):
            ledger.append(event("vote:cast", seconds=number))
        first, second, third = ledger.events()
    assert [stored.seq for stored in (first, second, third)] == [1, 2, 3]
    assert (second.prev, third.prev) == (first.hash, second.hash)
    assert third.event == event("vote:cast", seconds=2)
    assert third.body.startswith('{"actor":"user:T0ACME/U0ALICE","at":"2026-01-31T12:00:02.000000Z",')


def test_events_are_found_by_every_filter_the_newest_of_them_oldest_first(store: SqlStore) -> None:
    with store.transaction() as ledger:
        for number, name in enumerate(["vote:cast", "vote:refused", "voteXcast", "task:queued", "VOTE:cast"]):
            ledger.append(event(name, task=f"D-AAA{number % 2}", seconds=number, actor=SAM if number else ALICE))

        def found(**filters: object) -> list[int]:
            return [stored.seq for stored in ledger.events(**filters)]  # type: ignore[arg-type]

        assert found() == [1, 2, 3, 4, 5]
        assert found(limit=2) == [4, 5]
        assert found(task="D-AAA1") == [2, 4]
        assert found(actor=ALICE.subject) == [1]
        assert found(name="vote:cast") == [1]
        assert found(name="vote:*") == [1, 2]
        assert found(name="*") == [1, 2, 3, 4, 5]
        assert found(name="vote%") == []
        assert found(since=NOON + timedelta(seconds=3)) == [4, 5]
        assert found(name="vote*", since=NOON + timedelta(seconds=1), limit=1) == [3]


def test_hostile_text_goes_through_the_trail_unharmed(store: SqlStore) -> None:
    said = event().model_copy(update={"data": {"said": HOSTILE}, "personal": {"text": HOSTILE}})
    with store.transaction() as ledger:
        ledger.append(said)
    with store.transaction() as ledger:
        assert ledger.events()[0].event == said
    assert store.verify_audit().is_intact


def test_an_event_that_cannot_be_written_is_refused_at_once(store: SqlStore) -> None:
    with store.transaction() as ledger:
        with pytest.raises(BadInput, match="can't be written to the audit trail"):
            ledger.append(event().model_copy(update={"data": {"n": 2**60}}))
        ledger.append(event())
    assert store.verify_audit().rows == 1


# ------------------------------------------------------------------------------------------------- blobs


def test_a_blob_is_named_by_its_content(store: SqlStore) -> None:
    digest = store.put_blob(b"hello")
    assert digest == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert store.put_blob(b"hello") == digest
    assert store.blob(digest) == b"hello"
    assert store.blob(store.put_blob(b"")) == b""


@pytest.mark.parametrize("digest", ["ab" * 32, "", "../../etc/passwd", "AB" * 32, "ab" * 32 + "\n"])
def test_a_missing_blob_is_reported(store: SqlStore, digest: str) -> None:
    with pytest.raises(NotFound, match="There is no artifact"):
        store.blob(digest)
