"""Just enough of Slack to deliver mentions over Socket Mode and to take the time until each is acknowledged."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

BOT: Final = {"team_id": "T0ACME", "team": "Acme", "user_id": "U0DEPUTY", "bot_id": "B0DEPUTY"}
PATIENCE_SECONDS: Final = 30.0


class SlackDouble:
    """Web API and Socket Mode on loopback. One connection at a time: the newest gets the deliveries."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._acked: dict[str, float] = {}
        self._connection: ServerConnection | None = None
        self._sockets = serve(self._listen, "127.0.0.1", 0)
        self.socket_url = f"ws://127.0.0.1:{self._sockets.socket.getsockname()[1]}/"
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), _handler({**BOT, "ok": True, "url": self.socket_url}))
        self.api_url = f"http://127.0.0.1:{self._api.server_address[1]}/api/"
        self._sent = 0

    def deliver(self, count: int) -> list[float]:
        """Deliver so many new mentions at once; the seconds from each one's sending to its acknowledgement."""
        sent: dict[str, float] = {}
        for _ in range(count):
            envelope = self._envelope()
            sent[envelope["envelope_id"]] = time.perf_counter()
            self._live().send(json.dumps(envelope))
        with self._changed:
            if not self._changed.wait_for(lambda: sent.keys() <= self._acked.keys(), PATIENCE_SECONDS):
                raise TimeoutError(f"{len(sent.keys() - self._acked.keys())} of {count} mentions were not acknowledged")
            return [self._acked.pop(name) - at for name, at in sent.items()]

    def forget_connection(self) -> None:
        """The next connection is the one to use."""
        with self._changed:
            self._connection = None

    def _live(self) -> ServerConnection:
        with self._changed:
            if not self._changed.wait_for(lambda: self._connection, PATIENCE_SECONDS):
                raise TimeoutError("nobody connected")
            assert self._connection is not None
            return self._connection

    def _envelope(self) -> dict[str, str]:
        self._sent += 1
        ts = f"{1_700_000_000 + self._sent}.000100"
        mention = {
            "type": "app_mention",
            "user": "U0ALICE",
            "team": "T0ACME",
            "channel": "C0SHOP",
            "text": "<@U0DEPUTY> can you just fix the lint in `shop`",
            "ts": ts,
            "event_ts": ts,
        }
        payload = {
            "type": "event_callback",
            "team_id": "T0ACME",
            "api_app_id": "A0DEPUTY",
            "event_id": f"Ev{self._sent:08}",
            "event_time": 1_700_000_000 + self._sent,
            "event": mention,
            "authorizations": [{"team_id": "T0ACME", "user_id": "U0DEPUTY", "is_bot": True}],
        }
        name = f"envelope-{self._sent}"
        return {"type": "events_api", "envelope_id": name, "payload": payload, "accepts_response_payload": False}  # type: ignore[dict-item]

    def _listen(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        with self._changed:
            self._connection = connection
            self._changed.notify_all()
        try:
            for message in connection:
                at = time.perf_counter()
                with self._changed:
                    self._acked[json.loads(message)["envelope_id"]] = at
                    self._changed.notify_all()
        except ConnectionClosed:
            pass

    def __enter__(self) -> Self:
        for server in (self._sockets, self._api):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.shutdown()
        self._api.shutdown()
        self._api.server_close()


def _handler(answer: dict[str, object]) -> type[BaseHTTPRequestHandler]:
    body = json.dumps(answer).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
