"""Reads the server name in a TLS client's first message (RFC 8446, 4.1.2; RFC 6066, 3).

Many hosts share an address, for instance those of a content network. A tunnel to an allowed host could reach all the
others by naming them inside TLS. So a tunnel has to begin with the server name that the proxy was asked for.
"""

MAX_BYTES = 32_768
_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME, _HOST_NAME = 22, 1, 0, 0
_RECORD_HEAD, _MESSAGE_HEAD, _RANDOM = 5, 4, 34


class _Reader:
    """Reads bytes from the front; ``ValueError`` when there are too few."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, size: int) -> bytes:
        if len(self.rest) < size:
            raise ValueError("it is cut short")
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> "_Reader":
        """The bytes after a length of ``size`` bytes."""
        return _Reader(self.take(self.number(size)))


def server_name(data: bytes) -> str | None:
    """The server name in a client's first bytes; None when more bytes are needed.

    ``ValueError`` when they do not begin TLS, or name no server.
    """
    message = _message(data)
    if message is None:
        return None
    message.take(_RANDOM)
    for size in (1, 2, 1):  # session, ciphers, compression
        message.block(size)
    extensions = message.block(2)
    while extensions.rest:
        kind, content = extensions.number(2), extensions.block(2)
        if kind == _SERVER_NAME:
            names = content.block(2)
            if names.number(1) != _HOST_NAME:
                break
            return names.block(2).rest.decode("ascii")
    raise ValueError("it names no server")


def _message(data: bytes) -> _Reader | None:
    """The client's hello, put together from its records; None when it is not complete."""
    body, start = b"", 0
    while start < len(data):
        if data[start] != _HANDSHAKE:
            raise ValueError("it is not TLS")
        end = start + _RECORD_HEAD + int.from_bytes(data[start + 3 : start + _RECORD_HEAD], "big")
        body += data[start + _RECORD_HEAD : end]
        start = max(end, start + _RECORD_HEAD)
        if len(body) < _MESSAGE_HEAD:
            continue
        if body[0] != _CLIENT_HELLO:
            raise ValueError("it does not begin as a client")
        size = int.from_bytes(body[1:_MESSAGE_HEAD], "big")
        if size > MAX_BYTES:
            raise ValueError("it is too long")
        if len(body) >= _MESSAGE_HEAD + size:
            return _Reader(body[_MESSAGE_HEAD : _MESSAGE_HEAD + size])
    return None
