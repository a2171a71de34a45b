"""The little language of audit queries: ``task:D-… actor:user:T1/U1 name:vote:* since:2026-01-01 limit:50``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from deputy.domain.errors import BadInput

DEFAULT_LIMIT = 50
MAX_EVENTS = 1000
EXAMPLE = "task:D-7K2M9QXA actor:user:T1/U1 name:vote:* since:2026-01-31 limit:50"
_TASK = re.compile(r"D-[0-9A-Z]{4,32}")
_ACTOR = re.compile(r"(?:user:)?([A-Z0-9]+/[A-Z0-9]+)|deputy|operator:cli", re.ASCII)
_NAME = re.compile(r"[a-z:-]+\*?|\*")


@dataclass(frozen=True)
class Query:
    """What to look for; an empty field matches everything. ``name`` may end in ``*``. ``since`` has a time zone."""

    task: str = ""
    actor: str = ""
    name: str = ""
    since: datetime | None = None
    limit: int = DEFAULT_LIMIT


def parse_query(text: str) -> Query:
    """Parse a query; ``BadInput`` names the word that can't be understood, and shows an example.

    A bare task id stands for ``task:…``. Times without a zone are UTC.
    """
    found: dict[str, str] = {}
    for word in text.split():
        key, colon, value = word.partition(":")
        if not colon and _TASK.fullmatch(word.upper()):
            key, value = "task", word
        if key not in _FIELDS or not value:
            raise _bad(word, f"use {', '.join(_FIELDS)}, each followed by a colon and a value")
        if key in found:
            raise _bad(word, f"{key} is given twice")
        found[key] = value
    return Query(
        task=_task(found.get("task", "")),
        actor=_actor(found.get("actor", "")),
        name=_name(found.get("name", "")),
        since=_since(found.get("since", "")),
        limit=_limit(found.get("limit", str(DEFAULT_LIMIT))),
    )


_FIELDS = ("task", "actor", "name", "since", "limit")


def _task(value: str) -> str:
    if value and not _TASK.fullmatch(value.upper()):
        raise _bad(f"task:{value}", "a task looks like D-7K2M9QXA")
    return value.upper()


def _actor(value: str) -> str:
    if not value:
        return ""
    known = _ACTOR.fullmatch(value)
    if not known:
        raise _bad(f"actor:{value}", "an actor looks like user:T1/U1 (workspace and user ids), deputy, or operator:cli")
    return f"user:{known[1]}" if known[1] else value


def _name(value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise _bad(f"name:{value}", "a name looks like vote:cast or vote:*")
    return value


def _since(value: str) -> datetime | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad(f"since:{value}", "a time looks like 2026-01-31 or 2026-01-31T09:30") from None


def _limit(value: str) -> int:
    if not (
        value.isascii() and value.isdigit() and len(value) <= len(str(MAX_EVENTS)) and 1 <= int(value) <= MAX_EVENTS
    ):
        raise _bad(f"limit:{value}", f"it is a number from 1 to {MAX_EVENTS}")
    return int(value)


def _bad(word: str, why: str) -> BadInput:
    return BadInput(f"`{word[:80]}` can't be understood in an audit query", why, f"write for example `{EXAMPLE}`")
