"""Output that a sandbox printed, made safe to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.evidence import safe_text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u202eb".encode(), "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        (b"one\r\ntwo\tx\n", "one\ntwo\tx\n"),
        (b"90%\r100%", "90%\\r100%"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("\ud800", "\\ud800"),
        ("naïve 漢字 🙂", "naïve 漢字 🙂"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("line\u2028break", "line\\u2028break"),
    ],
)
def test_cases(data: bytes | str, expected: str) -> None:
    assert safe_text(data, 1000) == expected


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)), st.integers(0, 200))
def test_never_longer_never_hiding_and_stable(data: bytes | str, limit: int) -> None:
    text = safe_text(data, limit)
    assert len(text) <= limit
    assert all(char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"} for char in text)
    assert safe_text(text, limit) == text


def test_a_long_text_keeps_head_and_tail_and_counts_the_rest() -> None:
    text = safe_text("a" * 1000 + "z" * 1000, 200)
    assert text.startswith("aaa")
    assert text.endswith("zzz")
    head, note, tail = text.split("\n")
    assert note == f"… {2000 - len(head) - len(tail)} characters left out …"
