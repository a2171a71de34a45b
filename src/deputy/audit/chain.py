"""The canonical form of an event, and the hash chain that holds the trail together.

``hash = SHA256(0x01 ‖ prev ‖ SHA256(0x00 ‖ body))`` over the stored RFC 8785 bytes. The prefixes are RFC 6962's, so the
inner hash is also the row's leaf in the Merkle tree. The body holds its own number: a moved or re-used row is found.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import rfc8785
from pydantic import JsonValue, ValidationError

from deputy.domain.errors import AuditBroken, BadInput
from deputy.domain.events import Event

GENESIS = bytes(32).hex()
SALT_BYTES = 16
_FORMAT = 1
_HASH = re.compile(r"[0-9a-f]{64}")
COLUMNS = ("name", "at", "actor", "task")


@dataclass(frozen=True)
class Personal:
    """A personal value in clear, beside the body, and the random salt of its HMAC. Both may be erased together."""

    salt: bytes
    value: str


@dataclass(frozen=True)
class Row:
    """A row of the trail as stored. ``seq`` counts from 1, ``body`` is RFC 8785 text, ``prev`` and ``hash`` are hex.

    ``columns`` are the copies of body fields that queries filter by (empty: not known). ``personal`` holds what has
    not been erased.
    """

    seq: int
    body: str
    prev: str
    hash: str
    columns: Mapping[str, str] = field(default_factory=dict)
    personal: Mapping[str, Personal] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """The last row of a trail at some moment; kept outside, it shows later whether rows were cut off or rewritten."""

    seq: int
    hash: str


def instant(at: datetime) -> str:
    """A time as fixed-width UTC text with microseconds, so that text order is time order; ``BadInput`` when naive."""
    if at.tzinfo is None:
        raise BadInput("a time without a time zone can't be recorded", at.isoformat(), "use UTC")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def leaf_hash(body: bytes) -> bytes:
    """RFC 6962's hash of a leaf."""
    return hashlib.sha256(b"\x00" + body).digest()


def chain_hash(prev: str, body: str) -> str:
    """The hash of a row; an empty string when ``prev`` is not a hash (lower-case hex): no row's hash equals that."""
    if not _HASH.fullmatch(prev):
        return ""
    leaf = leaf_hash(body.encode("utf-8", "surrogatepass"))
    return hashlib.sha256(b"\x01" + bytes.fromhex(prev) + leaf).hexdigest()


def conceal(personal: Personal) -> str:
    """``HMAC-SHA256(salt, value)`` in hex: what the body holds of a personal value."""
    return hmac.new(personal.salt, personal.value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def canonical(value: JsonValue) -> str:
    """RFC 8785 text; ``BadInput`` for what JSON can't carry exactly (NaN, integers beyond 2^53, lone surrogates)."""
    try:
        return rfc8785.dumps(value).decode()
    except ValueError as error:
        raise BadInput("this can't be written to the audit trail", str(error), "record it as text") from error


def seal(event: Event, seq: int, prev: str, salts: Mapping[str, bytes]) -> Row:
    """Chain an event as row ``seq`` after the row whose hash is ``prev``.

    ``salts`` holds ``SALT_BYTES`` random bytes per personal field. Raises ``BadInput`` for what JSON can't hold.
    """
    personal = {name: Personal(salts[name], value) for name, value in event.personal.items()}
    columns = {"name": event.name, "at": instant(event.at), "actor": event.actor, "task": event.task}
    body = canonical(
        {
            **{name: str(value) for name, value in columns.items()},
            "v": _FORMAT,
            "seq": seq,
            "data": event.data,
            "personal": {name: conceal(value) for name, value in personal.items()},
        }
    )
    return Row(seq, body, prev, chain_hash(prev, body), columns, personal)


def parse_body(body: str) -> dict[str, JsonValue]:
    """The body as JSON; ``ValueError`` when it isn't a canonical object."""
    # RFC 8785 writes integral floats without a fraction: only floats come back to the same text at any size.
    parsed = json.loads(body, parse_int=float)
    if not isinstance(parsed, dict) or rfc8785.dumps(parsed).decode() != body:
        raise ValueError("not an RFC 8785 object")
    return parsed


def event_of(row: Row) -> Event:
    """The event that a row holds, with the personal values that are still there. ``AuditBroken`` when unreadable."""
    try:
        body = json.loads(row.body)
        personal = {name: kept.value for name, kept in row.personal.items()}
        return Event.model_validate({name: body[name] for name in (*COLUMNS, "data")} | {"personal": personal})
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise AuditBroken(
            f"row {row.seq} of the audit trail can't be read",
            "it is not what Deputy wrote",
            "run `deputy audit verify` to see what else was changed",
        ) from error
