"""Everything a workflow may touch, in one value that the composition root fills in."""

from collections.abc import Callable
from dataclasses import dataclass

from deputy.ports import (
    Chat,
    Clock,
    Delivery,
    Environments,
    Gateway,
    Model,
    Policies,
    Queue,
    Repos,
    Sandboxes,
    Scanner,
    SecondOpinion,
    Store,
)


@dataclass(frozen=True)
class Services:
    """The adapters, and who we are in Slack.

    ``model`` and ``screen`` raise ``Unavailable`` when no model is configured; ``locate`` turns a repository's
    configured URL into one that git can use; ``secret`` is the value of
    a variable of Deputy's own environment that an environment's setup may have, empty when it is not set.
    """

    store: Store
    queue: Queue
    chat: Chat
    delivery: Delivery
    repos: Repos
    sandboxes: Sandboxes
    environments: Environments
    gateway: Gateway
    scanner: Scanner
    policies: Policies
    model: Callable[[], Model]
    screen: Callable[[], SecondOpinion]
    clock: Clock
    locate: Callable[[str], str]
    secret: Callable[[str], str]
    team: str
    bot_user: str
    image: str
