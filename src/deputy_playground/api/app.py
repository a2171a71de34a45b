"""The app as the workspace sees it: its tokens, its scopes, and everything that it can reach."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from deputy_playground.api.hooks import Hooks
from deputy_playground.api.socket_mode import Patience, SocketMode
from deputy_playground.faults import Faults
from deputy_playground.limits import Limits, Rates
from deputy_playground.workspace.disk import Shelf
from deputy_playground.workspace.uploads import Uploads
from deputy_playground.workspace.views import Views
from deputy_playground.workspace.workspace import Workspace

SCOPES = [
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
]


@dataclass(frozen=True)
class Credentials:
    """What an app is given at installation. Made once per folder, at random, and worthless anywhere else."""

    bot_token: str
    app_token: str
    signing_secret: str

    @classmethod
    def of(cls, shelf: Shelf) -> "Credentials":
        """The ones on the shelf, or new ones."""
        for _, body in shelf.all("credentials"):
            return cls(**body)
        made = cls(
            f"xoxb-playground-{secrets.token_hex(12)}",
            f"xapp-1-A0DEPUTY-playground-{secrets.token_hex(12)}",
            secrets.token_hex(16),
        )
        shelf.put("credentials", "app", vars(made))
        return made

    def sign(self, timestamp: str, body: bytes) -> str:
        """The ``X-Slack-Signature`` of a request."""
        base = b"v0:" + timestamp.encode() + b":" + body
        return "v0=" + hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()


COMMANDS = ("/deputy",)


class Installation:
    """One workspace with one app in it: what the Web API, Socket Mode, the page and the driver share."""

    def __init__(self, workspace: Workspace, base: str, *, rates: Rates, patience: Patience, scopes: list[str]) -> None:
        self.workspace = workspace
        self.base = base
        self.scopes = scopes
        self.credentials = Credentials.of(workspace.shelf)
        self.hooks = Hooks(workspace.clock)
        self.limits = Limits(rates)
        self.faults = Faults()
        self.uploads = Uploads(workspace, base)
        self.by_http = False
        self.commands = COMMANDS
        self.nudges: list[Callable[[], None]] = []
        self.views = Views(self._nudge)
        self.sockets = SocketMode(patience, self._nudge)

    def _nudge(self) -> None:
        """Something beside the messages changed."""
        for nudge in list(self.nudges):
            nudge()
