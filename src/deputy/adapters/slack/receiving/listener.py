"""Starts the side of the adapter that listens: Socket Mode with an app token, HTTP mode with a signing secret."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from pydantic import JsonValue
from slack_bolt import App

from deputy import ports
from deputy.adapters.slack.client import build_client
from deputy.adapters.slack.identity import Identity, identify
from deputy.adapters.slack.receiving.app import NOT_ACCEPTED, build_app, dispatch
from deputy.adapters.slack.receiving.http_mode import HttpMode
from deputy.adapters.slack.receiving.socket_mode import Envelope, SocketMode
from deputy.domain.errors import BadInput


class Transport(Protocol):
    """How payloads reach us."""

    @property
    def is_connected(self) -> bool:
        """Whether Slack can reach us now."""

    def start(self) -> None:
        """Start receiving without blocking."""

    def stop(self) -> None:
        """Stop receiving; what is in work is finished first."""


class Listener:
    """A running connection from Slack to the inbox."""

    def __init__(self, transport: Transport, identity: Identity, background: ThreadPoolExecutor) -> None:
        self._transport, self._background = transport, background
        self.identity = identity

    @property
    def is_connected(self) -> bool:
        """Whether Slack can reach us now."""
        return self._transport.is_connected

    @property
    def port(self) -> int:
        """The HTTP port in use, or 0 in Socket Mode."""
        return self._transport.port if isinstance(self._transport, HttpMode) else 0

    def start(self) -> None:
        """Connect and return. ``BadInput`` for a wrong token, ``Unavailable`` when Slack can't be reached."""
        self._transport.start()

    def stop(self) -> None:
        """Stop taking anything new; what was taken is finished and acknowledged first."""
        self._transport.stop()
        self._background.shutdown(wait=True)


def build_listener(
    inbox: ports.Inbox,
    *,
    bot_token: str,
    app_token: str | None = None,
    signing_secret: str | None = None,
    api_url: str | None = None,
    host: str = "127.0.0.1",
    port: int = 3000,
    clock: ports.Clock,
) -> Listener:
    """A listener that is ready to start; asks Slack once who the bot is.

    ``app_token`` chooses Socket Mode, otherwise ``signing_secret`` HTTP mode on ``host``:``port``. Raises ``BadInput``
    for a missing or wrong token and ``Unavailable`` when Slack can't be reached.
    """
    if not (app_token or signing_secret):
        raise BadInput(
            "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set",
            "Deputy would hear nothing",
            "set SLACK_APP_TOKEN (it starts with xapp-) for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode",
        )
    client = build_client(bot_token, api_url)
    home = identify(client)
    background = ThreadPoolExecutor(2, thread_name_prefix="slack-reply")
    app = build_app(inbox, home, clock, signing_secret=signing_secret, background=background)
    transport: Transport = (
        SocketMode(build_client(app_token, client.base_url), lambda envelope: _acknowledge(app, envelope))
        if app_token
        else HttpMode(app, host, port)
    )
    return Listener(transport, home, background)


def _acknowledge(app: App, envelope: Envelope) -> dict[str, JsonValue] | None:
    """Bolt's answer as the acknowledgement's payload; None when the envelope must come again."""
    answer = dispatch(app, mode="socket_mode", body=envelope.payload, headers=envelope.headers)
    if answer.status == NOT_ACCEPTED:
        return None
    if not answer.body:
        return {}
    is_json = answer.headers.get("content-type", [""])[0].startswith("application/json")
    payload = json.loads(answer.body) if is_json else {"text": answer.body}
    return payload if isinstance(payload, dict) else {}
