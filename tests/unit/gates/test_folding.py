"""Names that one file system keeps apart and another does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deputy.domain.changes.folding import _fold_unicode, fold


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("Secrets/Prod.ENV", "secrets/prod.env"),
        (".g\u200cit/config", ".git/config"),
        ("ﬁx.py", "fix.py"),
        ("Straße", "strasse"),
        ("secrets./prod.env ", "secrets/prod.env"),
        ("secrets\\prod.env", "secrets/prod.env"),
        ("cafe\u0301", "caf\u00e9"),
        ("a/../b", "a/../b"),
        ("secrets::$INDEX_ALLOCATION/prod.env", "secrets/prod.env"),
        ("secrets/prod.env::$DATA", "secrets/prod.env"),
        (".git::$INDEX_ALLOCATION/config", ".git/config"),
        ("Secrets:x", "secrets"),
        ("secrets .:x", "secrets"),
        ("secrets\uff1ax", "secrets"),
        (":x", ":x"),
        ("COM\u00b9", "com1"),
    ],
)
def test_cases(path: str, folded: str) -> None:
    assert fold(path) == folded


# What HFS+ ignores in names, as git's core.protectHFS lists it.
@pytest.mark.parametrize("code", [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
def test_what_hfs_ignores_is_ignored(code: int) -> None:
    assert fold(f".g{chr(code)}i{chr(code)}t/config") == ".git/config"


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(path: str) -> None:
    assert fold(fold(path)) == fold(path)


@given(st.text(st.characters(max_codepoint=127), max_size=30))
def test_the_short_way_for_ascii_is_the_long_way(path: str) -> None:
    assert fold(path) == fold(_fold_unicode(path))
    assert path.lower() == _fold_unicode(path)
