"""The proxy: one thread, one request per connection, and a bound on everything that a sandbox could use up.

It is our own because proxy.py, the best-kept library for this, reads heads without a bound, keeps connections open for
more requests, and has neither a limit of connections nor counters.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from deputy.adapters.network.hang_ups import HangUps
from deputy.adapters.network.proxy_request import END, HEAD_LIMIT, ProxyRequest, Refused, read_request
from deputy.adapters.network.rules import Rules
from deputy.adapters.network.tally import Tally
from deputy.adapters.network.tls_hello import MAX_BYTES, server_name
from deputy.domain.text.hosts import host_name

_CHUNK = 1 << 16
_MAX_ADDRESSES = 4
_RESOLVERS = 4
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_FOR_WHOM = "can't be reached from this sandbox"
_OUT_OF_FILES_SECONDS = 0.1
_PACE_SECONDS = 0.005
_MAX_PIECES = 64
_SERVERS_FAULT = "it does not answer"
_USED_UP = "the run has moved as many bytes as it may"
_NOT_ITS_TLS = "a tunnel has to begin with TLS that names the same host"

_Ways = set[asyncio.Future[None]]


class _CutOff(Exception):
    """A connection is cut off: the bytes are used up, or its tunnel is for another host."""


@dataclass(frozen=True)
class Bounds:
    """Limits of one gateway. Times are in seconds; ``sent`` and ``received`` are bytes over its whole life."""

    connections: int = 64
    sent: int = 256 * 1024**2
    received: int = 8 * 1024**3
    head_seconds: float = 20.0
    connect_seconds: float = 20.0
    idle_seconds: float = 120.0
    last_seconds: float = 1.0  # to send on the last bytes of a client that has gone


class Proxy:
    """Serves a listening socket until it is stopped."""

    def __init__(self, rules: Rules, bounds: Bounds, tally: Tally) -> None:
        self._rules, self._bounds, self._tally = rules, bounds, tally
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; every connection is closed then."""
        # Our own pool: asyncio waits for its resolvers at the end, and a silent name server takes long.
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="gateway-names")
        self._hang_ups = HangUps()
        accepting = asyncio.ensure_future(self._accept(listener))
        try:
            await stop.wait()
        finally:
            ending = [accepting, *self._clients]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            self._hang_ups.close()
            self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _accept(self, listener: socket.socket) -> None:
        """Accept connections as places become free; the kernel queues the next ones."""
        loop, places = asyncio.get_running_loop(), asyncio.Semaphore(self._bounds.connections)
        while True:
            await places.acquire()
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:
                places.release()
                await asyncio.sleep(_OUT_OF_FILES_SECONDS)
                continue
            task = asyncio.ensure_future(self._client(connection))
            self._clients.add(task)
            # Here and not in the task: a task that is cancelled before its first step never runs.
            task.add_done_callback(partial(self._left, connection, places))
            # Deputy's other threads share the interpreter: a flood of connections must not take it from them.
            await asyncio.sleep(_PACE_SECONDS)

    def _left(self, connection: socket.socket, places: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        self._clients.discard(task)
        connection.close()
        places.release()

    async def _client(self, connection: socket.socket) -> None:
        """Serve one connection. Its errors affect no other connection, and it ends when its client has gone."""
        with self._hang_ups.cancelling(connection, self._bounds.last_seconds):
            reader, writer = await asyncio.open_connection(sock=connection, limit=HEAD_LIMIT)
            writer.transport.set_write_buffer_limits(0)  # after ``drain`` the bytes are with the kernel
            try:
                await self._handle(reader, writer)
            except Refused as refused:
                self._tally.refused(refused.host, refused.port, refused.why)
                # Best effort: a client that does not read is not waited for.
                writer.write(_answer(refused))
            except (OSError, EOFError):
                pass  # one end went away, or was silent for too long
            finally:
                writer.transport.abort()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = read_request(await self._head(reader))
        self._rules.check(request.host, request.port)
        if self._is_used_up():
            raise Refused(503, _USED_UP, request.host, request.port)
        addresses = self._rules.permitted(request.host, request.port, await self._resolve(request))
        async with self._connected(request, addresses) as (far, out):
            self._tally.connected(request.host, request.port)
            out.transport.set_write_buffer_limits(0)
            try:
                out.write(await self._opening(request, reader, writer))
                await self._relay(request, reader, writer, far, out)
            except _CutOff as cut:
                # No answer of ours: it would look like a part of the server's.
                self._tally.refused(request.host, request.port, str(cut))

    async def _opening(
        self, request: ProxyRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """The first bytes for the server: a plain request's head, or the TLS hello that names this host."""
        opening = request.head
        if request.is_tunnel:
            writer.write(_ESTABLISHED)
            if not self._rules.is_internal(request.host):
                opening = await self._hello(request, reader)
        self._moved(request, sent=len(opening))
        return opening

    async def _hello(self, request: ProxyRequest, reader: asyncio.StreamReader) -> bytes:
        said = b""
        async with asyncio.timeout(self._bounds.head_seconds):
            for _ in range(_MAX_PIECES):
                said += await reader.read(_CHUNK)
                if not said:
                    raise EOFError
                try:
                    name = server_name(said)
                    if name is not None and host_name(name) == request.host:
                        return said
                except ValueError:
                    raise _CutOff(_NOT_ITS_TLS) from None
                if name is not None or reader.at_eof() or len(said) > MAX_BYTES:
                    break
        raise _CutOff(_NOT_ITS_TLS)

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self._bounds.head_seconds):
                return await reader.readuntil(END)
        except asyncio.LimitOverrunError:
            raise Refused(431, "the request's head is too long") from None

    async def _resolve(self, request: ProxyRequest) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._bounds.connect_seconds):
                found = await loop.run_in_executor(self._resolvers, _addresses, request.host, request.port)
        except (OSError, UnicodeError):
            raise Refused(502, "its name has no address", request.host, request.port) from None
        return found

    @contextlib.asynccontextmanager
    async def _connected(
        self, request: ProxyRequest, addresses: Sequence[str]
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection to one of the checked addresses: the name is not looked up again."""
        for address in addresses[:_MAX_ADDRESSES]:
            try:
                async with asyncio.timeout(self._bounds.connect_seconds):
                    far, out = await asyncio.open_connection(address, request.port)
                break
            except OSError:
                continue
        else:
            raise Refused(502, _SERVERS_FAULT, request.host, request.port)
        try:
            yield far, out
        finally:
            out.transport.abort()

    async def _relay(
        self,
        request: ProxyRequest,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        out: asyncio.StreamWriter,
    ) -> None:
        """Copy in both directions until both have ended; a plain request ends with its answer."""
        loop, idle = asyncio.get_running_loop(), self._bounds.idle_seconds
        async with asyncio.timeout(idle) as silence:

            def went(size: int) -> None:
                self._moved(request, sent=size)
                silence.reschedule(loop.time() + idle)

            def came(size: int) -> None:
                self._moved(request, received=size)
                silence.reschedule(loop.time() + idle)

            back = _copy(far, writer, came)
            if request.is_tunnel:
                await _until_all(back, _copy(reader, out, went))
            else:
                await _until_first(back, _copy(reader, out, went, exactly=request.body))

    def _moved(self, request: ProxyRequest, *, sent: int = 0, received: int = 0) -> None:
        self._tally.moved(request.host, request.port, sent=sent, received=received)
        if self._is_used_up():
            raise _CutOff(_USED_UP)

    def _is_used_up(self) -> bool:
        total = self._tally.total
        return total["sent"] > self._bounds.sent or total["received"] > self._bounds.received


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _copy(
    source: asyncio.StreamReader,
    sink: asyncio.StreamWriter,
    count: Callable[[int], None],
    *,
    exactly: int | None = None,
) -> None:
    """Copy piece by piece; the sink takes each before the next is read. ``exactly`` is a body's length in bytes."""
    left = exactly
    while left is None or left > 0:
        piece = await source.read(_CHUNK if left is None else min(_CHUNK, left))
        if not piece:
            break
        left = None if left is None else left - len(piece)
        count(len(piece))
        sink.write(piece)
        await sink.drain()
    if left is None:
        sink.write_eof()


async def _until_all(*ways: Coroutine[None, None, None]) -> None:
    """Wait until all have ended, or one has failed."""
    await _until(lambda pending: not pending, *ways)


async def _until_first(*ways: Coroutine[None, None, None]) -> None:
    """Wait until the first of them has ended, or any has failed."""
    first = asyncio.ensure_future(ways[0])
    await _until(lambda pending: first not in pending, first, *ways[1:])


async def _until(is_over: Callable[[_Ways], bool], *ways: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(way) for way in ways]
    pending: _Ways = set(tasks)
    try:
        while not is_over(pending):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _answer(refused: Refused) -> bytes:
    """A body with the host, the reason and the remedy. The status line has the reason for clients that show no body."""
    where = f"{refused.host}:{refused.port} {_FOR_WHOM}: " if refused.host else ""
    text = f"{where}{refused.why}{'; ' if refused.remedy else ''}{refused.remedy}\n".encode("ascii", "replace")
    head = (
        f"HTTP/1.1 {refused.status} {refused.why}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii", "replace") + text
