"""Socket Mode: a WebSocket that Slack replaces every few hours, and that may break at any time.

The SDK's own client speaks TLS on port 443 only, drops fragmented frames and looks for a lost connection every few
seconds; this one leaves the protocol to ``websockets``. Each envelope is answered on the connection it came by. One
that isn't answered is sent again by Slack, and found to be known by the inbox.
"""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import structlog
from pydantic import JsonValue
from slack_sdk import WebClient
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from deputy.adapters.slack.client import is_direct, quiet_logger
from deputy.adapters.slack.errors import slack_errors
from deputy.domain.errors import BadInput, DeputyError, Unavailable

WORKERS: Final = 4
LARGEST_MESSAGE: Final = 16 * 1024**2
# Slack warns ten seconds before it closes: what it still sends on the old connection is read and answered there.
GRACE: Final = 12.0
WAITS: Final = (0.0, 0.2, 1.0, 2.0, 5.0, 10.0, 20.0)

log = structlog.get_logger("deputy.slack")


@dataclass(frozen=True)
class Envelope:
    """What came by the socket. ``headers`` are those that HTTP mode would have had (retry number and reason)."""

    id: str
    payload: dict[str, JsonValue]
    headers: dict[str, str] = field(default_factory=dict)


# The answer's payload (empty for none), or None when the envelope must not be acknowledged.
Handle = Callable[[Envelope], dict[str, JsonValue] | None]


class SocketMode:
    """Keeps one connection to Slack open and hands each envelope to ``handle`` on a worker thread."""

    def __init__(
        self, client: WebClient, handle: Handle, *, open_timeout: float = 10, ping_seconds: float = 15
    ) -> None:
        self._client, self._handle = client, handle
        self._open_timeout, self._ping = open_timeout, ping_seconds
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="slack-envelope")
        self._stopping, self._replace = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._current: ClientConnection | None = None
        self._leaving: ClientConnection | None = None
        self._open: set[ClientConnection] = set()
        self._keeper = threading.Thread(target=self._keep_connected, name="slack-socket", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Whether Slack can reach us now."""
        return self._current is not None

    def start(self) -> None:
        """Connect, or raise ``BadInput`` (wrong token) or ``Unavailable``; from then on reconnect for ever."""
        self._adopt(self._connect())
        self._keeper.start()

    def stop(self) -> None:
        """Close; envelopes in work are finished and answered first."""
        self._stopping.set()
        self._replace.set()
        self._workers.shutdown(wait=True)
        with self._lock:
            still_open, self._current = set(self._open), None
        for connection in still_open:
            connection.close()
        if self._keeper.is_alive():
            self._keeper.join(timeout=self._open_timeout)

    def _keep_connected(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._replace.wait()
            self._replace.clear()
            while self._needs_connection() and not self._stopping.wait(WAITS[min(failures, len(WAITS) - 1)]):
                try:
                    self._adopt(self._connect())
                except DeputyError as error:
                    failures += 1
                    log.warning("slack:reconnect-failed", attempt=failures, why=str(error))
                else:
                    failures = 0

    def _needs_connection(self) -> bool:
        with self._lock:
            return self._current is None or self._current is self._leaving

    def _connect(self) -> ClientConnection:
        url = self._open_url()
        try:
            return connect(
                url,
                open_timeout=self._open_timeout,
                ping_interval=self._ping,
                ping_timeout=self._ping * 2,
                close_timeout=2,
                max_size=LARGEST_MESSAGE,
                compression=None,
                proxy=None if is_direct(url) else True,
                legacy=True,  # the connection itself: it outlives this call
                logger=quiet_logger("socket"),
            )
        except (OSError, InvalidHandshake, InvalidURI, WebSocketException) as error:
            raise Unavailable(
                "Slack's Socket Mode address does not answer", type(error).__name__, "Deputy tries again by itself"
            ) from None

    def _open_url(self) -> str:
        with slack_errors("opening Socket Mode", "SLACK_APP_TOKEN"):
            url = self._client.apps_connections_open(app_token=self._client.token or "").get("url")
        if not isinstance(url, str) or not url.startswith(("ws://", "wss://")):
            raise BadInput("Slack handed out no Socket Mode address", "", "switch Socket Mode on in the app's settings")
        return url

    def _adopt(self, connection: ClientConnection) -> None:
        with self._lock:
            old, self._current = self._current, connection
            self._open.add(connection)
            is_stopped = self._stopping.is_set()
        threading.Thread(target=self._read, args=(connection,), name="slack-read", daemon=True).start()
        if old is not None:
            timer = threading.Timer(GRACE, old.close)
            timer.daemon = True
            timer.start()
        if is_stopped:
            connection.close()
        log.info("slack:connected")

    def _read(self, connection: ClientConnection) -> None:
        try:
            for message in connection:
                self._take(connection, message)
        except (ConnectionClosed, RuntimeError):
            pass  # a broken connection, or workers that were shut down meanwhile: both are handled below
        finally:
            connection.close()
            self._lost(connection)

    def _lost(self, connection: ClientConnection) -> None:
        with self._lock:
            self._open.discard(connection)
            was_current = self._current is connection
            if was_current:
                self._current = None
        if was_current and not self._stopping.is_set():
            log.info("slack:disconnected")
            self._replace.set()

    def _take(self, connection: ClientConnection, message: str | bytes) -> None:
        try:
            data = json.loads(message)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            return
        if data.get("type") == "disconnect":
            with self._lock:
                self._leaving = connection
            self._replace.set()
        elif isinstance(data.get("envelope_id"), str) and isinstance(data.get("payload"), dict):
            self._workers.submit(self._answer, connection, data)

    def _answer(self, connection: ClientConnection, data: dict[str, JsonValue]) -> None:
        payload = data["payload"]
        envelope = Envelope(str(data["envelope_id"]), payload if isinstance(payload, dict) else {}, _headers(data))
        answer = self._handle(envelope)
        if answer is None:
            return
        reply: dict[str, JsonValue] = {"envelope_id": envelope.id}
        if answer and data.get("accepts_response_payload") is not False:
            reply["payload"] = answer
        try:
            connection.send(json.dumps(reply))
        except ConnectionClosed:
            log.info("slack:ack-lost")  # Slack sends it again; the inbox knows it already


def _headers(data: dict[str, JsonValue]) -> dict[str, str]:
    names = {"retry_attempt": "x-slack-retry-num", "retry_reason": "x-slack-retry-reason"}
    return {header: str(data[name]) for name, header in names.items() if data.get(name) is not None}
