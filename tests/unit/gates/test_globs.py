"""The matcher against a slow reference, and the traps that it exists for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.changes.globs import compile_glob, matches
from tests.support.examples import examples


def _segment_matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_segment_matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and _segment_matches(pattern[1:], text[1:])


def _reference(patterns: list[str], segments: list[str]) -> bool:
    if not patterns:
        return not segments
    if patterns[0] == "**":
        return any(_reference(patterns[1:], segments[start:]) for start in range(len(segments) + 1))
    return bool(segments) and _segment_matches(patterns[0], segments[0]) and _reference(patterns[1:], segments[1:])


_NAMES = st.text(alphabet="ab.\n", min_size=1, max_size=4)
_PATTERN_SEGMENTS = st.one_of(
    st.just("**"),
    st.text(alphabet="ab.*?\n", min_size=1, max_size=4).filter(lambda s: "**" not in s and s not in {".", ".."}),
)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(_PATTERN_SEGMENTS, min_size=1, max_size=5), st.lists(_NAMES, min_size=1, max_size=5))
def test_agrees_with_the_slow_reference(patterns: list[str], segments: list[str]) -> None:
    assert matches("/".join(patterns), "/".join(segments)) == _reference(patterns, segments)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("secrets/**", "secrets/prod.env", True),
        ("secrets/**", "secrets/a/.hidden/b", True),
        ("secrets/**", "secrets", True),  # a link in the folder's place must not slip through a deny
        ("secrets/**", "secrets2/x", False),
        ("secrets/**", "x/secrets/y", False),
        ("**/secrets/**", "secrets/y", True),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("**/.env*", ".env.local", True),
        ("*.py", "a/b.py", False),
        ("a?b", "a/b", False),
        ("a.py", "axpy", False),
        ("a.py", "a.py\n", False),
        ("*.py", "a\nb.py", True),
        ("a/**/b", "a/b", True),
        ("a/**/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("**", "anything/at/all", True),
        ("Secrets/**", "secrets/x", False),
    ],
)
def test_cases(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


@pytest.mark.parametrize(
    "pattern", ["a**b", "***", "a/**b", "", "/a", "a/", "a//b", "./a", "../a", "[ab]", "{a,b}", "a\\b", "!a"]
)
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="glob"):
        compile_glob(pattern)
