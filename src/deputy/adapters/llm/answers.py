"""What both APIs share when an answer is turned into a ``Reply``."""

import json
import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from deputy.domain.tasks.dialogue import Call, Message
from deputy.domain.tasks.usage import Usage

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_CHARACTERS_PER_TOKEN = 4
MAX_CALLS = 16


def text_of(content: JsonValue) -> str:
    """Content as text: a string, or a list of parts of which some are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


def arguments_of(value: JsonValue) -> str:
    """Arguments as raw JSON text; some servers send the object itself."""
    return value if isinstance(value, str) else json.dumps(value if value is not None else {})


def with_own_ids(calls: Sequence[Call], transcript: Sequence[Message]) -> tuple[Call, ...]:
    """The calls, with ids that are neither empty nor used before: the next request refers to them. At most 16."""
    used = {call.id for message in transcript for call in message.calls}
    kept = []
    for number, call in enumerate(calls[:MAX_CALLS]):
        name = call.id if call.id and call.id not in used else f"call_{len(transcript)}_{number}"
        used.add(name)
        kept.append(Call(name, call.name, call.arguments))
    return tuple(kept)


def tool_name(name: str) -> str:
    """A name that the APIs accept in a transcript, also for a tool that the model made up."""
    return _NOT_IN_NAMES.sub("_", name)[:64] or "unknown"


def usage_of(
    counts: JsonValue, names: tuple[str, str], transcript: Sequence[Message], answer: str, seconds: float
) -> Usage:
    """The answer's usage. Where the server does not count, 4 characters are taken for a token, so that budgets hold."""
    table: Mapping[str, JsonValue] = counts if isinstance(counts, dict) else {}
    given = sum(len(message.text) + sum(len(call.arguments) for call in message.calls) for message in transcript)
    return Usage(
        turns=1,
        input_tokens=_count(table.get(names[0]), given // _CHARACTERS_PER_TOKEN),
        output_tokens=_count(table.get(names[1]), len(answer) // _CHARACTERS_PER_TOKEN),
        seconds=seconds,
    )


def _count(value: JsonValue, estimate: int) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_count and isinstance(value, int) else estimate
