"""The first message of a TLS client, as Python's own TLS writes it."""

import ssl

import pytest


def hello(name: str | None, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> bytes:
    context = ssl.create_default_context()
    context.minimum_version, context.check_hostname, context.verify_mode = minimum, False, ssl.CERT_NONE
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()
