"""What an agent's tool calls do in its sandbox: all of it through the sandbox's channel, and bounded."""

from collections.abc import Callable, Sequence

from deputy.agent.edits import apply_edit, number_lines
from deputy.agent.tools import Edit, Problem, Read, Run, Search, ToolCall
from deputy.agent.turns import ToolResult
from deputy.domain.errors import BadInput, NotFound
from deputy.domain.tasks.dialogue import CommandResult
from deputy.evidence import presentable
from deputy.ports import Sandbox

MAX_OUTPUT = 12_000  # characters
MAX_FILE = 1024**2  # bytes
_NOT_THERE = 127  # the exit status of a program that the image does not have; ripgrep has no such one

Runner = Callable[[Sequence[str]], CommandResult]


def use_tool(box: Sandbox, call: ToolCall, run: Runner) -> ToolResult:
    """Do a checked tool call. ``run`` runs a command in the box, within the run's bounds and on record."""
    match call:
        case Run():
            return _ended(run(call.argv))
        case Search():
            return _search(call, run)
        case Read():
            return _read(box, call)
        case Edit():
            return _edit(box, call)
        case _:
            return ToolResult("Noted.")


def how(done: CommandResult) -> str:
    """How a command ended, in a few words."""
    if done.timed_out:
        return f"no result within {done.seconds:.0f} s (stopped)"
    return str(done.exit_code)


def _ended(done: CommandResult, note: str = "") -> ToolResult:
    cut = f"\n({done.truncated} bytes left out of the middle)" if done.truncated else ""
    text = f"exit status {how(done)}\n{note}{presentable(done.output, MAX_OUTPUT)}{cut}"
    return ToolResult(text, ok=done.exit_code == 0)


def _search(call: Search, run: Runner) -> ToolResult:
    done = run(call.argv)
    if done.exit_code != _NOT_THERE:
        return _ended(done)
    note = "(This image has no ripgrep: grep -E searched instead. It knows [0-9], not \\d, and no look-around.)\n"
    return _ended(run(call.plain_argv), note)


def _content(box: Sandbox, path: str) -> tuple[bytes, bool]:
    """A file's first bytes, and whether there are more."""
    content = box.read(path, limit=MAX_FILE + 1)
    return content[:MAX_FILE], len(content) > MAX_FILE


def _read(box: Sandbox, call: Read) -> ToolResult:
    try:
        content, has_more = _content(box, call.path)
    except (NotFound, BadInput) as error:
        return ToolResult(str(error), ok=False)
    numbered = number_lines(content.decode("utf-8", "replace"), call.start, call.end)
    if isinstance(numbered, Problem):
        return ToolResult(numbered.text, ok=False)
    note = f"\n(The file is larger than {MAX_FILE:,} bytes; what follows them can be read by a command.)"
    return ToolResult(presentable(numbered, MAX_OUTPUT) + (note if has_more else ""))


def _edit(box: Sandbox, call: Edit) -> ToolResult:
    """Replace text in a file, or make a new file when ``old`` is empty. The file keeps its mode."""
    changed = _edited(box, call)
    if isinstance(changed, Problem):
        return ToolResult(changed.text, ok=False)
    try:
        box.write(call.path, changed.encode())
    except (BadInput, NotFound) as error:
        return ToolResult(str(error), ok=False)
    return ToolResult(f"Wrote {call.path}.", is_edit=True)


def _edited(box: Sandbox, call: Edit) -> str | Problem:
    try:
        content, has_more = _content(box, call.path)
        text = content.decode("utf-8")
    except NotFound:
        return Problem(f"There is no file {call.path}.") if call.old else call.new
    except (UnicodeDecodeError, BadInput):
        return Problem(f"{call.path} can't be edited as text.")
    if has_more:
        return Problem(f"{call.path} is larger than {MAX_FILE:,} bytes: edit it with a command.")
    return apply_edit(text, call.old, call.new, call.count)
