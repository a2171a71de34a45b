"""The chain: what is hashed, and that no change of a trail goes unseen."""

import dataclasses
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.audit import GENESIS, Harm, Head, Personal, Row, chain_hash, event_of, instant, seal, verify
from deputy.domain.errors import AuditBroken, BadInput
from deputy.domain.events import Event
from tests.support.examples import examples

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
SALT = b"0123456789abcdef"


def event(number: int = 0, **changes: object) -> Event:
    fields: dict[str, object] = {
        "name": "vote:cast",
        "at": NOON + timedelta(seconds=number),
        "actor": "user:T0ACME/U0SAM",
        "task": "D-7K2M9QXA",
        "data": {"number": number, "ratio": 0.5, "text": "naïve\x00\u202e"},
        "personal": {"text": f"please {number}"},
    }
    return Event.model_validate(fields | changes)


def trail(length: int) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, length + 1):
        prev = rows[-1].hash if rows else GENESIS
        rows.append(seal(event(number), number, prev, {"text": SALT + bytes([number])}))
    return rows


def rehashed(row: Row, **changes: object) -> Row:
    """A row as a forger leaves it: consistent with itself."""
    forged = dataclasses.replace(row, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(forged, hash=chain_hash(forged.prev, forged.body))


def with_data(row: Row, number: int) -> str:
    body = json.loads(row.body)
    body["data"]["number"] = number
    return json.dumps(body, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def test_the_hash_is_the_documented_one() -> None:
    row = seal(event(), 1, GENESIS, {"text": SALT})
    inner = hashlib.sha256(b"\x00" + row.body.encode()).digest()
    assert row.hash == hashlib.sha256(b"\x01" + bytes(32) + inner).hexdigest()


def test_the_body_is_canonical_and_numbered() -> None:
    row = seal(event(), 7, GENESIS, {"text": SALT})
    body = json.loads(row.body)
    assert list(body) == sorted(body)
    assert (body["seq"], body["at"], body["v"]) == (7, "2026-01-31T12:00:00.000000Z", 1)
    assert body["personal"] == {"text": hmac.new(SALT, b"please 0", hashlib.sha256).hexdigest()}
    assert "please" not in row.body


def test_an_event_comes_back_as_it_went_in() -> None:
    row = seal(event(3), 1, GENESIS, {"text": SALT})
    assert event_of(row) == event(3)
    assert event_of(dataclasses.replace(row, personal={})).personal == {}


@pytest.mark.parametrize("body", ["", "{}", "[1]", '{"seq":1', "1" * 5000, "[" * 100_000])
def test_an_unreadable_row_is_named(body: str) -> None:
    with pytest.raises(AuditBroken, match="Row 4 of the audit trail can't be read"):
        event_of(Row(4, body, GENESIS, ""))


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match="can't be written to the audit trail"):
        seal(event(data={"n": value}), 1, GENESIS, {"text": SALT})


def test_times_are_utc_and_sort_as_text() -> None:
    east = timezone(timedelta(hours=2))
    assert instant(datetime(2026, 1, 31, 14, 0, tzinfo=east)) == "2026-01-31T12:00:00.000000Z"
    assert instant(NOON + timedelta(microseconds=1)) > instant(NOON)
    with pytest.raises(BadInput, match="without a time zone"):
        instant(datetime(2026, 1, 31))  # noqa: DTZ001


def test_an_intact_trail_is_said_to_be() -> None:
    rows = trail(5)
    verdict = verify(rows, heads=[Head(3, rows[2].hash), Head(5, rows[4].hash)])
    assert verdict.is_intact
    assert verdict.head == Head(5, rows[4].hash)
    assert verdict.lines() == (f"The audit trail is intact: 5 rows, head 5:{rows[4].hash}.",)


def test_an_empty_trail_is_intact() -> None:
    verdict = verify([])
    assert verdict.is_intact
    assert verdict.head == Head(0, GENESIS)


def test_an_edited_row_is_named() -> None:
    rows = trail(5)
    rows[2] = dataclasses.replace(rows[2], body=with_data(rows[2], 99))
    verdict = verify(rows)
    assert verdict.broken_rows == (3,)
    assert verdict.lines()[1] == "Row 3 was edited: its hash is not the hash of its content."


@pytest.mark.parametrize(
    "change", [{"prev": "ab" * 32}, {"prev": "AB" * 32}, {"hash": "ab" * 32}, {"prev": "no hex"}, {"prev": "abcd"}]
)
def test_an_edited_link_is_named(change: dict[str, str]) -> None:
    rows = trail(5)
    rows[2] = dataclasses.replace(rows[2], **change)
    assert 3 in verify(rows).broken_rows


def test_a_row_edited_and_hashed_anew_is_named_and_its_neighbours_are_not() -> None:
    rows = trail(5)
    rows[2] = rehashed(rows[2], body=with_data(rows[2], 99))
    verdict = verify(rows)
    assert [(damage.first, damage.last) for damage in verdict.damages] == [(3, 3)]
    assert "row 4 still holds the hash that it had" in verdict.damages[0].text


def test_a_link_broken_at_the_end_names_both_rows() -> None:
    rows = trail(5)
    rows[4] = rehashed(rows[4], prev="ab" * 32)
    assert [(damage.first, damage.last) for damage in verify(rows).damages] == [(4, 5)]


def test_a_first_row_on_another_base_is_named() -> None:
    rows = trail(3)
    rows[0] = rehashed(rows[0], prev="ab" * 32)
    assert 1 in verify(rows).broken_rows


def test_a_trail_rewritten_from_a_row_on_is_found_by_a_head_kept_outside() -> None:
    rows = trail(5)
    seen = Head(4, rows[3].hash)
    rows[2] = rehashed(rows[2], body=with_data(rows[2], 99))
    rows[3] = rehashed(rows[3], prev=rows[2].hash)
    rows[4] = rehashed(rows[4], prev=rows[3].hash)
    assert verify(rows).is_intact
    verdict = verify(rows, heads=[seen])
    assert [(damage.harm, damage.first) for damage in verdict.damages] == [(Harm.REWRITTEN, 4)]


def test_removed_rows_are_named() -> None:
    rows = trail(6)
    del rows[2:4]
    assert verify(rows).lines()[1:] == ("Rows 3 to 4 were removed.",)
    assert verify(trail(3)[1:]).lines()[1:] == ("Row 1 was removed.",)


def test_a_tail_cut_off_is_found_by_a_head_kept_outside() -> None:
    rows = trail(6)
    seen = Head(6, rows[5].hash)
    assert verify(rows[:4]).is_intact
    assert verify(rows[:4], heads=[seen]).lines()[1:] == ("Rows 5 to 6 were cut off the end: a checkpoint saw them.",)


def test_a_row_removed_and_the_rest_renumbered_is_found() -> None:
    rows = trail(4)
    shifted = [rows[0], *(dataclasses.replace(row, seq=row.seq - 1) for row in rows[2:])]
    verdict = verify(shifted)
    assert verdict.broken_rows == (2, 3)
    assert "it was written as row 3" in verdict.damages[0].text


def test_reordered_and_repeated_rows_are_named() -> None:
    rows = trail(4)
    swapped = verify([rows[0], rows[2], rows[1], rows[3]])
    assert [(damage.harm, damage.first) for damage in swapped.damages] == [(Harm.REORDERED, 2)]
    repeated = verify([*rows[:2], rows[1], *rows[2:]])
    assert [(damage.harm, damage.first) for damage in repeated.damages] == [(Harm.INSERTED, 2)]


def test_of_a_gap_only_the_rows_that_never_came_are_removed() -> None:
    rows = trail(6)
    verdict = verify([rows[0], rows[5], rows[2]])
    assert [(damage.harm, damage.first, damage.last) for damage in verdict.damages] == [
        (Harm.REMOVED, 2, 2),
        (Harm.REORDERED, 3, 3),
        (Harm.REMOVED, 4, 5),
    ]


def test_columns_that_differ_from_the_body_are_named() -> None:
    rows = trail(3)
    rows[1] = dataclasses.replace(rows[1], columns={**rows[1].columns, "actor": "user:T0ACME/U0GUS"})
    assert verify(rows).lines()[1:] == ("Row 2 was edited: its columns actor differ from its content.",)


def test_an_altered_personal_value_is_named_and_an_erased_one_is_lawful() -> None:
    rows = trail(3)
    rows[1] = dataclasses.replace(rows[1], personal={"text": Personal(rows[1].personal["text"].salt, "something else")})
    rows[2] = dataclasses.replace(rows[2], personal={})
    verdict = verify(rows)
    assert [(damage.harm, damage.first) for damage in verdict.damages] == [(Harm.PERSONAL, 2)]
    assert verdict.erased == 1
    assert verify([*trail(2), rows[2]]).is_intact


def test_a_personal_value_that_was_never_written_is_named() -> None:
    rows = trail(2)
    rows[1] = dataclasses.replace(rows[1], personal={**rows[1].personal, "extra": Personal(SALT, "planted")})
    assert verify(rows).broken_rows == (2,)


def test_a_body_that_is_not_canonical_is_named_even_with_a_good_hash() -> None:
    row = trail(1)[0]
    verdict = verify([rehashed(row, body=row.body.replace(":", ": ", 1))])
    assert verdict.lines()[1] == "Row 1 was edited: its content is not canonical JSON."


def test_missing_guards_break_the_verdict() -> None:
    verdict = verify(trail(2), missing_guards=["no_update"])
    assert not verdict.is_intact
    assert "A guard of the trail is missing or was changed: no_update." in verdict.lines()


def test_a_far_away_number_does_not_fill_memory() -> None:
    rows = trail(2)
    far = dataclasses.replace(rows[1], seq=10**15)
    assert verify([rows[0], far]).broken_rows == (2, 10**15)


# ---------------------------------------------------------------------------------------------------- the law

LENGTH = 6
ROWS = trail(LENGTH)
numbers = st.integers(0, LENGTH - 1)


@given(st.permutations(range(LENGTH)))
@settings(max_examples=examples(100))
def test_law_any_other_order_is_found(order: list[int]) -> None:
    assert verify([ROWS[index] for index in order]).is_intact == (order == sorted(order))


@given(st.sets(numbers, min_size=1))
def test_law_any_drop_is_found_given_the_head(dropped: set[int]) -> None:
    kept = [row for index, row in enumerate(ROWS) if index not in dropped]
    verdict = verify(kept, heads=[Head(LENGTH, ROWS[-1].hash)])
    missing = {seq for damage in verdict.damages for seq in range(damage.first, damage.last + 1)}
    assert missing == {index + 1 for index in dropped}


@given(numbers, numbers)
def test_law_any_duplicate_is_found(index: int, at: int) -> None:
    assert not verify([*ROWS[:at], ROWS[index], *ROWS[at:]]).is_intact


@given(numbers, st.sampled_from(["body", "prev", "hash"]), st.data())
@settings(max_examples=examples(200))
def test_law_any_edit_names_the_row(index: int, name: str, data: st.DataObject) -> None:
    old = getattr(ROWS[index], name)
    at = data.draw(st.integers(0, len(old)))
    length = data.draw(st.integers(0, 3))
    new = old[:at] + data.draw(st.text(max_size=3)) + old[at + length :]
    rows = [*ROWS]
    rows[index] = dataclasses.replace(rows[index], **{name: new})
    if new != old:
        assert index + 1 in verify(rows).broken_rows


@given(numbers, st.integers(10, 99))
def test_law_an_edit_hashed_anew_is_found_given_the_head(index: int, number: int) -> None:
    rows = [*ROWS]
    rows[index] = rehashed(rows[index], body=with_data(rows[index], number))
    assert index + 1 in verify(rows, heads=[Head(LENGTH, ROWS[-1].hash)]).broken_rows
