"""What goes over the wire: JSON objects, Slack's errors, and ids that look like Slack's."""

import secrets
import string
from typing import Any

Json = dict[str, Any]
"""A JSON object as it came or as it will go. Its shape is Slack's, so it is checked where it is read."""

_ALPHABET = string.ascii_uppercase + string.digits


class SlackError(Exception):
    """Slack's answer ``{"ok": false, "error": code}``. ``messages`` go to ``response_metadata``, ``extra`` beside."""

    def __init__(self, code: str, *messages: str, **extra: str) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages
        self.extra = extra

    def body(self) -> Json:
        """The JSON that Slack would send."""
        answer: Json = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            answer["errors"] = list(self.messages)
            answer["response_metadata"] = {"messages": [f"[ERROR] {line}" for line in self.messages]}
        return answer


class PlaygroundError(Exception):
    """A driver call that cannot be: one sentence that says what and why."""


def new_id(prefix: str, length: int = 10) -> str:
    """An id such as ``F8Q2M0XK31``: the prefix and random capitals and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
