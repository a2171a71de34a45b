"""Slack, as the workflows need it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deputy.domain.people import Actor, Person
from deputy.domain.tasks.request import Place


@dataclass(frozen=True)
class Fact:
    """A label and its value on a card. ``people`` are Slack user ids, rendered as mentions."""

    label: str
    value: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One line of a card's progress. ``mark`` is ``done``, ``now``, ``wait``, ``fail`` or ``todo``."""

    mark: str
    text: str
    detail: str = ""


@dataclass(frozen=True)
class Button:
    """``action`` is the action id, ``value`` opaque; ``style`` is empty, ``primary`` or ``danger``."""

    action: str
    value: str
    label: str
    style: str = ""
    confirm: str = ""


@dataclass(frozen=True)
class Card:
    """What a task's message shows. All strings are plain text: the adapter escapes them and keeps Slack's limits."""

    headline: str
    status: str
    tone: str = "working"  # working | asking | waiting | good | bad
    facts: tuple[Fact, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    code: str = ""
    buttons: tuple[Button, ...] = ()
    footer: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file for the thread."""

    name: str
    title: str
    content: bytes


class Chat(Protocol):
    """Slack, as the workflows need it. ``key`` makes a post happen once, across crashes too.

    Every method raises ``Unavailable`` when Slack can't be reached and ``BadInput`` when Slack refuses what we sent.
    """

    def show(self, place: Place, key: str, card: Card) -> None:
        """Post the card with this key in the thread, or update it in place."""

    def say(self, place: Place, key: str, text: str, people: Sequence[str] = ()) -> None:
        """Post a plain sentence in the thread, once. ``people`` (user ids) are mentioned before it."""

    def whisper(self, place: Place, user: str, text: str, reply_url: str = "") -> None:
        """Show a sentence to one person only (ephemeral), through ``reply_url`` if there is one."""

    def notify(self, user: str, key: str, text: str, card: Card | None = None) -> None:
        """Send a direct message, once. With a card, a later call updates the message."""

    def attach(self, place: Place, key: str, files: Sequence[Attachment], comment: str) -> None:
        """Upload files into the thread, once."""

    def permalink(self, place: Place, message: str) -> str:
        """A link to a message, or an empty string when Slack has none."""

    def person(self, actor: Actor) -> Person:
        """Look a user up in Slack now, never from a cache; ``NotFound`` when there is no such user."""
