"""A turn of the agent: the model's reply and what its calls returned; its JSON form; what turns tell about progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter

from deputy.agent.tools import Done, Problem, Run, ToolCall, parse_call
from deputy.domain.tasks.dialogue import Call, Message, Reply
from deputy.domain.tasks.usage import Usage

MAX_REPEATS = 3
MAX_IDLE_TURNS = 15
MAX_SILENT_TURNS = 3
NUDGE = "Go on by calling a tool. When the work is complete, or can't be done, call `done`."


@dataclass(frozen=True)
class ToolResult:
    """What a tool returned to the model. ``is_edit`` says that a workspace file was written by it."""

    text: str
    ok: bool = True
    is_edit: bool = False


@dataclass(frozen=True)
class AgentTurn:
    """Turn ``number`` (from 1). ``results`` answer ``reply.calls`` in order."""

    number: int
    reply: Reply
    results: tuple[ToolResult, ...]

    def messages(self) -> tuple[Message, ...]:
        """The transcript's entries for this turn."""
        said = Message("assistant", self.reply.text, self.reply.calls, memo=self.reply.memo)
        if not self.reply.calls:
            return (said, Message("user", NUDGE))
        answers = zip(self.reply.calls, self.results, strict=True)
        return (said, *(Message("tool", result.text, call_id=call.id) for call, result in answers))


_REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)
_RESULTS: TypeAdapter[tuple[ToolResult, ...]] = TypeAdapter(tuple[ToolResult, ...])


def turn_to_json(turn: AgentTurn) -> tuple[JsonValue, JsonValue]:
    """The reply and the results as JSON values, for ``domain.values.Turn``."""
    reply: JsonValue = _REPLY.dump_python(turn.reply, mode="json")
    results: JsonValue = _RESULTS.dump_python(turn.results, mode="json")
    return reply, results


def turn_from_json(number: int, reply: JsonValue, results: JsonValue) -> AgentTurn:
    """The inverse of ``turn_to_json``; raises ``pydantic.ValidationError`` on anything else."""
    return AgentTurn(number, _REPLY.validate_python(reply), _RESULTS.validate_python(results))


def usage_of(turns: Sequence[AgentTurn]) -> Usage:
    """The sum of what the turns consumed."""
    total = Usage()
    for turn in turns:
        total = total.plus(turn.reply.usage)
    return total


def finish_of(turn: AgentTurn) -> Done | None:
    """The turn's well-formed ``done``, if it has one."""
    return next((made for made in map(parse_call, turn.reply.calls) if isinstance(made, Done)), None)


def stuck(turns: Sequence[AgentTurn]) -> str | None:
    """Why the agent no longer gets anywhere, as a sentence, or None while it does."""
    since = _since_last_edit(turns)
    if len(since) >= MAX_IDLE_TURNS:
        return f"The agent made no edit in {len(since)} turns in a row."
    silent = turns[-MAX_SILENT_TURNS:]
    if len(silent) == MAX_SILENT_TURNS and not any(turn.reply.calls for turn in silent):
        return f"The agent called no tool in {MAX_SILENT_TURNS} turns in a row."
    # A test run again after an edit is progress; the same call with the same answer and no edit between is not.
    seen: dict[tuple[str, str, str], int] = {}
    for turn in since:
        for call, result in zip(turn.reply.calls, turn.results, strict=True):
            key = (call.name, call.arguments, result.text)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] >= MAX_REPEATS:
                return f"The agent made the same call {MAX_REPEATS} times with the same result: {describe(call)}."
    return None


def _since_last_edit(turns: Sequence[AgentTurn]) -> Sequence[AgentTurn]:
    edits = [index for index, turn in enumerate(turns) if any(result.is_edit for result in turn.results)]
    return turns[edits[-1] + 1 :] if edits else turns


def describe(call: Call) -> str:
    """A call in a few words, for a card's progress line: "run python -m pytest -q"."""
    made = parse_call(call)
    if isinstance(made, Problem):
        return f"{call.name[:40]} (malformed)"
    return f"{call.name} {_object(made)}".strip()[:120]


def _object(made: ToolCall) -> str:
    if isinstance(made, Run):
        return made.command.partition("\n")[0]
    fields: Mapping[str, object] = vars(made)
    return str(fields.get("path") if "old" in fields else fields.get("pattern") or fields.get("path") or "")
