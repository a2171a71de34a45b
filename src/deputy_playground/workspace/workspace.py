"""The workspace: messages, threads and reactions, and Slack's rules about them. Knows nothing of HTTP."""

import threading
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass

from deputy_playground.personas import BOT_USER, CAST, CHANNELS, Channel, Persona, direct_channel
from deputy_playground.wire import Json, SlackError
from deputy_playground.workspace.compose import Typist
from deputy_playground.workspace.disk import Shelf

MAX_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000
INTERNAL = ("metadata", "only_for")
"""Keys of a stored message that a reader does not get unless it asks."""


@dataclass(frozen=True)
class Change:
    """What happened to a message: ``posted``, ``changed``, ``deleted``, ``reacted`` or ``whispered``."""

    kind: str
    channel: Channel
    message: Json
    before: Json | None = None


class Workspace:
    """All of the state. Every method may be called from any thread; a listener is called outside the lock."""

    def __init__(
        self,
        shelf: Shelf,
        people: Iterable[Persona] = CAST,
        channels: Iterable[Channel] = CHANNELS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.shelf = shelf
        self.clock = clock
        self.people = {person.id: person for person in people}
        direct = [direct_channel(person) for person in self.people.values() if not person.bot]
        self.channels = {channel.id: channel for channel in [*channels, *direct]}
        self.typist = Typist(list(self.people.values()), list(self.channels.values()))
        self.listeners: list[Callable[[Change], None]] = []
        self._lock = threading.RLock()
        self._messages: dict[str, dict[str, Json]] = {channel: {} for channel in self.channels}
        self._last_ts = 0
        for key, message in shelf.all("message"):
            channel, _, ts = key.partition("/")
            self._messages.setdefault(channel, {})[ts] = message
            self._last_ts = max(self._last_ts, _micros(ts))

    # ------------------------------------------------------------------------------------------------ look things up

    def person(self, user: str) -> Persona:
        """The person with this id, or ``user_not_found``."""
        try:
            return self.people[user]
        except KeyError:
            raise SlackError("user_not_found") from None

    def channel(self, name: str) -> Channel:
        """The channel with this id or name, or ``channel_not_found``. A user's id names their talk with the bot."""
        found = self.channels.get(name)
        if found is None and name in self.people:
            found = self.channels.get(direct_channel(self.people[name]).id)
        if found is None:
            wanted = name.removeprefix("#")
            found = next(
                (channel for channel in self.channels.values() if channel.name and channel.name == wanted), None
            )
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def names(self) -> dict[str, str]:
        """Names by id, for showing text."""
        return {person.id: person.name for person in self.people.values()} | {
            channel.id: channel.name for channel in self.channels.values() if channel.name
        }

    def message(self, channel: str, ts: str) -> Json:
        """A copy of a message, with its thread's summary, or ``message_not_found``."""
        with self._lock:
            found = self._messages.get(channel, {}).get(ts)
            if found is None:
                raise SlackError("message_not_found")
            return self._summed(channel, found)

    def replies(self, channel: str, ts: str) -> list[Json]:
        """A thread, its first message first; ``thread_not_found`` when there is no such message."""
        with self._lock:
            root = self._messages.get(channel, {}).get(ts)
            if root is None:
                raise SlackError("thread_not_found")
            start = root.get("thread_ts", ts)
            found = [m for m in self._messages[channel].values() if m["ts"] == start or m.get("thread_ts") == start]
            return [self._summed(channel, m) for m in sorted(found, key=lambda m: _micros(m["ts"]))]

    def history(self, channel: str) -> list[Json]:
        """The messages of a channel that are not replies, oldest first."""
        with self._lock:
            found = [m for m in self._messages.get(channel, {}).values() if m.get("thread_ts", m["ts"]) == m["ts"]]
            return [self._summed(channel, m) for m in sorted(found, key=lambda m: _micros(m["ts"]))]

    def _summed(self, channel: str, message: Json) -> Json:
        copy = deepcopy(message)
        if message.get("thread_ts", message["ts"]) != message["ts"]:
            return copy
        replies = [
            m
            for m in self._messages[channel].values()
            if m.get("thread_ts") == message["ts"] and m["ts"] != message["ts"] and not m.get("only_for")
        ]
        if replies:
            copy |= {
                "thread_ts": message["ts"],
                "reply_count": len(replies),
                "reply_users": list(dict.fromkeys(m["user"] for m in replies)),
                "reply_users_count": len({m["user"] for m in replies}),
                "latest_reply": max((m["ts"] for m in replies), key=_micros),
                "is_locked": False,
                "subscribed": False,
            }
        return copy

    # ------------------------------------------------------------------------------------------------ change things

    def next_ts(self) -> str:
        """A timestamp that no message of this workspace has: it names a message within its channel."""
        with self._lock:
            self._last_ts = max(self._last_ts + 1, int(self.clock() * 1_000_000))
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def post(
        self, channel: Channel, user: str, text: str, *, thread: str = "", only_for: str = "", **more: object
    ) -> Json:
        """Store a message and tell the listeners. ``only_for`` makes it ephemeral: one person sees it."""
        if len(text) > MAX_TEXT:
            raise SlackError("msg_too_long")
        with self._lock:
            message: Json = {"type": "message", "user": user, "ts": self.next_ts(), "text": text}
            message |= {"team": self.person(user).team, **more}
            if only_for:
                message["only_for"] = only_for
            if thread:
                message |= self._parent(channel.id, thread)
            self._store(channel.id, message)
            seen = self._summed(channel.id, message)
        self._tell(Change("whispered" if only_for else "posted", channel, seen))
        return seen

    def _parent(self, channel: str, thread: str) -> Json:
        parent = self._messages[channel].get(thread)
        if parent is None or parent.get("only_for"):
            raise SlackError("thread_not_found")
        root = parent.get("thread_ts", thread)
        return {"thread_ts": root, "parent_user_id": self._messages[channel].get(root, parent)["user"]}

    def edit(self, channel: Channel, ts: str, by: str, **changes: object) -> Json:
        """Change a message of one's own, or ``message_not_found``, ``cant_update_message``."""
        with self._lock:
            message = self._own(channel.id, ts, by, "cant_update_message")
            before = deepcopy(message)
            message |= changes
            message["edited"] = {"user": by, "ts": self.next_ts()}
            self._store(channel.id, message)
            seen = self._summed(channel.id, message)
        self._tell(Change("whispered" if message.get("only_for") else "changed", channel, seen, before))
        return seen

    def delete(self, channel: Channel, ts: str, by: str) -> None:
        """Remove a message of one's own, or ``message_not_found``, ``cant_delete_message``."""
        with self._lock:
            message = self._own(channel.id, ts, by, "cant_delete_message")
            del self._messages[channel.id][ts]
            self.shelf.drop("message", f"{channel.id}/{ts}")
        self._tell(Change("deleted", channel, message, message))

    def react(self, channel: Channel, ts: str, by: str, name: str, *, add: bool = True) -> None:
        """Add or take back a reaction, or ``already_reacted``, ``no_reaction``."""
        with self._lock:
            message = self._messages[channel.id].get(ts)
            if message is None:
                raise SlackError("message_not_found")
            reactions = {item["name"]: list(item["users"]) for item in message.get("reactions", [])}
            users = reactions.setdefault(name, [])
            if add == (by in users):
                raise SlackError("already_reacted" if add else "no_reaction")
            users.append(by) if add else users.remove(by)
            message["reactions"] = [
                {"name": key, "users": who, "count": len(who)} for key, who in reactions.items() if who
            ]
            self._store(channel.id, message)
            seen = self._summed(channel.id, message)
        self._tell(Change("reacted", channel, seen))

    def _own(self, channel: str, ts: str, by: str, otherwise: str) -> Json:
        message = self._messages.get(channel, {}).get(ts)
        if message is None:
            raise SlackError("message_not_found")
        if message["user"] != by:
            raise SlackError(otherwise)
        return message

    def _store(self, channel: str, message: Json) -> None:
        self._messages[channel][message["ts"]] = message
        self.shelf.put("message", f"{channel}/{message['ts']}", message)

    def _tell(self, change: Change) -> None:
        for listener in list(self.listeners):
            listener(change)

    # ------------------------------------------------------------------------------------------------ people typing

    def say(self, user: str, channel: Channel, typed: str, thread: str = "") -> Json:
        """A person types a message and sends it."""
        self.may_write(user, channel)
        text, blocks = self.typist.compose(typed)
        if not text.strip():
            raise SlackError("no_text")
        return self.post(channel, user, text, thread=thread, blocks=blocks)

    def retype(self, user: str, channel: Channel, ts: str, typed: str) -> Json:
        """A person edits a message of their own."""
        text, blocks = self.typist.compose(typed)
        return self.edit(channel, ts, user, text=text, blocks=blocks)

    def may_write(self, user: str, channel: Channel) -> None:
        """``not_in_channel`` or ``user_not_found`` where they may not speak; a deactivated person may not at all."""
        if self.person(user).deleted:
            raise SlackError("account_inactive")
        if user not in channel.members:
            raise SlackError("not_in_channel")

    def channels_of(self, user: str) -> list[Channel]:
        """The channels and the conversation with the bot that this person sees."""
        return [channel for channel in self.channels.values() if user in channel.members]

    def bot_channel(self, name: str) -> Channel:
        """The channel, when the bot is in it; ``not_in_channel`` when it is not."""
        channel = self.channel(name)
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        return channel


def public(message: Json, *, metadata: bool = False) -> Json:
    """The message as the Web API shows it."""
    hidden = [key for key in INTERNAL if not (metadata and key == "metadata")]
    return {key: value for key, value in message.items() if key not in hidden}


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0") or 0)
