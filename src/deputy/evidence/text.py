"""Untrusted output as text that is safe to show, store and quote."""

from deputy.domain.text.secrets import redact
from deputy.domain.text.visible import visible


def presentable(data: bytes | str, limit: int) -> str:
    """Untrusted output, fit to be kept and shown: secrets masked first (a cut could split one), then ``safe_text``."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return safe_text(redact(text), limit)


def safe_text(data: bytes | str, limit: int) -> str:
    """UTF-8 text in which nothing hides: control, ANSI, bidi and format characters become visible escapes.

    At most ``limit`` characters; a longer text keeps its head and tail around a note that counts what is missing.
    Bytes that are not UTF-8 become U+FFFD; CRLF becomes a newline. Doing it twice changes nothing.
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return _shorten(visible(text.replace("\r\n", "\n")), limit)


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    room = limit - len(_note(len(text)))
    if room <= 0:  # no space for a note and something around it
        return text[: max(limit, 0)]
    head, tail = room // 3, room - room // 3  # the end of a log says more than its start
    return text[:head] + _note(len(text) - room) + text[-tail:]


def _note(missing: int) -> str:
    return f"\n… {missing} characters left out …\n"
