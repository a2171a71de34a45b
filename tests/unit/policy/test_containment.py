"""Whether a glob is contained in another, held against matching of paths that it was not told of."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deputy.domain.changes.globs import compile_glob, matches
from deputy.policy.core.containment import contained, example, overlapping, sample
from tests.support.examples import examples

SEGMENTS = st.text("ab.x", min_size=1, max_size=3)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join)
WILD = st.one_of(st.text("ab.*?", min_size=1, max_size=3), st.just("**"))
GLOBS = st.lists(WILD, min_size=1, max_size=4).map("/".join)


def well_formed(glob: str) -> bool:
    try:
        compile_glob(glob)
    except ValueError:
        return False
    return True


GOOD = GLOBS.filter(well_formed)


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("secrets/prod.env", "secrets/**", True),
        ("secrets", "secrets/**", True),
        ("secrets/**", "secrets", False),
        ("**/*.py", "**", True),
        ("**", "**/*", True),  # every path ends with a segment
        ("*", "?*", True),  # and none is empty
        ("**/**/a", "**/a", True),
        ("a/**/b", "a/**", True),
        ("a/**", "a/**/b", False),
        ("src/*/x", "src/**/x", True),
        ("src/**/x", "src/*/x", False),
        ("**/billing/**", "billing/**", False),
        ("billing/**", "**/billing/**", True),
        ("*.y*ml", "*.yml", False),
        (".env.local", "**/.env*", True),
    ],
)
def test_containment_by_example(inner: str, outer: str, expected: bool) -> None:
    assert contained(inner, outer) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("src/**", "**/*.sql", True),
        ("src/**", "docs/**", False),
        ("*", "a/**", True),
        ("a?", "?b", True),
        ("a", "b", False),
    ],
)
def test_overlap_by_example(one: str, other: str, expected: bool) -> None:
    assert overlapping(one, other) is overlapping(other, one) is expected


@settings(max_examples=examples(600), deadline=None)
@given(GOOD, GOOD, PATHS)
def test_containment_is_what_matching_says(inner: str, outer: str, path: str) -> None:
    assume(matches(inner, path))
    assert not contained(inner, outer) or matches(outer, path)


@settings(max_examples=examples(600), deadline=None)
@given(GOOD, GOOD, GOOD)
def test_an_example_is_one(one: str, other: str, outside: str) -> None:
    found = example([one, other], [outside])
    if found is not None:
        assert matches(one, found)
        assert matches(other, found)
        assert not matches(outside, found)
        assert all(found.split("/"))


@settings(max_examples=examples(600), deadline=None)
@given(GOOD, GOOD, PATHS)
def test_what_both_match_is_an_overlap(one: str, other: str, path: str) -> None:
    assume(matches(one, path))
    assert overlapping(one, other) or not matches(other, path)
    assert contained(one, other) or example([one], [other]) is not None


@settings(max_examples=examples(400), deadline=None)
@given(GOOD, GOOD, GOOD)
def test_containment_is_an_order(a: str, b: str, c: str) -> None:
    assert contained(a, a)
    assert contained(a, "**")
    assert not (contained(a, b) and contained(b, c)) or contained(a, c)


@settings(max_examples=examples(300), deadline=None)
@given(GOOD)
def test_a_sample_is_one(glob: str) -> None:
    assert matches(glob, sample(glob))


def test_a_monstrous_glob_ends() -> None:
    assert not contained("*" + "?*" * 3, "*a" + "?" * 30)
