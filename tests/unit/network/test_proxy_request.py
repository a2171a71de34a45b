"""What a sandbox may say to the gateway's proxy, and the names of hosts: read strictly, written anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.adapters.network.proxy_request import END, Refused, read_request
from deputy.adapters.network.rules import read_rules
from deputy.domain.errors import BadInput
from deputy.domain.text.hosts import covers_host, host_name, host_pattern


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1") + END


def refusal(*lines: str) -> Refused:
    with pytest.raises(Refused) as caught:
        read_request(head(*lines))
    return caught.value


# ---------------------------------------------------------------------------------------------------- requests


def test_a_tunnel() -> None:
    request = read_request(
        head("CONNECT PyPI.org.:443 HTTP/1.1", "Host: other.example", "Proxy-Connection: keep-alive")
    )
    assert (request.host, request.port, request.is_tunnel, request.head, request.body) == (
        "pypi.org",
        443,
        True,
        b"",
        0,
    )


def test_a_plain_request_is_written_anew() -> None:
    request = read_request(
        head(
            "GET http://Deb.Debian.org/debian/dists/?a=b HTTP/1.1",
            "Host: metadata.internal",
            "Connection: keep-alive, X-Secret-Hop",
            "X-Secret-Hop: yes",
            "Proxy-Authorization: Basic eDp5",
            "Upgrade: h2c",
            "Accept:  text/plain ",
        )
    )
    assert (request.host, request.port, request.is_tunnel, request.body) == ("deb.debian.org", 80, False, 0)
    assert request.head == head(
        "GET /debian/dists/?a=b HTTP/1.1", "Host: deb.debian.org", "Accept: text/plain", "Connection: close"
    )


@pytest.mark.parametrize(
    ("target", "line", "host"),
    [
        ("http://a.example", "GET / HTTP/1.1", "Host: a.example"),
        ("HTTP://a.example?x", "GET /?x HTTP/1.1", "Host: a.example"),
        ("http://a.example:8081/x", "GET /x HTTP/1.1", "Host: a.example:8081"),
    ],
)
def test_targets(target: str, line: str, host: str) -> None:
    written = read_request(head(f"GET {target} HTTP/1.1")).head.decode().split("\r\n")
    assert written[:2] == [line, host]


def test_a_body_has_one_length() -> None:
    request = read_request(head("POST http://a.example/ HTTP/1.1", "Content-Length: 12", "Connection: content-length"))
    assert request.body == 12
    assert b"\r\nContent-Length: 12\r\n" in request.head


@pytest.mark.parametrize(
    "lines",
    [
        ("GET / HTTP/1.1", "Host: a.example"),
        ("GET https://a.example/ HTTP/1.1",),
        ("GET ftp://a.example/ HTTP/1.1",),
        ("GET http://user@a.example/ HTTP/1.1",),
        ("GET http://a.example/#x HTTP/1.1",),
        ("GET http:///x HTTP/1.1",),
        ("GET http://a.example:99999999/ HTTP/1.1",),
        ("GET  http://a.example/ HTTP/1.1",),
        ("GET http://a.example/ HTTP/2",),
        ("GET http://a.example/",),
        ("GET http://a.example/\x00 HTTP/1.1",),
        ("G\tT http://a.example/ HTTP/1.1",),
        (" GET http://a.example/ HTTP/1.1",),
        ("", "GET http://a.example/ HTTP/1.1"),
        ("CONNECT a.example HTTP/1.1",),
        ("CONNECT http://a.example:443/ HTTP/1.1",),
        ("CONNECT a.example:443/x HTTP/1.1",),
        ("CONNECT user@a.example:443 HTTP/1.1",),
        ("CONNECT a.example:443:443 HTTP/1.1",),
        ("CONNECT a.example:443 HTTP/1.1", "Content-Length: 5"),
        ("CONNECT a.example:443 HTTP/1.1", "Transfer-Encoding: chunked"),
        ("GET http://a.example/ HTTP/1.1", " folded: yes"),
        ("GET http://a.example/ HTTP/1.1", "A: b", "\tfolded"),
        ("GET http://a.example/ HTTP/1.1", "A : b"),
        ("GET http://a.example/ HTTP/1.1", "no colon"),
        ("GET http://a.example/ HTTP/1.1", "A: b\nX: y"),
        ("GET http://a.example/ HTTP/1.1", "A: b\rX: y"),
        ("GET http://a.example/ HTTP/1.1", "A: b\x00"),
        ("POST http://a.example/ HTTP/1.1", "Content-Length: 5", "Content-Length: 5"),
        ("POST http://a.example/ HTTP/1.1", "Content-Length: 5, 6"),
        ("POST http://a.example/ HTTP/1.1", "Content-Length: +5"),
        ("POST http://a.example/ HTTP/1.1", "Content-Length: "),
        ("POST http://a.example/ HTTP/1.1", "Transfer-Encoding: chunked"),
        ("POST http://a.example/ HTTP/1.1", "Transfer-encoding: identity", "Content-Length: 5"),
    ],
)
def test_odd_requests_go_nowhere(lines: tuple[str, ...]) -> None:
    assert refusal(*lines).status in {400, 501}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "169.254.169.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "1.",
    ],
)
def test_addresses_are_not_names(host: str) -> None:
    for lines in ((f"CONNECT {host}:443 HTTP/1.1",), (f"GET http://{host}/ HTTP/1.1",)):
        refused = refusal(*lines)
        assert refused.status == 403
        assert "only names can be allowed" in refused.why
        assert refused.host == host


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"GET http://a.example/ HTTP/1.1\r\n", b"CONNECT a.example:443 "])
)
def test_any_bytes_are_understood_or_refused(noise: bytes, start: bytes) -> None:
    try:
        request = read_request(start + noise + END)
    except Refused:
        return
    assert host_name(request.host) == request.host
    # What goes on is one head: nothing in it ends it early.
    assert request.is_tunnel or request.head.index(END) == len(request.head) - len(END)
    assert b"\n" not in request.head.replace(b"\r\n", b"")


# ---------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PyPI.Org", "pypi.org"),
        ("pypi.org.", "pypi.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("nexus", "nexus"),
        ("ｐｙｐｉ。org", "pypi.org"),
        ("_a.b-c.example", "_a.b-c.example"),
    ],
)
def test_names_are_written_one_way(text: str, name: str) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "a b",
        "a/b",
        "a:443",
        "http://a",
        "-a.example",
        "a-.example",
        "*",
        "*.a.example",
        "a.*",
        "1.2.3.4",
        "::1",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "a\n.example",
        "a.example\n",
        "é" * 300,
    ],
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        host_name(text)


def test_a_star_covers_the_hosts_below_and_not_the_host() -> None:
    pattern = host_pattern("*.Example.org")
    assert covers_host(pattern, "a.example.org")
    assert covers_host(pattern, "a.b.example.org")
    assert not covers_host(pattern, "example.org")
    assert not covers_host(pattern, "badexample.org")
    assert not covers_host(host_pattern("example.org"), "a.example.org")
    for text in ("*.org", "**.example.org", "*a.example.org", "*.*.example.org", "*.127.0.0.1"):
        with pytest.raises(ValueError, match=r"."):
            host_pattern(text)


# ---------------------------------------------------------------------------------------------------- rules


def test_ports() -> None:
    rules = read_rules(["a.example", "nexus.example"], ["nexus.example:8081", "*.inside.example"])
    for port in (80, 443):
        rules.check("a.example", port)
    rules.check("nexus.example", 8081)
    for host, port in (("a.example", 22), ("a.example", 8081), ("nexus.example", 8082), ("x.inside.example", 443)):
        with pytest.raises(Refused):
            rules.check(host, port)


def test_a_mistake_in_a_list_is_reported() -> None:
    for hosts, internal, word in (
        (["10.0.0.1"], [], "repos.toml"),
        ([], ["nexus:http"], "DEPUTY_INTERNAL_HOSTS"),
        ([], ["nexus:70000"], "no proper port"),
        ([], ["http://nexus"], "DEPUTY_INTERNAL_HOSTS"),
    ):
        with pytest.raises(BadInput, match=word):
            read_rules(hosts, internal)
