"""The tools a model may call: their schemas, and a call's raw JSON → a checked value or a sentence for the model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter, ValidationError

from deputy.domain.tasks.dialogue import Call, Tool

MAX_ARGUMENT_CHARACTERS = 200_000


@dataclass(frozen=True)
class Problem:
    """Why a call can't be done: a sentence given back to the model."""

    text: str


@dataclass(frozen=True)
class Run:
    """Run a shell command in the workspace's root, inside the sandbox."""

    command: str

    @property
    def argv(self) -> tuple[str, ...]:
        """The argument vector that runs it."""
        return ("bash", "-c", self.command)


@dataclass(frozen=True)
class Read:
    """Read lines ``start`` to ``end`` (from 1, inclusive; 0 is the file's end) of a workspace file."""

    path: str
    start: int = 1
    end: int = 0


@dataclass(frozen=True)
class Search:
    """Search for a regular expression in the workspace, or under ``path``."""

    pattern: str
    path: str = "."

    @property
    def argv(self) -> tuple[str, ...]:
        """The argument vector that searches: "--" keeps the model's text from being read as options."""
        return (
            "rg",
            "--line-number",
            "--no-heading",
            "--sort=path",
            "--max-columns=300",
            "--max-count=50",
            "--",
            self.pattern,
            self.path,
        )

    @property
    def plain_argv(self) -> tuple[str, ...]:
        """The same for an image without ripgrep, in words that every grep knows, that of busybox too."""
        return ("grep", "-rnE", "-m", "50", "-e", self.pattern, "--", self.path)


@dataclass(frozen=True)
class Edit:
    """Replace ``old`` by ``new`` in a file, ``count`` times exactly. An empty ``old`` makes a new file of ``new``."""

    path: str
    old: str
    new: str
    count: int = 1


@dataclass(frozen=True)
class Done:
    """The work is finished, or given up (``solved`` false); ``summary`` tells people what and why."""

    summary: str
    solved: bool = True


ToolCall = Run | Read | Search | Edit | Done


def _schema(required: tuple[str, ...], **properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = {name: dict(schema) for name, schema in properties.items()}
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _text(description: str) -> dict[str, JsonValue]:
    return {"type": "string", "description": description}


def _number(description: str) -> dict[str, JsonValue]:
    return {"type": "integer", "description": description}


TOOLS: tuple[Tool, ...] = (
    Tool(
        "run",
        "Run a shell command in the repository's root, in a sealed sandbox. Returns exit status and output.",
        _schema(("command",), command=_text("The command, for example: python -m pytest -q tests/test_cart.py")),
    ),
    Tool(
        "read",
        "Read a text file of the repository, with line numbers.",
        _schema(
            ("path",),
            path=_text("Path from the repository's root"),
            start=_number("First line, from 1"),
            end=_number("Last line, inclusive; 0 for the end of the file"),
        ),
    ),
    Tool(
        "search",
        "Search the repository's files for a regular expression (ripgrep).",
        _schema(("pattern",), pattern=_text("The regular expression"), path=_text("A folder or file to search in")),
    ),
    Tool(
        "edit",
        "Replace text in a file. `old` must stand in it exactly `count` times. An empty `old` makes a new file.",
        _schema(
            ("path", "old", "new"),
            path=_text("Path from the repository's root"),
            old=_text("The exact text to replace, with enough lines around it to be unique; empty for a new file"),
            new=_text("The text to put there"),
            count=_number("How often `old` stands in the file; 1 if left out"),
        ),
    ),
    Tool(
        "done",
        "Finish. Call it when the change is complete and its tests pass, or when the task can't be done.",
        _schema(
            ("summary",),
            summary=_text("What was changed and why, in a few sentences; or why it can't be done"),
            solved={"type": "boolean", "description": "false when the task could not be done; true if left out"},
        ),
    ),
)

_FORMS: Mapping[str, TypeAdapter[ToolCall]] = {
    "run": TypeAdapter(Run),
    "read": TypeAdapter(Read),
    "search": TypeAdapter(Search),
    "edit": TypeAdapter(Edit),
    "done": TypeAdapter(Done),
}


def parse_call(call: Call) -> ToolCall | Problem:
    """The call as a checked value; a ``Problem`` when there is no such tool or its arguments don't fit the schema."""
    form = _FORMS.get(call.name)
    if form is None:
        return Problem(f'There is no tool "{call.name[:80]}". The tools are: {", ".join(_FORMS)}.')
    arguments = _arguments(call)
    if isinstance(arguments, Problem):
        return arguments
    try:
        return form.validate_python(arguments)
    except ValidationError as error:
        flaw = error.errors()[0]
        name = ".".join(map(str, flaw["loc"]))
        return Problem(f'The argument "{name}" of {call.name} can\'t be used: {flaw["msg"].lower()}.')


def _arguments(call: Call) -> dict[str, JsonValue] | Problem:
    if len(call.arguments) > MAX_ARGUMENT_CHARACTERS:
        return Problem(
            f"The arguments have {len(call.arguments):,} characters; at most {MAX_ARGUMENT_CHARACTERS:,} work."
        )
    try:
        # Strict is off: models often put raw newlines and tabs into strings, which is harmless.
        value = json.loads(call.arguments or "{}", strict=False)
    except (ValueError, RecursionError) as error:
        return Problem(f"The arguments of {call.name} are not JSON ({str(error)[:120]}). Send one JSON object.")
    if not isinstance(value, dict):
        return Problem(f"The arguments of {call.name} must be one JSON object.")
    if any(isinstance(entry, str) and not _is_text(entry) for entry in value.values()):
        return Problem(f"The arguments of {call.name} have a character that no file or command can have.")
    # A null for an optional argument means that it was left out.
    return {name: entry for name, entry in value.items() if entry is not None}


def _is_text(value: str) -> bool:
    """Whether the string can be encoded, stored and put into an argument vector (JSON allows lone surrogates)."""
    return "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
