"""What a tool's doing is told to the model as: commands, files read, files edited. The shell only moves the bytes."""

from deputy.agent.edits import apply_edit, clip, number_lines
from deputy.agent.tools import Edit, Problem, Read, Search
from deputy.agent.turns import ToolResult
from deputy.domain.dialogue import CommandResult

NO_MATCH = 1  # ripgrep's exit status when nothing was found


def failed(text: str) -> ToolResult:
    """A call that could not be done, and why."""
    return ToolResult(text, ok=False)


def command_result(result: CommandResult) -> ToolResult:
    """Exit status, time and output of a command."""
    output = result.output.decode("utf-8", "replace").strip()
    if result.timed_out:
        head = f"Killed after {result.seconds:.0f} s: it took too long."
    else:
        head = f"Exit status {result.exit_code} after {result.seconds:.1f} s."
    cut = f" {result.truncated:,} bytes were cut from the middle." if result.truncated else ""
    is_fine = result.exit_code == 0 and not result.timed_out
    return ToolResult(clip(f"{head}{cut}\n{output or '(no output)'}"), ok=is_fine)


def search_result(result: CommandResult, call: Search) -> ToolResult:
    """What ripgrep found; nothing found is an answer, not a failure."""
    if result.exit_code == NO_MATCH and not result.output.strip():
        return ToolResult(f"Nothing matches {call.pattern} in {call.path}.")
    if result.exit_code not in (0, NO_MATCH):
        return command_result(result)
    return ToolResult(clip(result.output.decode("utf-8", "replace").strip()))


def read_result(content: bytes, call: Read) -> ToolResult:
    """The file's lines, numbered."""
    text = _text(content)
    shown = number_lines(text, call.start, call.end) if isinstance(text, str) else text
    return failed(shown.text) if isinstance(shown, Problem) else ToolResult(clip(shown))


def edited(before: bytes | None, call: Edit) -> bytes | Problem:
    """The file's content after the edit; ``before`` is None where there is no such file."""
    if before is None:
        return call.new.encode() if not call.old else Problem(f"There is no file {call.path}. An empty `old` makes it.")
    text = _text(before)
    after = apply_edit(text, call.old, call.new, call.count) if isinstance(text, str) else text
    return after if isinstance(after, Problem) else after.encode()


def _text(content: bytes) -> str | Problem:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return Problem("The file is not UTF-8 text.")
