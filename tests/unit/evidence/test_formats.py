"""JUnit XML and TAP, from well-behaved runners and from those who mean harm."""
# ruff: noqa: E501 - one case is one line

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.evidence import MAX_REPORT_BYTES, TestReport, Unreadable, parse_report, read_report
from tests.support.examples import examples

PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1"
failures="1" skipped="1" tests="4" time="0.1" timestamp="2026-11-22T21:00:00" hostname="box">
<testcase classname="tests.test_cart" name="test_total" time="0.001" />
<testcase classname="tests.test_cart" name="test_tax[7 %]"><failure message="assert 1 == 2">E</failure></testcase>
<testcase classname="tests.test_cart" name="test_db"><error message="failed on setup">E</error></testcase>
<testcase classname="tests.test_cart" name="test_slow"><skipped type="pytest.skip" message="slow" /></testcase>
</testsuite></testsuites>"""
JEST = """<testsuites name="jest tests" tests="2" failures="1"><testsuite name="cart" tests="2" failures="1">
<testcase classname="cart adds" name="cart adds"/><testcase classname="cart taxes" name="cart taxes"><failure>x</failure>
</testcase></testsuite></testsuites>"""
SUREFIRE = """<testsuite name="acme.CartTest" tests="1" errors="0" skipped="0" failures="0">
<testcase name="total" classname="acme.CartTest"><system-out><![CDATA[<!DOCTYPE html><failure/>]]></system-out></testcase>
</testsuite>"""
NESTED = """<testsuites><testsuite name="a"><testsuite name="b"><testcase name="t"><failure/></testcase></testsuite>
</testsuite></testsuites>"""
NO_CASE = '<testsuites><testsuite name="a" tests="0" errors="1"><system-err>no such module</system-err></testsuite></testsuites>'


def _claims(path: str, text: str) -> tuple[int | None, int, int, int, tuple[str, ...]]:
    report = read_report(path, text.encode())
    assert isinstance(report, TestReport), report
    return report.tests, report.failures, report.errors, report.skipped, report.names


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        (PYTEST, (3, 1, 1, 1, ("tests.test_cart.test_tax[7 %]", "tests.test_cart.test_db"))),
        (JEST, (2, 1, 0, 0, ("cart taxes",))),
        (SUREFIRE, (1, 0, 0, 0, ())),
        (NESTED, (1, 1, 0, 0, ("t",))),
        (NO_CASE, (0, 0, 1, 0, ())),
        ("<testsuites/>", (0, 0, 0, 0, ())),
        ('<testsuites><testcase name="t"><testcase name="u"><error/></testcase></testcase></testsuites>', (2, 0, 2, 0, ("t", "u"))),
    ],
)  # fmt: skip
def test_junit(text: str, claims: tuple[object, ...]) -> None:
    assert _claims("out/report.xml", text) == claims


TAP14 = """TAP version 14
1..4
ok 1 - adds
    # Subtest: taxes
    not ok 1 - seven percent
    1..1
not ok 2 - taxes
  ---
  message: 'not ok 3 - quoted'
  ...
ok 3 - slow # SKIP later
not ok 4 - odd # TODO some day
12345 lines of chatter
okay then
"""


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("1..2\nok 1\nok 2 - b\n", (2, 0, 0, 0, ())),
        ("1..2\r\nok 1\r\nnot ok 2 - b\r\n", (2, 1, 0, 0, ("b",))),
        (TAP14, (2, 1, 0, 2, ("taxes",))),
        ("ok 1\nnot ok\n1..2\n", (2, 1, 0, 0, ("test 2",))),
        ("1..0 # SKIP nothing to do\n", (0, 0, 0, 0, ())),
        ("1..3\nok 1\n", (1, 0, 1, 0, ("3 tests were planned, and 1 ran",))),
        ("1..1\nok 1\nok 2\n", (2, 0, 1, 0, ("1 tests were planned, and 2 ran",))),
        ("1..1\nok 1\nBail out! no database\n", (1, 0, 1, 0, ("Bail out! no database",))),
        # What a name says of itself is no directive, and what is skipped has not failed.
        ("1..1\nnot ok 1 - parses \\# TODO\n", (1, 1, 0, 0, ("parses \\",))),
        ("1..1\nnot ok 1 - x # SKIP why\n", (1, 1, 0, 0, ("x",))),
    ],
)
def test_tap(text: str, claims: tuple[object, ...]) -> None:
    assert _claims("report.tap", text) == claims


def test_tap_in_the_output_counts_with_its_lines_and_its_summary() -> None:
    assert parse_report("TAP version 13\n1..1\nok 1 - a\n") == TestReport(1)
    node = "TAP version 13\n# Subtest: a\n    ok 1 - b\n    1..1\nnot ok 1 - a\n1..1\n# tests 5\n# pass 4\n# fail 1\n"
    assert parse_report(node) == TestReport(5, 1, names=("a",))
    lying = "1..1\nnot ok 1 - a\n# pass 1\n# fail 0\n"
    report = parse_report(lying)
    assert report is not None
    assert report.broken == 1


@pytest.mark.parametrize(
    "text", ["ok  \texample.com/a\t0.01s", "okay\nok then", "counting\n1..10\ndone", "1..5 apples\nok"]
)
def test_what_only_looks_like_tap_is_none(text: str) -> None:
    report = parse_report(text)
    assert report is None or report.tests is None  # go says "ok", too


def test_tap_whose_head_was_cut_off_is_not_held_to_its_plan() -> None:
    text = "ok 8\nok 9\n1..9\n"
    whole, cut = parse_report(text), parse_report(text, is_whole=False)
    assert whole is not None
    assert cut is not None
    assert (whole.broken, cut.broken) == (1, 0)


# ---------------------------------------------------------------------------------------------------------- hostile

_LAUGHS = "".join(f'<!ENTITY {chr(98 + n)} "{(f"&{chr(97 + n)};") * 10}">' for n in range(9))
HOSTILE = {
    "laughs": f'<!DOCTYPE l [<!ENTITY a "lol">{_LAUGHS}]><testsuites><testsuite name="&j;"/></testsuites>',
    # Below what the parser itself takes for an attack: seven kilobytes that become four million characters.
    "modest": f'<!DOCTYPE l [<!ENTITY a "{"x" * 4000}">]><testsuites>{"&a;" * 1000}</testsuites>',
    "file": '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuites>&a;</testsuites>',
    "host": '<!DOCTYPE l SYSTEM "http://127.0.0.1:9/x.dtd"><testsuites/>',
    "parameter": '<!DOCTYPE l [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><testsuites/>',
    "deep": "<testsuites>" + "<testsuite>" * 100_000 + "</testsuite>" * 100_000 + "</testsuites>",
    "deep cases": "<testsuites>" + "<testcase>" * 300_000 + "</testcase>" * 300_000 + "</testsuites>",
    "many": "<testsuites>" + "<testcase/>" * 700_000 + "</testsuites>",
    "large": "<testsuites>" + " " * MAX_REPORT_BYTES + "</testsuites>",
    "tap": "1..9\n" + "ok\n" * 2_000_000,
    "number": f"1..{'9' * 10_000}\nok\n",
    "words": "<testsuites errors='many'/>",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_hostile_report_is_refused(name: str, encoding: str) -> None:
    path = "r.tap" if name in {"tap", "number"} else "r.xml"
    read = read_report(path, HOSTILE[name].encode(encoding))
    assert isinstance(read, Unreadable)
    assert len(read.why) < 300


def test_a_document_type_is_why() -> None:
    for name in ("laughs", "modest", "file", "host", "parameter"):
        assert read_report("r.xml", HOSTILE[name].encode()) == Unreadable(
            "it has a document type, which no report needs"
        )


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("r.xml", b"", "not well-formed"),
        ("r.xml", b"<html/>", "Invalid format"),
        ("r.xml", b"<testsuites>", "not well-formed"),
        ("r.xml", b'<n:testsuites xmlns:n="x"/>', "Invalid format"),
        ("r.xml", b"<testsuites>\xff</testsuites>", "not well-formed"),
        ("r.tap", b"", "no plan"),
        ("r.tap", b"ok 1\n", "no plan"),
        ("r.tap", b"\xff1..1\nok", "not well-formed"),
        ("r.tap", b"TAP version 12\n1..1\nok\n", "not well-formed"),
        ("r.json", b"{}", "neither in .xml"),
        ("r", b"1..1\nok\n", "neither in .xml"),
    ],
)
def test_what_is_no_report_says_why(path: str, content: bytes, says: str) -> None:
    read = read_report(path, content)
    assert isinstance(read, Unreadable)
    assert says in read.why


_PIECES = st.sampled_from(
    ["<testsuites>", "</testsuites>", "<testcase name='a'>", "</testcase>", "<failure/>", "<!DOCTYPE x [", "]>", "<!--", "&a;",
     "1..2\n", "ok 1\n", "not ok 2 # TODO\n", "TAP version 13\n", "Bail out!\n", "1..99999999999\n", "\x00", "<?xml?>", " failures='x'"]
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(
    st.sampled_from(["r.xml", "r.tap", "r"]),
    st.lists(_PIECES | st.text(max_size=5), max_size=12),
    st.binary(max_size=20),
)
def test_reading_never_raises(path: str, pieces: list[str], tail: bytes) -> None:
    content = "".join(pieces).encode("utf-8", "surrogatepass") + tail
    assert isinstance(read_report(path, content), TestReport | Unreadable)
    parse_report(content.decode("utf-8", "replace"))
