"""What an interaction hands out: a trigger id (3 seconds, once) and a response URL (5 uses, 30 minutes)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from deputy_playground.wire import SlackError, new_id

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 1_800.0
RESPONSE_USES = 5


@dataclass
class Trigger:
    """``user`` may be shown a view until ``until``, once."""

    user: str
    until: float
    spent: bool = False


@dataclass
class ReplyTo:
    """Where a response URL posts. ``message`` is the one that was clicked, empty for a slash command."""

    user: str
    channel: str
    thread: str
    message: str
    until: float
    uses: int = 0


class Hooks:
    """The triggers and response URLs that are out. They do not survive a restart, as they would not matter."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._triggers: dict[str, Trigger] = {}
        self._replies: dict[str, ReplyTo] = {}

    def trigger(self, user: str) -> str:
        """A new trigger id for something that this person did."""
        name = f"{int(self._clock() * 1000)}.{new_id('', 8)}"
        with self._lock:
            self._triggers[name] = Trigger(user, self._clock() + TRIGGER_SECONDS)
        return name

    def pull(self, name: str) -> str:
        """Use a trigger up; returns whose it is."""
        with self._lock:
            trigger = self._triggers.get(name)
            if trigger is None:
                raise SlackError("invalid_trigger_id")
            if trigger.spent:
                raise SlackError("exchanged_trigger_id")
            if self._clock() > trigger.until:
                raise SlackError("expired_trigger_id")
            trigger.spent = True
            return trigger.user

    def reply(self, user: str, channel: str, thread: str = "", message: str = "") -> str:
        """The last part of a new response URL."""
        name = new_id("", 24)
        with self._lock:
            self._replies[name] = ReplyTo(user, channel, thread, message, self._clock() + RESPONSE_SECONDS)
        return name

    def use(self, name: str) -> ReplyTo:
        """Where to post; ``expired_url`` after 30 minutes, ``used_url`` at the sixth use."""
        with self._lock:
            reply = self._replies.get(name)
            if reply is None or self._clock() > reply.until:
                raise SlackError("expired_url")
            if reply.uses >= RESPONSE_USES:
                raise SlackError("used_url")
            reply.uses += 1
            return reply
