"""The server name in what a TLS client says first, as Python's own TLS says it, whole and in pieces."""

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.adapters.network.tls_hello import server_name
from tests.support.tls import hello

WHOLE = hello("pypi.org")


@pytest.mark.parametrize("minimum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_name_is_found(minimum: ssl.TLSVersion) -> None:
    assert server_name(hello("files.pythonhosted.org", minimum)) == "files.pythonhosted.org"


def test_not_before_all_of_it_is_there() -> None:
    assert [server_name(WHOLE[:size]) for size in range(len(WHOLE))] == [None] * len(WHOLE)
    assert server_name(WHOLE + b"and more") == "pypi.org"


def test_a_hello_in_many_records() -> None:
    body = WHOLE[5:]
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    assert server_name(b"".join(WHOLE[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)) == "pypi.org"


NOBODY = {
    "no name": hello(None),
    "http": b"GET / HTTP/1.1\r\n",
    "ssh": b"SSH-2.0-x",
    "a server's hello": b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
    "data": b"\x17\x03\x03\x00\x01x",
    "too long": b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
    "nonsense": WHOLE[:5] + b"\x01" + (60).to_bytes(3, "big") + b"\xff" * 60,
}


@pytest.mark.parametrize("data", NOBODY.values(), ids=NOBODY)
def test_what_names_nobody(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        server_name(data)


@given(st.binary(max_size=200), st.integers(0, len(WHOLE)))
def test_any_bytes_are_a_name_or_none_or_refused(noise: bytes, kept: int) -> None:
    with contextlib.suppress(ValueError):
        server_name(WHOLE[:kept] + noise)
