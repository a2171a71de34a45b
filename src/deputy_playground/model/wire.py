"""What OpenAI's two APIs have in common, as the real service has it: refusals, transcripts and their rules, counts."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from deputy_playground.model.scripts.conversation import Conversation, Move, Step, ToolUse

Json = dict[str, JsonValue]
CREATED = 1_700_000_000  # a fixed time: the same request gets the same answer, byte for byte
ROLES = frozenset({"system", "developer", "user", "assistant"})
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CHARACTERS_PER_TOKEN = 4


class Refusal(Exception):
    """What the real service would refuse, with its status and code."""

    def __init__(self, status: int, message: str, code: str | None = None, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.kind = status, message, code, kind

    def body(self) -> Json:
        """The error object."""
        return {"error": {"message": self.message, "type": self.kind, "param": None, "code": self.code}}


@dataclass(frozen=True)
class Asked:
    """A request that was accepted: what scripts see of it, and what its answer is made from."""

    body: Json
    conversation: Conversation
    tools: frozenset[str]

    @property
    def seed(self) -> str:
        """The same for the same request."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()

    @property
    def wants_stream(self) -> bool:
        """Whether to answer by server-sent events."""
        return self.body.get("stream") is True


@dataclass
class Reader:
    """Goes through a transcript and keeps the real service's rules about calls and their answers."""

    rules: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    calls: dict[str, ToolUse] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def say(self, role: str, content: JsonValue) -> None:
        """A system, developer, user or assistant text."""
        text = _text(content)
        if role in {"system", "developer"}:
            self.rules.append(text)
        elif role == "user":
            self.tasks.append(text)

    def call(self, call_id: JsonValue, name: JsonValue, arguments: JsonValue) -> None:
        """A call that the model made before."""
        if not isinstance(call_id, str) or not call_id:
            raise Refusal(400, "Missing required parameter: a tool call's id.", "missing_required_parameter")
        if call_id in self.calls:
            raise Refusal(400, f"Duplicate tool call id: {call_id}.", "duplicate_item")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refusal(400, "Invalid tool name: it must match '^[a-zA-Z0-9_-]+$'.", "invalid_value")
        if not isinstance(arguments, str):
            raise Refusal(400, "Invalid type for arguments: expected a string.", "invalid_type")
        self.calls[call_id] = ToolUse(name, _object(arguments))
        self.open.append(call_id)

    def result(self, call_id: JsonValue, content: JsonValue, refusal: str) -> None:
        """A tool's answer."""
        if not isinstance(call_id, str) or call_id not in self.open:
            raise Refusal(400, refusal)
        self.open.remove(call_id)
        self.steps.append(Step(self.calls[call_id], _text(content)))

    def conversation(self) -> Conversation:
        """What a script gets to see."""
        return Conversation("\n\n".join(self.rules), self.tasks[0] if self.tasks else "", tuple(self.steps))


@dataclass(frozen=True)
class Api:
    """One of the two: how its requests are read, answered, and answered as a stream."""

    read: Callable[[Json], Asked]
    answer: Callable[[Asked, Move], Json]
    events: Callable[[Json], Iterator[Json]]
    ends_with_done: bool


def sealed(item_id: str) -> str:
    """Stands for encrypted reasoning: not readable, and bound to its item."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"sealed {item_id}".encode()).digest()).decode()


def check_fields(body: Json, known: frozenset[str]) -> None:
    """Refuse parameters that the service does not know, and a request without a model."""
    unknown = sorted(set(body) - known)
    if unknown:
        raise Refusal(400, f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise Refusal(400, "you must provide a model parameter")


def objects(body: Json, name: str) -> list[Json]:
    """The objects of a list that must be there and must not be empty."""
    listed = body.get(name)
    found = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    if not found or not isinstance(listed, list) or len(found) != len(listed):
        raise Refusal(400, f"Invalid '{name}': expected a non-empty array of objects.", "invalid_type")
    return found


def tools(body: Json, *, nested: bool) -> frozenset[str]:
    """The names of the tools, whose descriptions must be of the right shape."""
    names = set()
    for tool in objects(body, "tools") if body.get("tools") is not None else []:
        function = tool.get("function") if nested else tool
        if tool.get("type") != "function" or not isinstance(function, dict):
            raise Refusal(400, "Invalid tool: expected type 'function'.", "invalid_value")
        name, parameters = function.get("name"), function.get("parameters")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refusal(400, "Invalid tool name: it must match '^[a-zA-Z0-9_-]+$'.", "invalid_value")
        if parameters is not None and (not isinstance(parameters, dict) or parameters.get("type") != "object"):
            message = f"Invalid schema for function '{name}': must be of type 'object'."
            raise Refusal(400, message, "invalid_function_parameters")
        names.add(name)
    return frozenset(names)


def named(asked: Asked, move: Move) -> list[tuple[str, ToolUse]]:
    """The move's calls with their ids, which no other request gets."""
    return [(f"call_{asked.seed[:20]}{index:02d}", use) for index, use in enumerate(move.uses)]


def arguments_of(use: ToolUse) -> str:
    """Arguments as JSON text; ``__raw__`` is text to send as it is, malformed too."""
    raw = use.arguments.get("__raw__")
    return raw if isinstance(raw, str) else json.dumps(dict(use.arguments))


def tokens(asked: Asked, move: Move) -> tuple[int, int]:
    """Plausible counts: what was asked, what was said."""
    said = len(move.text) + sum(len(use.name) + len(arguments_of(use)) for use in move.uses)
    return len(json.dumps(asked.body)) // _CHARACTERS_PER_TOKEN, max(1, said // _CHARACTERS_PER_TOKEN)


def pieces(text: str, size: int = 40) -> list[str]:
    """A text as a stream sends it."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def _object(arguments: str) -> Json:
    try:
        value = json.loads(arguments)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(content: JsonValue) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))
