"""A conversation as a script sees it, whichever of the two APIs it came by."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

_NUMBERED = re.compile(r"^\s*\d+  ?", re.MULTILINE)


@dataclass(frozen=True)
class ToolUse:
    """A tool and its arguments."""

    name: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Step:
    """A call that the model made, and what it returned."""

    use: ToolUse
    result: str


@dataclass(frozen=True)
class Conversation:
    """``rules`` is what the system said, ``task`` what the user said first, ``steps`` what has happened since."""

    rules: str
    task: str
    steps: tuple[Step, ...] = ()

    def last(self, tool: str, containing: str = "") -> str | None:
        """The newest result of a tool of which some argument contains a text."""
        return next((step.result for step in reversed(self.steps) if _is_use(step.use, tool, containing)), None)

    def count(self, tool: str, containing: str = "") -> int:
        """How often a tool was used so."""
        return sum(_is_use(step.use, tool, containing) for step in self.steps)

    def has_edited_since(self, tool: str) -> bool:
        """Whether an edit came after the newest use of the tool."""
        names = [step.use.name for step in self.steps]
        return tool not in names or "edit" in names[len(names) - names[::-1].index(tool) :]


@dataclass(frozen=True)
class Move:
    """What the scripted model says: words, calls, or both."""

    text: str = ""
    uses: tuple[ToolUse, ...] = field(default=())


@dataclass(frozen=True)
class Script:
    """``takes`` says whether the script plays this conversation, ``move`` what comes next in it."""

    name: str
    takes: Callable[[Conversation], bool]
    move: Callable[[Conversation], Move]


def use(text: str, tool: str, **arguments: JsonValue) -> Move:
    """A sentence and one call."""
    return Move(text, (ToolUse(tool, arguments),))


def done(summary: str, *, solved: bool = True) -> Move:
    """The last move."""
    return use("", "done", summary=summary, solved=solved)


def without_numbers(shown: str) -> str:
    """A file as the ``read`` tool shows it, without its line numbers."""
    return _NUMBERED.sub("", shown)


def _is_use(made: ToolUse, tool: str, containing: str) -> bool:
    return made.name == tool and (not containing or any(containing in str(value) for value in made.arguments.values()))
