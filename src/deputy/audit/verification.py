"""Reads a trail from its first row to its last and names every row that is not what was written."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from deputy.audit.chain import GENESIS, Head, Row, chain_hash, conceal, parse_body


class Harm(StrEnum):
    """What was done to the trail."""

    EDITED = "edited"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    PERSONAL = "personal value altered"


@dataclass(frozen=True)
class Damage:
    """What is wrong with the rows ``first`` to ``last``, both included."""

    harm: Harm
    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Verdict:
    """What verification found. ``erased`` counts personal values that were lawfully erased: not a damage.

    ``missing_guards`` names protections around it (triggers, kept checkpoints) that are gone or spoilt.
    """

    rows: int
    head: Head
    damages: tuple[Damage, ...] = ()
    erased: int = 0
    missing_guards: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether every row is what was written and its guards stand."""
        return not self.damages and not self.missing_guards

    @property
    def broken_rows(self) -> tuple[int, ...]:
        """The numbers at which a damage begins, in order."""
        return tuple(sorted({damage.first for damage in self.damages}))

    def lines(self) -> tuple[str, ...]:
        """The verdict for people, one sentence per line."""
        found = [damage.text for damage in self.damages]
        found += [f"A guard of the trail is missing or was changed: {name}." for name in self.missing_guards]
        erased = f" {self.erased} personal values were erased, as they may be." if self.erased else ""
        if found:
            return (f"The audit trail is broken: {len(found)} findings in {self.rows} rows.{erased}", *found)
        return (f"The audit trail is intact: {self.rows} rows, head {self.head.seq}:{self.head.hash}.{erased}",)


def verify(rows: Iterable[Row], *, heads: Iterable[Head] = (), missing_guards: Iterable[str] = ()) -> Verdict:
    """Check every row against itself, its neighbours and the heads that were kept outside.

    Rows come in the order in which they are stored. Only a head kept outside can show that the newest rows were cut
    off, or that somebody rewrote everything from some row on.
    """
    reader = _Reader(heads)
    for row in rows:
        reader.take(row)
    return reader.verdict(tuple(missing_guards))


class _Reader:
    """What has been read so far."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self._heads: dict[int, set[str]] = {}
        for head in heads:
            self._heads.setdefault(head.seq, set()).add(head.hash)
        self._last = Row(0, "", "", GENESIS)
        self._last_is_sound = True
        self._suspect = 0
        self._rows = self._erased = 0
        self._damages: list[Damage] = []
        self._gaps: list[tuple[int, int]] = []
        self._late: set[int] = set()

    def take(self, row: Row) -> None:
        """Check one row, given all before it."""
        self._rows += 1
        faults = list(self._faults(row))
        self._damages += faults
        if row.seq <= self._last.seq:
            self._out_of_order(row)
            return
        if row.seq > self._last.seq + 1:
            self._settle(is_linked=False)
            self._gaps.append((self._last.seq + 1, row.seq - 1))
        else:
            self._check_link(row, is_sound=not faults)
        self._last, self._last_is_sound = row, not faults

    def _faults(self, row: Row) -> Iterable[Damage]:
        """What is wrong with a row on its own."""
        if chain_hash(row.prev, row.body) != row.hash:
            yield _damage(Harm.EDITED, row.seq, "was edited: its hash is not the hash of its content")
            return
        try:
            body = parse_body(row.body)
        except (ValueError, RecursionError):
            yield _damage(Harm.EDITED, row.seq, "was edited: its content is not canonical JSON")
            return
        if body.get("seq") != row.seq:
            written = body.get("seq")
            number = int(written) if isinstance(written, float) and written.is_integer() else written
            yield _damage(Harm.REORDERED, row.seq, f"was moved: it was written as row {number}")
        wrong = sorted(name for name, value in row.columns.items() if body.get(name) != value)
        if wrong:
            yield _damage(Harm.EDITED, row.seq, f"was edited: its columns {', '.join(wrong)} differ from its content")
        yield from self._personal_faults(row, body.get("personal"))
        if self._heads.get(row.seq, {row.hash}) != {row.hash}:
            yield _damage(
                Harm.REWRITTEN, row.seq, "is not the one that a checkpoint saw: it or an earlier one was rewritten"
            )

    def _personal_faults(self, row: Row, concealed: JsonValue) -> Iterable[Damage]:
        written = concealed if isinstance(concealed, dict) else {}
        for name, personal in row.personal.items():
            if written.get(name) != conceal(personal):
                yield _damage(Harm.PERSONAL, row.seq, f"has another personal value than was written: {name}")
        self._erased += sum(name not in row.personal for name in written)

    def _out_of_order(self, row: Row) -> None:
        if any(first <= row.seq <= last for first, last in self._gaps) and row.seq not in self._late:
            self._late.add(row.seq)
            self._damages.append(_damage(Harm.REORDERED, row.seq, f"stands after row {self._last.seq}"))
        else:
            self._damages.append(_damage(Harm.INSERTED, row.seq, "stands in the trail more than once"))

    def _check_link(self, row: Row, *, is_sound: bool) -> None:
        is_linked = row.prev == self._last.hash
        self._settle(is_linked=is_linked and is_sound)
        if is_linked or not (is_sound and self._last_is_sound):
            return
        if self._last.seq == 0:
            self._damages.append(_damage(Harm.EDITED, row.seq, "was rewritten: it does not begin the chain"))
        else:
            self._suspect = self._last.seq

    def _settle(self, *, is_linked: bool) -> None:
        """Decide who broke the link found before: if the later row fits its own successor, the earlier row did."""
        if not self._suspect:
            return
        seq, self._suspect = self._suspect, 0
        if is_linked:
            text = f"was rewritten and hashed anew: row {seq + 1} still holds the hash that it had"
            self._damages.append(_damage(Harm.EDITED, seq, text))
        else:
            text = f"Row {seq} or row {seq + 1} was rewritten and hashed anew, or put in: they no longer fit together."
            self._damages.append(Damage(Harm.EDITED, seq, seq + 1, text))

    def verdict(self, missing_guards: tuple[str, ...]) -> Verdict:
        """The sum of it, after the last row."""
        self._settle(is_linked=False)
        removed = [_removed(first, last) for gap in self._gaps for first, last in _without(gap, self._late)]
        newest = max(self._heads, default=0)
        if newest > self._last.seq:
            first, text = self._last.seq + 1, "were cut off the end: a checkpoint saw them"
            removed.append(Damage(Harm.TRUNCATED, first, newest, f"Rows {first} to {newest} {text}."))
        damages = tuple(sorted([*self._damages, *removed], key=lambda damage: (damage.first, damage.last)))
        return Verdict(self._rows, Head(self._last.seq, self._last.hash), damages, self._erased, missing_guards)


def _damage(harm: Harm, seq: int, text: str) -> Damage:
    return Damage(harm, seq, seq, f"Row {seq} {text}.")


def _removed(first: int, last: int) -> Damage:
    what = f"Row {first} was" if first == last else f"Rows {first} to {last} were"
    return Damage(Harm.REMOVED, first, last, f"{what} removed.")


def _without(gap: tuple[int, int], late: set[int]) -> Iterable[tuple[int, int]]:
    """The gap, less the rows that turned up later."""
    first, last = gap
    for seq in sorted(seq for seq in late if first <= seq <= last):
        if first < seq:
            yield first, seq - 1
        first = seq + 1
    if first <= last:
        yield first, last
