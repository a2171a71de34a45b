"""A scripted model behind OpenAI's two APIs, on the loopback interface: the tour and the tests need no real model."""

import hmac
import json
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from pydantic import JsonValue

from deputy_playground.model.chat import CHAT
from deputy_playground.model.responses import RESPONSES
from deputy_playground.model.scripts import SCRIPTS, Move, Script, ToolUse
from deputy_playground.model.wire import Api, Asked, Json, Refusal

MODEL = "scripted-1"
API_KEY = "playground-model-key"
MAX_BYTES = 32 * 1024**2
_APIS: dict[str, Api] = {"/v1/chat/completions": CHAT, "/v1/responses": RESPONSES}


class Fault(StrEnum):
    """What can be made to go wrong with the next answer."""

    RATE_LIMIT = "rate-limit"
    NO_QUOTA = "no-quota"
    SERVER_ERROR = "server-error"
    DISCONNECT = "disconnect"
    MALFORMED_CALL = "malformed-call"
    UNKNOWN_TOOL = "unknown-tool"


@dataclass(frozen=True)
class Received:
    """A request that reached the server, and the status of the answer."""

    path: str
    body: JsonValue
    status: int


class ModelServer:
    """Start it, point ``OPENAI_BASE_URL`` at ``base_url`` and ``OPENAI_API_KEY`` at ``api_key``, stop it.

    ``port`` 0 takes a free one. ``calls`` has what was received, oldest first. Knows the one model ``scripted-1``.
    """

    def __init__(self, port: int = 0, *, api_key: str = API_KEY, scripts: Sequence[Script] = SCRIPTS) -> None:
        self.api_key = api_key
        self.model = MODEL
        self._scripts = tuple(scripts)
        self._calls: list[Received] = []
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._http = _Http(port, self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def base_url(self) -> str:
        """Where both APIs are, for example ``http://127.0.0.1:8090/v1``."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def calls(self) -> tuple[Received, ...]:
        """What was received so far."""
        with self._lock:
            return tuple(self._calls)

    def start(self) -> Self:
        """Serve from a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def inject(self, *faults: Fault) -> None:
        """Make the next answers go wrong, one fault each."""
        with self._lock:
            self._faults.extend(faults)

    def next_fault(self) -> Fault | None:
        """The fault for the answer at hand; it is used up."""
        with self._lock:
            return self._faults.popleft() if self._faults else None

    def note(self, received: Received) -> None:
        """Remember a request."""
        with self._lock:
            self._calls.append(received)

    def move(self, asked: Asked) -> Move:
        """What the scripted model says; only tools that were offered are called."""
        script = next(script for script in self._scripts if script.takes(asked.conversation))
        move = script.move(asked.conversation)
        return Move(move.text or "I have no tool for that.", ()) if not _offered(move, asked) else move


def _offered(move: Move, asked: Asked) -> bool:
    return all(use.name in asked.tools for use in move.uses)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = model

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news: tests kill it on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_GET(self) -> None:
        """The list of models."""
        try:
            self._check_key()
            if self.path != "/v1/models":
                raise _no_such_address(self.path)
            listed: Json = {"id": MODEL, "object": "model", "created": 0, "owned_by": "playground"}
            self._send(200, {"object": "list", "data": [listed]})
        except Refusal as refusal:
            self._send(refusal.status, refusal.body())

    def do_POST(self) -> None:
        """One of the two APIs."""
        body: JsonValue = None
        try:
            body = self._body()
            self._check_key()
            self._answer(body)
        except Refusal as refusal:
            self.server.model.note(Received(self.path, body, refusal.status))
            self._send(refusal.status, refusal.body())

    def _answer(self, body: JsonValue) -> None:
        api = _APIS.get(self.path)
        if api is None:
            raise _no_such_address(self.path)
        if not isinstance(body, dict):
            raise Refusal(400, "We could not parse the JSON body of your request.")
        asked = api.read(body)
        if body["model"] != MODEL:
            message = f"The model '{body['model']}' does not exist or you do not have access to it."
            raise Refusal(404, message, "model_not_found")
        fault = self.server.model.next_fault()
        _raise_fault(fault)
        answer = api.answer(asked, _spoiled(self.server.model.move(asked), fault))
        self.server.model.note(Received(self.path, body, 200))
        if asked.wants_stream:
            self._stream(api, answer, is_cut=fault is Fault.DISCONNECT)
        else:
            self._send(200, answer, is_cut=fault is Fault.DISCONNECT)

    def _check_key(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            raise Refusal(401, "You didn't provide an API key.")
        if not hmac.compare_digest(given.encode(), self.server.model.api_key.encode()):
            raise Refusal(401, f"Incorrect API key provided: {given[:4]}***.", "invalid_api_key")

    def _body(self) -> JsonValue:
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_BYTES:
            self.close_connection = True
            raise Refusal(413, "The request is too large.", "request_too_large")
        try:
            value: JsonValue = json.loads(self.rfile.read(size))
        except ValueError:
            return None
        return value

    def _send(self, status: int, answer: Json, *, is_cut: bool = False) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == 429:  # noqa: PLR2004 (too many requests)
            self.send_header("Retry-After", "0")
        self.end_headers()
        self._write(content, is_cut=is_cut)

    def _stream(self, api: Api, answer: Json, *, is_cut: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        events = [json.dumps(event) for event in api.events(answer)] + (["[DONE]"] if api.ends_with_done else [])
        self._write("".join(f"data: {event}\n\n" for event in events).encode(), is_cut=is_cut)
        self.close_connection = True

    def _write(self, content: bytes, *, is_cut: bool) -> None:
        """The content, or its first half and a closed connection."""
        self.wfile.write(content[: len(content) // 2] if is_cut else content)
        if is_cut:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Nothing: the terminal belongs to the tour."""


def _no_such_address(path: str) -> Refusal:
    return Refusal(404, f"Invalid URL ({path})", "unknown_url")


def _raise_fault(fault: Fault | None) -> None:
    if fault is Fault.RATE_LIMIT:
        raise Refusal(429, "Rate limit reached for requests.", "rate_limit_exceeded", "requests")
    if fault is Fault.NO_QUOTA:
        raise Refusal(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
    if fault is Fault.SERVER_ERROR:
        raise Refusal(500, "The server had an error while processing your request.", None, "server_error")


def _spoiled(move: Move, fault: Fault | None) -> Move:
    """The move as a model that calls tools wrongly would make it."""
    if fault is Fault.MALFORMED_CALL:
        return Move(move.text, (ToolUse("run", {"__raw__": '{"command": "python -m'}),))
    if fault is Fault.UNKNOWN_TOOL:
        return Move(move.text, (ToolUse("launch_rocket", {"where": "moon"}),))
    return move
