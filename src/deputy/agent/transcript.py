"""Keeps a transcript within bounds by emptying the oldest tool results."""

from collections.abc import Sequence
from dataclasses import replace

from deputy.domain.tasks.dialogue import Message

MAX_TRANSCRIPT_CHARACTERS = 160_000
KEPT_RESULTS = 6


def trim(transcript: Sequence[Message], limit: int = MAX_TRANSCRIPT_CHARACTERS) -> tuple[Message, ...]:
    """The transcript with its oldest tool results emptied until it has at most ``limit`` characters.

    The newest ``KEPT_RESULTS`` results stay whole, and every call keeps an answer, which the vendors' APIs demand.
    """
    excess = sum(map(size, transcript)) - limit
    old = [index for index, message in enumerate(transcript) if message.role == "tool"][:-KEPT_RESULTS]
    trimmed = list(transcript)
    for index in old:
        if excess <= 0:
            break
        message = trimmed[index]
        emptied = replace(
            message, text=f"[{len(message.text):,} characters of older output removed; call again to see it]"
        )
        if size(emptied) < size(message):
            excess -= size(message) - size(emptied)
            trimmed[index] = emptied
    return tuple(trimmed)


def size(message: Message) -> int:
    """Characters of a message, calls included."""
    return len(message.text) + sum(len(call.name) + len(call.arguments) for call in message.calls)
