"""Transcript and budget → the agent's next move; the tools' schemas; the prompts. Pure."""

from deputy.agent.budget import check_budget, price, priced
from deputy.agent.edits import apply_edit, clip, number_lines
from deputy.agent.loop import Outcome, next_move, work
from deputy.agent.notes import Note, Notes
from deputy.agent.prompts import RepoFacts, opening, system_prompt
from deputy.agent.tools import TOOLS, Done, Edit, Problem, Read, Run, Search, ToolCall, parse_call
from deputy.agent.transcript import trim
from deputy.agent.turns import AgentTurn, ToolResult, describe, stuck, turn_from_json, turn_to_json, usage_of

__all__ = [
    "TOOLS",
    "AgentTurn",
    "Done",
    "Edit",
    "Note",
    "Notes",
    "Outcome",
    "Problem",
    "Read",
    "RepoFacts",
    "Run",
    "Search",
    "ToolCall",
    "ToolResult",
    "apply_edit",
    "check_budget",
    "clip",
    "describe",
    "next_move",
    "number_lines",
    "opening",
    "parse_call",
    "price",
    "priced",
    "stuck",
    "system_prompt",
    "trim",
    "turn_from_json",
    "turn_to_json",
    "usage_of",
    "work",
]
