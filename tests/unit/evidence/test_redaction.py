"""Secrets are masked, ordinary text is not, and masking twice changes nothing.

Fixtures are put together here, so that no file of this repository holds anything that looks real.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.evidence import redact
from tests.support.examples import examples

SECRETS = {
    "aws-key": "AKI" + "A" + "ABCDEFGHIJKLMNOP",
    "slack-token": "xo" + "xb-123456789012-abcdefghij",
    "slack-webhook": "hooks.slack" + ".com/services/T0ACME/B0AAAA/abcdefgh12345678",
    "github-token": "gh" + "p_" + "a1B2" * 9,
    "gitlab-token": "glp" + "at-" + "a1B2" * 5,
    "model-key": "s" + "k-proj-" + "a1B2" * 8,
    "stripe-key": "sk_" + "live_" + "a1B2" * 5,
    "google-key": "AI" + "za" + "a" * 35,
    "registry-token": "np" + "m_" + "a" * 36,
    "jwt": "ey" + "J" + "hbGciOiJI" + "1.ey" + "J" + "zdWIiOiIx.abc_def",
    "private-key": "\n".join(
        ("-----BEGIN RSA PRIV" + "ATE KEY-----", "MIIE" * 16, "-----END RSA PRIV" + "ATE KEY-----")
    ),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_an_issued_secret_is_masked_wherever_it_stands(kind: str) -> None:
    secret = SECRETS[kind]
    for text in (secret, f"key = '{secret}'", f"({secret})", f"a\n{secret}\nb", f"+{secret},"):
        masked = redact(text)
        assert secret not in masked
        assert "[redacted: " in masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hun" + "ter22", "password=[redacted: credential]"),
        ("DB_PASSWORD = 'hun" + "ter22'", "DB_PASSWORD = '[redacted: credential]'"),
        ('{"api_key": "abc' + 'def99"}', '{"api_key": "[redacted: credential]"}'),
        ("password: hun" + "ter2hunter", "password: [redacted: credential]"),
        ("https://bob:hun" + "ter22@db/x", "https://[redacted: url-credentials]@db/x"),
        ("Authorization: Bearer abcdefgh" + "ijklmnop1", "Authorization: Bearer [redacted: bearer-token]"),
        ("?token=abc" + "123def&x=1", "?token=[redacted: credential]&x=1"),
    ],
)
def test_a_named_value_is_masked_and_its_name_stays(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=400000",
        "token: str = None",
        "login(password=password)",
        "def f(password: str) -> None",
        "api_key=os.environ['X']",
        "password=get_password()",
        "password = getpass()",
        "postgresql://deputy:${PW}@host/db",
        "https://example.com:8080/a",
        "secret = settings.secret_key",
        "the secret: nothing special",
        'password="changeme"',
        "postgresql://user:password@host/database",
        "client(token=slack_token, signing_secret=settings.signing_secret)",
        'UPGRADE_TOKEN = "upgrades"',
        "START = b'-----BEGIN OPENSSH PRIV" + "ATE KEY-----'\nEND = b'-----END OPENSSH PRIV" + "ATE KEY-----'",
        "sk-learn is not a key, nor is risk-management-for-everyone",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    ],
)
def test_code_and_prose_stay(text: str) -> None:
    assert redact(text) == text


def test_a_key_block_without_its_end_is_masked_to_the_end() -> None:
    assert redact("x -----BEGIN PRIV" + "ATE KEY-----\n" + "MIIEabcd" * 8 + "\nmore") == "x [redacted: private-key]"


def test_a_key_block_without_its_start_is_masked_too() -> None:
    tail = "log\n" + ("MIIEabcd" * 8 + "\n") * 3 + "abc=\n-----END PRIV" + "ATE KEY-----\nrest"
    assert redact(tail) == "log\n[redacted: private-key]\nrest"


_PIECES = st.one_of(
    st.sampled_from([*SECRETS.values(), "password=", "token: ", "://", "@", "'", '"', "Bearer ", ":", "=", " ", "\n"]),
    st.text(alphabet="abyJ.-_/kx019[]$", max_size=12),
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(_PIECES, max_size=8))
def test_masking_twice_changes_nothing(pieces: list[str]) -> None:
    once = redact("".join(pieces))
    assert redact(once) == once


@settings(max_examples=examples(100), deadline=None)
@given(
    st.sampled_from(sorted(SECRETS)),
    st.text(alphabet=" \n'\"(),;", max_size=5),
    st.text(alphabet=" \n'\"(),;", max_size=5),
)
def test_nothing_around_a_secret_protects_it(kind: str, before: str, after: str) -> None:
    assert SECRETS[kind] not in redact(before + SECRETS[kind] + after)


def test_a_long_text_comes_to_an_end() -> None:
    for text in (
        "password=" * 20_000,
        "a" * 200_000,
        "ey" + "J" + "a" * 100_000,
        ("ey" + "J-") * 50_000,
        "://" * 60_000,
        "-----BEGIN " * 18_000,
        "sk" + "-" + "sk-" * 60_000,
        "private key\n" + ("MIIEabcd" * 8 + "\n") * 3_000,
    ):
        redact(text)
