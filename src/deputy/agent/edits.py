"""What the tools do to text: exact edits, numbered lines, bounded output."""

from deputy.agent.tools import Problem

MAX_RESULT_CHARACTERS = 12_000
BYTE_ORDER_MARK = "\ufeff"


def apply_edit(text: str, old: str, new: str, count: int = 1) -> str | Problem:
    """The text with ``old`` replaced by ``new``, or why not: ``old`` must occur exactly ``count`` times.

    A model sees lines, and writes newlines between them: a file whose lines all end in CRLF goes on so, and one that
    begins with a byte order mark keeps it.
    """
    if text.startswith(BYTE_ORDER_MARK):
        body, old, new = (part.removeprefix(BYTE_ORDER_MARK) for part in (text, old, new))
        edited = apply_edit(body, old, new, count)
        return edited if isinstance(edited, Problem) else BYTE_ORDER_MARK + edited
    if _is_crlf(text):
        old, new = _as_crlf(old), _as_crlf(new)
    if not old:
        return Problem("`old` is empty, and the file is there already: give the text to replace.")
    if old == new:
        return Problem("`old` and `new` are the same: nothing would change.")
    occurs = text.count(old)
    if occurs == 0:
        return Problem(f"`old` does not occur in the file.{_near_miss(text, old)}")
    if occurs != count:
        return Problem(
            f"`old` occurs {occurs} times, not {count}. Make it unique with more lines around it, or correct `count`."
        )
    return text.replace(old, new)


def _is_crlf(text: str) -> bool:
    return 0 < text.count("\n") == text.count("\r\n")


def _as_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _near_miss(text: str, old: str) -> str:
    """A hint when only white space differs, the commonest reason."""
    if "".join(old.split()) in "".join(text.split()):
        return " It does with other white space: copy it exactly, indentation included."
    return " Read the file again and copy the text exactly."


def number_lines(text: str, start: int = 1, end: int = 0) -> str | Problem:
    """Lines ``start`` to ``end`` (inclusive; 0 is the last), each with its number, as compilers and searches count."""
    lines = [line.removesuffix("\r") for line in text.removeprefix(BYTE_ORDER_MARK).split("\n")]
    if not lines[-1]:
        lines.pop()
    last = min(end or len(lines), len(lines))
    if not lines:
        return "(the file is empty)"
    if not 1 <= max(start, 1) <= last:
        return Problem(f"The file has {len(lines)} lines; there is nothing from line {start} to {end or 'the end'}.")
    first = max(start, 1)
    return "\n".join(f"{number:>5}  {line}" for number, line in enumerate(lines[first - 1 : last], first))


def clip(text: str, limit: int = MAX_RESULT_CHARACTERS) -> str:
    """The text, or its head and tail with a note of how much was cut between them."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-(limit - limit // 2) :]
    return f"{head}\n… {len(text) - limit:,} characters cut …\n{tail}"
