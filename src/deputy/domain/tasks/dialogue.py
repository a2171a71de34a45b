"""What goes between an agent and a model, whatever the vendor; and what a command in a sandbox did."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from deputy.domain.tasks.usage import Usage


@dataclass(frozen=True)
class CommandResult:
    """What a command did. ``exit_code`` is negative for a signal; ``output`` is stdout and stderr as they came, capped.

    ``truncated`` counts the bytes cut from the middle; ``seconds`` is wall-clock time.
    """

    argv: tuple[str, ...]
    exit_code: int
    output: bytes
    truncated: int
    seconds: float
    timed_out: bool = False


@dataclass(frozen=True)
class Tool:
    """A function tool: ``parameters`` is a JSON schema object."""

    name: str
    description: str
    parameters: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Call:
    """A tool call of the model. ``arguments`` is the raw JSON text, possibly malformed."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """One entry of a transcript: ``role`` is ``system``, ``user``, ``assistant`` or ``tool``.

    An assistant entry may carry calls; a tool entry answers ``call_id``. ``memo`` is a reply's memo, handed back.
    """

    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str = ""
    memo: str = ""


@dataclass(frozen=True)
class Reply:
    """The model's next move, and what it cost.

    ``memo`` is the vendor's own state (opaque JSON text, for example encrypted reasoning) that belongs to this entry.
    """

    text: str
    calls: tuple[Call, ...]
    usage: Usage
    memo: str = ""
