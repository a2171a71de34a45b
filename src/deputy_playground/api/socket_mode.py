"""Socket Mode: envelopes over a WebSocket, acknowledged within three seconds or sent again."""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from deputy_playground.personas import APP_ID
from deputy_playground.wire import Json, PlaygroundError, SlackError, new_id

MAX_CONNECTIONS = 10
TICKET_SECONDS = 30.0


@dataclass(frozen=True)
class Patience:
    """Seconds: to wait for an ack; between attempts of an event; for a connection to appear (Slack gives up, too)."""

    ack: float = 3.0
    retries: tuple[float, ...] = (1.0, 5.0, 20.0)
    connection: float = 300.0


class SocketMode:
    """The connections of the app. Everything here runs on the server's event loop, except where a method says so."""

    def __init__(self, patience: Patience, changed: Callable[[], None]) -> None:
        self.patience = patience
        self._changed = changed
        self.acks_to_lose = 0
        self.events_to_repeat = 0
        self.acked: list[float] = []
        self._tickets: dict[str, float] = {}
        self._connections: list[WebSocket] = []
        self._pending: dict[str, asyncio.Future[Json | None]] = {}
        self._turn = itertools.count()
        self._arrived = asyncio.Condition()

    @property
    def connections(self) -> int:
        """How many the app has open. From any thread."""
        return len(self._connections)

    def ticket(self, now: float) -> str:
        """A ticket for one connection, good for half a minute. From any thread."""
        name = new_id("", 32).lower()
        self._tickets[name] = now + TICKET_SECONDS
        return name

    async def serve(self, socket: WebSocket, now: float) -> None:
        """Hold one connection until it ends. A ticket that is unknown, used or old is refused before the handshake."""
        if self._tickets.pop(socket.query_params.get("ticket", ""), 0.0) < now:
            await socket.close(code=4403)
            return
        await socket.accept()
        if len(self._connections) >= MAX_CONNECTIONS:
            await self._bye(socket, "too_many_websockets")
            return
        self._connections.append(socket)
        self._changed()
        try:
            await socket.send_json(self._hello())
            async with self._arrived:
                self._arrived.notify_all()
            while True:
                self._receive(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: we closed it while reading
            pass
        finally:
            if socket in self._connections:
                self._connections.remove(socket)
            self._changed()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {"host": "playground", "build_number": 1, "approximate_connection_time": 18_060},
            "connection_info": {"app_id": APP_ID},
        }

    def _receive(self, frame: str) -> None:
        try:
            answer = json.loads(frame)
        except ValueError:
            return
        if not isinstance(answer, dict):
            return
        if self.acks_to_lose > 0:
            self.acks_to_lose -= 1
            return
        waiting = self._pending.pop(str(answer.get("envelope_id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    async def event(self, payload: Json) -> bool:
        """Deliver an event, again if need be, with the same ``event_id``; False when every attempt failed."""
        if self.events_to_repeat > 0:
            self.events_to_repeat -= 1
            await self._attempt("events_api", payload, retry={"retry_attempt": 0, "retry_reason": ""})
        if await self._delivered(payload, {"retry_attempt": 0, "retry_reason": ""}):
            return True
        for attempt, pause in enumerate(self.patience.retries, start=1):
            await asyncio.sleep(pause)
            if await self._delivered(payload, {"retry_attempt": attempt, "retry_reason": "timeout"}):
                return True
        return False

    async def _delivered(self, payload: Json, retry: Json) -> bool:
        try:
            await self._attempt("events_api", payload, retry=retry, patient=True)
        except (TimeoutError, PlaygroundError):
            return False
        return True

    async def ask(self, kind: str, payload: Json) -> Json | None:
        """Deliver an interaction or a command once; its ack's payload. ``operation_timeout`` or ``dispatch_failed``."""
        try:
            return await self._attempt(kind, payload)
        except TimeoutError:
            raise SlackError("operation_timeout") from None
        except PlaygroundError:
            raise SlackError("dispatch_failed") from None

    async def _attempt(
        self, kind: str, payload: Json, retry: Json | None = None, *, patient: bool = False
    ) -> Json | None:
        socket = await self._choose(self.patience.connection if patient else 0.0)
        envelope: Json = {
            "envelope_id": str(uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
            **(retry or {}),
        }
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Json | None] = loop.create_future()
        self._pending[envelope["envelope_id"]] = answer
        sent = loop.time()
        try:
            await socket.send_json(envelope)
            return await asyncio.wait_for(answer, self.patience.ack)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise PlaygroundError("The connection closed while sending.") from error
        finally:
            self.acked.append(loop.time() - sent)
            self._pending.pop(envelope["envelope_id"], None)

    async def _choose(self, seconds: float) -> WebSocket:
        """The next connection in turn, waiting for one to appear."""
        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: bool(self._connections)), seconds or 0.001)
            except TimeoutError:
                raise PlaygroundError("The app is not connected.") from None
        return self._connections[next(self._turn) % len(self._connections)]

    async def _bye(self, socket: WebSocket, reason: str) -> None:
        await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "playground"}})
        await socket.close()

    async def refresh(self, reason: str = "refresh_requested", grace: float = 2.0) -> None:
        """Ask the app to reconnect, then close the old connections. A ``warning`` leaves them open."""
        old = list(self._connections)
        for socket in old:
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "playground"}})
        if reason == "warning":
            return
        for socket in old:
            self._connections.remove(socket)
        await asyncio.sleep(grace)
        await self._close(old)

    async def hang_up(self) -> None:
        """Close every connection without a word."""
        old, self._connections = self._connections, []
        await self._close(old)

    async def _close(self, sockets: list[WebSocket]) -> None:
        for socket in sockets:
            try:
                await socket.close()
            except RuntimeError:  # closed by the other side meanwhile
                continue
