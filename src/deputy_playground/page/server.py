"""The playground's server: routes, one loopback socket, one thread."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from deputy_playground.api.app import Installation
from deputy_playground.api.web_api import WebApi
from deputy_playground.page.gestures import Delivery, Gestures
from deputy_playground.page.page import STATIC, Page
from deputy_playground.wire import PlaygroundError
from deputy_playground.workspace import payloads
from deputy_playground.workspace.workspace import Change

T = TypeVar("T")
LOOPBACK = "127.0.0.1"
START_SECONDS = 15.0

Connections = dict[tuple[str, int], asyncio.Transport]


def _cuttable(connections: Connections) -> type[H11Protocol]:
    """HTTP whose connections can be cut without an answer, as a network does."""

    class Cuttable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            connections[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    return Cuttable


def bind(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PlaygroundError(f"Port {port} on {LOOPBACK} is taken; choose another one.") from error
    return listener


class Server:
    """Runs the site on its own thread and event loop; ``run`` brings coroutines there."""

    def __init__(self, site: Installation, listener: socket.socket, delivery: Delivery) -> None:
        self.site = site
        self.gestures = Gestures(site, delivery)
        self._delivery = delivery
        self._listener = listener
        self._page = Page(site, self.gestures)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._connections: Connections = {}
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="playground", daemon=True)
        site.workspace.listeners.append(self._changed)
        site.nudges.append(self._nudged)

    def start(self) -> None:
        """Start serving; returns when requests are answered."""
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise PlaygroundError("The playground's server did not start in time.")

    def stop(self) -> None:
        """Stop serving and let go of the port."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Do this on the server's loop and wait for it, from another thread."""
        return self.submit(work).result(timeout)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do this on the server's loop."""
        if self._loop is None:
            work.close()
            raise PlaygroundError("The playground is not running; call start() first.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _changed(self, change: Change) -> None:
        if self._loop is None:
            return
        for payload in payloads.events_of(change, self.site.workspace.clock()):
            self._loop.call_soon_threadsafe(self._spawn, payload)
        self._loop.call_soon_threadsafe(self._page.announce, change)

    def _nudged(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._page.nudge)

    def _spawn(self, payload: dict[str, Any]) -> None:
        task: asyncio.Task[object] = asyncio.ensure_future(
            self._delivery.event(payload)
        )  # kept: the loop holds it weakly
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _serve(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._main())

    async def _main(self) -> None:
        config = uvicorn.Config(
            self._routes(),
            http=_cuttable(self._connections),
            ws="websockets-sansio",
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=1,
            log_config=None,
        )
        self._server = _Quiet(config)
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._server.serve([self._listener]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        self._started.set()
        await serving
        self._loop = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _routes(self) -> Starlette:
        api = WebApi(self.site, self._cut)
        routes = [
            Route("/api/{method}", api.call, methods=["GET", "POST"]),
            Route("/upload/v1/{address}", api.upload, methods=["POST", "PUT"]),
            Route("/files-pri/{file}/{name:path}", api.download),
            Route("/actions/{name}", self.gestures.respond, methods=["POST"]),
            WebSocketRoute("/link/", self._link),
            *self._page.routes(),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        # A foreign page must not reach the workspace by a name that resolves to loopback.
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
        return Starlette(routes=routes, middleware=[hosts])

    def _cut(self, request: Request) -> None:
        if request.client is not None:
            self._connections[(request.client.host, request.client.port)].abort()

    async def _link(self, websocket: WebSocket) -> None:
        await self.site.sockets.serve(websocket, self.site.workspace.clock())


class _Quiet(uvicorn.Server):
    """A server that leaves signals to whoever owns the process."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Take none."""
        yield
