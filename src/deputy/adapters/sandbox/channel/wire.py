"""A container's stdin and stdout as one connection to the engine, in the engine's framing."""

import contextlib
import socket
import struct
from typing import Protocol, cast

# One byte for the stream, three of padding, the length.
_HEAD = struct.Struct(">BxxxI")
_STDOUT, _STDERR = 1, 2
_SEND_SECONDS = 60.0
_PIECE = 1 << 18
_WORDS_KEPT = 4096


class _Connection(Protocol):
    """What sockets, TLS sockets and SSH channels have in common."""

    def settimeout(self, value: float) -> None: ...
    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


class DockerWire:
    """``attached`` is what docker-py's ``attach_socket`` gives: a socket, or a file around one."""

    def __init__(self, attached: object) -> None:
        # The attached object keeps the connection alive: it has to stay referenced.
        self._attached = attached
        self._connection = cast("_Connection", getattr(attached, "_sock", attached))
        self._raw = bytearray()
        self._words = bytearray()

    def send(self, data: bytes) -> None:
        """Send everything within a minute per piece."""
        self._connection.settimeout(_SEND_SECONDS)
        view = memoryview(data)
        for start in range(0, len(data), _PIECE):
            self._connection.sendall(bytes(view[start : start + _PIECE]))

    def receive(self, seconds: float) -> bytes | None:
        """The next bytes of stdout; None when none came for ``seconds``; ``b""`` at the end."""
        self._connection.settimeout(seconds)
        try:
            data = self._connection.recv(_PIECE)
        except TimeoutError:
            return None
        if not data:
            return b""
        self._raw += data
        return self._stdout() or None

    def _stdout(self) -> bytes:
        """Take the complete pieces out of the received bytes; keep the end of stderr apart."""
        out, start = bytearray(), 0
        while start + _HEAD.size <= len(self._raw):
            stream, size = _HEAD.unpack_from(self._raw, start)
            end = start + _HEAD.size + size
            if end > len(self._raw):
                break
            piece = self._raw[start + _HEAD.size : end]
            if stream == _STDOUT:
                out += piece
            elif stream == _STDERR:
                self._words = (self._words + piece)[-_WORDS_KEPT:]
            start = end
        del self._raw[:start]
        return bytes(out)

    def last_words(self) -> str:
        """The end of stderr."""
        return self._words.decode("utf-8", "replace")

    def close(self) -> None:
        """Close the connection; the sandbox ends with it. A second call does nothing."""
        # A socket stays open as long as a file refers to it, and docker-py's file is part of a reference cycle. Without
        # the shutdown, the other end would notice nothing until the garbage collector runs.
        if shutdown := getattr(self._connection, "shutdown", None):
            with contextlib.suppress(OSError):
                shutdown(socket.SHUT_RDWR)
        # The response first: it flushes the connection below it.
        for one in (getattr(self._attached, "_response", None), self._attached, self._connection):
            if close := getattr(one, "close", None):
                with contextlib.suppress(OSError):
                    close()
