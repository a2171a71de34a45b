"""The agent's loop: ask the model, do what it calls for, record the turn, until it is done or over.

Shaped after the loop of SWE-agent/mini-swe-agent: it fits on a screen, and the world comes in as functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from deputy.agent.budget import priced
from deputy.agent.edits import clip
from deputy.agent.tools import TOOLS, Done, Problem, ToolCall, parse_call
from deputy.agent.transcript import trim
from deputy.agent.turns import AgentTurn, ToolResult, finish_of, stuck, usage_of
from deputy.domain.policy.config import Price
from deputy.domain.tasks.dialogue import Call, Message, Reply, Tool
from deputy.domain.tasks.usage import Usage

GAVE_UP = "The agent gave up."


class Ask(Protocol):
    """Asks the model for its next move."""

    def __call__(self, transcript: Sequence[Message], tools: Sequence[Tool], /) -> Reply:
        """The model's answer; raises what the caller wants to see."""
        ...


class Toolbox(Protocol):
    """Does a checked tool call (never ``Done``) in the sandbox."""

    def __call__(self, call: ToolCall, /) -> ToolResult:
        """What the tool returned; a failing command is a result, a failing sandbox raises."""
        ...


@dataclass(frozen=True)
class Outcome:
    """How the work ended. ``done`` is the model's claim, never evidence; ``reason`` is why it stopped when not done."""

    done: bool
    summary: str
    usage: Usage
    reason: str = ""


def work(
    opening: Sequence[Message],
    *,
    model: Ask,
    toolbox: Toolbox,
    past: Sequence[AgentTurn] = (),
    record: Callable[[AgentTurn], None],
    is_over: Callable[[Usage], str | None],
    rates: Price,
) -> Outcome:
    """Work until the model calls ``done``, gets stuck, or ``is_over`` says why to stop.

    ``past`` turns were recorded before a crash: what they called for is done again in the fresh sandbox, but the model
    is not asked again, and the transcript keeps the recorded results.
    """
    turns = list(past)
    for turn in turns:
        _act(turn.reply.calls, toolbox)
    while True:
        ended = next_move(turns, is_over(usage_of(turns)))
        if ended:
            return ended
        transcript = trim([*opening, *(message for turn in turns for message in turn.messages())])
        reply = model(transcript, TOOLS)
        reply = replace(reply, usage=priced(reply.usage, rates))
        turn = AgentTurn(len(turns) + 1, reply, _act(reply.calls, toolbox))
        record(turn)
        turns.append(turn)


def next_move(turns: Sequence[AgentTurn], over: str | None) -> Outcome | None:
    """How the work has ended, or None: ask the model again. ``over`` is the limit that is used up, if any."""
    usage = usage_of(turns)
    finish = finish_of(turns[-1]) if turns else None
    if finish:
        return Outcome(finish.solved, finish.summary, usage, "" if finish.solved else GAVE_UP)
    reason = over or stuck(turns)
    return Outcome(False, _last_words(turns), usage, reason) if reason else None


def _act(calls: Sequence[Call], toolbox: Toolbox) -> tuple[ToolResult, ...]:
    return tuple(_answer(parse_call(call), toolbox) for call in calls)


def _answer(made: ToolCall | Problem, toolbox: Toolbox) -> ToolResult:
    if isinstance(made, Problem):
        return ToolResult(made.text, ok=False)
    if isinstance(made, Done):
        return ToolResult("Noted.")
    result = toolbox(made)
    return replace(result, text=clip(result.text))


def _last_words(turns: Sequence[AgentTurn]) -> str:
    return next((turn.reply.text for turn in reversed(turns) if turn.reply.text), "")
