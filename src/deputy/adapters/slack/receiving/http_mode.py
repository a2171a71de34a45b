"""HTTP mode: Slack posts to us. Bolt checks each request's signature and age before anything reads it."""

import errno
import socket
import threading
import time
from typing import Final

import uvicorn
from slack_bolt import App, BoltResponse
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deputy.adapters.slack.receiving.app import dispatch
from deputy.domain.errors import Unavailable

LARGEST_BODY: Final = 2 * 1024**2
START_SECONDS: Final = 10.0


class HttpMode:
    """Serves ``POST /slack/events`` and ``GET /healthz`` from a thread of its own."""

    def __init__(self, app: App, host: str, port: int) -> None:
        self._app, self._host, self._port = app, host, port
        routes = [
            Route("/slack/events", self._receive, methods=["POST"]),
            Route("/healthz", self._healthy, methods=["GET"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the server takes requests."""
        return self._server.started and self._thread is not None and self._thread.is_alive()

    @property
    def port(self) -> int:
        """The port in use (of interest when 0, any free one, was asked for)."""
        return self._port

    def start(self) -> None:
        """Listen; ``Unavailable`` when the port can't be had."""
        try:
            listening = socket.create_server((self._host, self._port))
        except OSError as error:
            why = "another program uses it" if error.errno == errno.EADDRINUSE else "the system does not permit it"
            raise Unavailable(f"can't listen on port {self._port}", why, "set another port") from None
        self._port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="slack-http", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """Finish the requests in work, then stop."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=START_SECONDS)

    async def _receive(self, request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                return PlainTextResponse("too large", status_code=413)
        return await run_in_threadpool(self._dispatch, request, bytes(body))

    def _dispatch(self, request: Request, body: bytes) -> Response:
        headers = dict(request.headers.items())
        try:
            # Bolt takes for granted that the one is a number and that the other can be compared.
            int(headers.get("x-slack-request-timestamp", "0"))
            headers.get("x-slack-signature", "").encode("ascii")
            text = body.decode()
        except ValueError:
            return PlainTextResponse("invalid request", status_code=401)
        return _response(dispatch(self._app, body=text, query=request.url.query, headers=headers))

    @staticmethod
    async def _healthy(_: Request) -> Response:
        return PlainTextResponse("ok")


def _response(answer: BoltResponse) -> Response:
    return Response(answer.body, status_code=answer.status, headers=answer.first_headers_without_set_cookie())
