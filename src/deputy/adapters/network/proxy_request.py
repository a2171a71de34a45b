"""Parses a request to the proxy: strict HTTP/1, and nothing that two parsers could understand in two ways.

There is one request per connection. The head that is sent on is written anew from the parsed values, so a server can't
understand it in another way (RFC 9112, section 11.2).
"""

import re
from dataclasses import dataclass
from itertools import chain

from deputy.domain.text.hosts import host_name

HEAD_LIMIT = 16_384
END = b"\r\n\r\n"
_CONNECT = "CONNECT"
_LINE = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}) ([\x21-\x7e]+) (HTTP/1\.[01])")
_TUNNEL = re.compile(r"(\[[^\]]*\]|[^\[\]:/?#@]+):([0-9]{1,5})")
_PLAIN = re.compile(r"http://(\[[^\]]*\]|[^\[\]:/?#@]+)(?::([0-9]{1,5}))?((?:[/?][^#]*)?)", re.IGNORECASE)
_FIELD = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,12}")
# Headers that are not sent on: they are hop by hop, or we write them ourselves.
_DROPPED = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    }
)
_HTTP_PORT = 80


class Refused(Exception):
    """A request that is refused with an HTTP ``status``. ``why`` is a clause; ``host`` and ``port`` are its target."""

    def __init__(self, status: int, why: str, host: str = "", port: int = 0, remedy: str = "") -> None:
        super().__init__(why)
        self.status, self.why, self.host, self.port, self.remedy = status, why, host, port, remedy


@dataclass(frozen=True)
class ProxyRequest:
    """A parsed request. Its server gets ``head`` and then ``body`` bytes; a tunnel has neither."""

    host: str
    port: int
    is_tunnel: bool
    head: bytes = b""
    body: int = 0


def read_request(head: bytes) -> ProxyRequest:
    """Parse a head, which includes its last empty line; ``Refused`` for anything malformed."""
    line, *fields = head.removesuffix(END).decode("latin-1").split("\r\n")
    parts = _LINE.fullmatch(line)
    if not parts:
        raise Refused(400, "this is not a request that a proxy understands")
    method, target, version = parts.groups()
    headers = [_field(field) for field in fields]
    if method == _CONNECT:
        return _tunnel(target, headers)
    return _plain(method, target, version, headers)


def _field(line: str) -> tuple[str, str]:
    # A folded line begins with a blank, so it does not match.
    found = _FIELD.fullmatch(line)
    if not found:
        raise Refused(400, "a header is malformed")
    return found[1], found[2]


def _tunnel(target: str, fields: list[tuple[str, str]]) -> ProxyRequest:
    found = _TUNNEL.fullmatch(target)
    if not found:
        raise Refused(400, "CONNECT wants host:port and nothing else")
    if any(name.lower() in {"content-length", "transfer-encoding"} for name, _ in fields):
        raise Refused(400, "CONNECT has no body")
    host, port = _where(found[1], found[2])
    return ProxyRequest(host, port, is_tunnel=True)


def _plain(method: str, target: str, version: str, fields: list[tuple[str, str]]) -> ProxyRequest:
    found = _PLAIN.fullmatch(target)
    if not found:
        raise Refused(400, "a proxy wants http://host/path, or CONNECT for everything else")
    host, port = _where(found[1], found[2] or str(_HTTP_PORT))
    body = _body(fields)
    named = chain.from_iterable(value.lower().split(",") for name, value in fields if name.lower() == "connection")
    dropped = _DROPPED.union(token.strip() for token in named)
    path = found[3] if found[3].startswith("/") else f"/{found[3]}"
    lines = [
        f"{method} {path} {version}",
        f"Host: {host}" if port == _HTTP_PORT else f"Host: {host}:{port}",
        *(f"{name}: {value}" for name, value in fields if name.lower() not in dropped),
        *([] if body is None else [f"Content-Length: {body}"]),
        "Connection: close",
    ]
    return ProxyRequest(host, port, is_tunnel=False, head="\r\n".join(lines).encode("latin-1") + END, body=body or 0)


def _where(host: str, port: str) -> tuple[str, int]:
    try:
        return host_name(host), int(port)
    except ValueError as error:
        is_address = "address" in str(error)
        why = "an address, and only names can be allowed" if is_address else "not a host's name"
        raise Refused(403, f"it is {why}", host, int(port)) from None


def _body(fields: list[tuple[str, str]]) -> int | None:
    """The length of the body; None without a Content-Length."""
    if any(name.lower() == "transfer-encoding" for name, _ in fields):
        raise Refused(501, "a body needs a Content-Length here")
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Refused(400, "Content-Length is malformed")
    return int(lengths[0])
