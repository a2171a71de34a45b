"""What a person sent, and what was understood of it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from deputy.domain.people import Actor
from deputy.domain.value import Value


class Place(Value):
    """A thread: ``thread`` is the timestamp of the message that starts it."""

    team: str
    channel: str
    thread: str


class Source(StrEnum):
    """How something reached us."""

    MENTION = "mention"
    DIRECT = "direct"
    THREAD = "thread"
    CLICK = "click"
    COMMAND = "command"


class Incoming(Value):
    """One thing a person did in Slack, as an immutable snapshot. ``key`` names it once and for ever.

    ``text`` is the message, or what follows a slash command. For a click, ``action`` is the button's action id and
    ``value`` its opaque payload. ``message`` is the timestamp of the message written or clicked on.
    """

    key: str
    source: Source
    actor: Actor
    place: Place
    message: str = ""
    text: str = ""
    action: str = ""
    value: str = ""
    reply_url: str = ""
    received_at: datetime


class TaskKind(StrEnum):
    """What sort of work a request asks for."""

    FIX = "fix"
    TEST = "test"
    REFACTOR = "refactor"
    DOCS = "docs"
    DEPS = "deps"
    FORMAT = "format"
    ASK = "ask"
    OTHER = "other"


class TaskSpec(Value):
    """What we understood of a request. ``repo`` is a full name such as ``acme/shop``.

    ``recipe`` names a deterministic recipe and ``arguments`` fills its placeholders; without one, an agent works.
    ``paths`` are the paths that the request itself names; ``budget`` is the budget class that it asks for.
    """

    repo: str
    kind: TaskKind
    goal: str
    recipe: str | None = None
    arguments: dict[str, str] = Field(default_factory=dict)
    paths: tuple[str, ...] = ()
    budget: str = "standard"


class Choice(Value):
    """One button of a clarification: ``value`` is what answering with it means."""

    label: str
    value: str


class Clarification(Value):
    """The one question to ask before work can start. ``field`` is what is missing (``repo``, ``goal``)."""

    field: str
    text: str
    choices: tuple[Choice, ...] = ()
