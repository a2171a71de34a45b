"""What is quick finds what the slow way found: whole files read at once, and every line looked at."""

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.gates.personal_data.forms import find_personal_data, worth_reading
from deputy.gates.tests_weakened import python as testcount_python
from deputy.gates.tests_weakened.counts import TestFacts
from deputy.gates.tests_weakened.python import Part, read_python
from deputy.gates.tests_weakened.python_parts import Marks, parts
from tests.support.examples import examples

LINES = (
    "def test_a():",
    "def test_b(x=skip()):",
    "async def test_c():",
    "class TestD:",
    "    def test_e(self):",
    "    assert x == 1",
    "    assert f(skip); pytest.skip()",
    "        assert x",
    "    assert (x,",
    "y)",
    "@pytest.mark.skip",
    "@parametrize('x', [1,",
    "2])",
    "    with pytest.raises(Exception):",
    "    pass",
    "        pass",
    "if not x:",
    "else:",
    "try:",
    "except Exception:",
    "raise SkipTest('no')",
    "return",
    "pytestmark = pytest.mark.xfail",
    "x = 1",
    '"""',
    "'''def",
    "x = (",
    ")",
    "\\",
    "x = 1 \\",
    "",
    "# assert",
    "    if 0:",
    "    return",
    "def é(): ſkip()",
    "\f",
    "\r",
    "    self.assertEqual(x, approx(1, rel=2))",
    "__test__ = False",
    "def define(): x = f'{pytest.skip()}'",
)
files = st.lists(st.sampled_from(LINES), max_size=14).map("\n".join)


def facts(text: str, known: dict[str, Part] | None = None) -> TestFacts | str:
    try:
        return read_python(text, known)
    except (SyntaxError, ValueError) as error:
        return type(error).__name__


def slow_facts(text: str) -> TestFacts | str:
    """One part, every line of it marked."""

    class Everywhere(Marks):
        def some(self, node: ast.stmt) -> bool:
            return True

        def only_one(self, node: ast.stmt) -> bool:
            return False

    usual = testcount_python.Marks, testcount_python.parts
    testcount_python.Marks, testcount_python.parts = Everywhere, lambda text: [(0, text)]  # type: ignore[misc,assignment]
    try:
        return facts(text)
    finally:
        testcount_python.Marks, testcount_python.parts = usual  # type: ignore[misc]


@settings(max_examples=examples(400), deadline=None)
@given(files, files, st.sampled_from(["\n", "\r\n"]))
def test_reading_in_parts_is_reading_the_whole(base: str, head: str, end: str) -> None:
    known: dict[str, Part] = {}
    for text in (base, head, f"{base}\n{head}"):
        ended = text.replace("\n", end)
        assert facts(ended, known) == slow_facts(ended)


@settings(max_examples=examples(200), deadline=None)
@given(files)
def test_parts_are_the_whole(text: str) -> None:
    found = list(parts(text))
    assert "".join(part for _, part in found) == text
    assert [line for line, _ in found] == [
        "".join(part for _, part in found[:number]).count("\n") for number in range(len(found))
    ]


def test_the_same_parts_are_read_once() -> None:
    known: dict[str, Part] = {}
    base = "import x\n\n\ndef test_a():\n    assert x\n\n\n@one\n@two(\n)\ndef test_b():\n    assert y\n"
    assert set(read_python(base, known).tests) == {"test_a", "test_b"}
    before = dict(known)
    head = base.replace("assert y", "assert y == 1")
    assert read_python(head, known).tests["test_b"].line == 11
    assert len(before) == 3
    assert len(known) == len(before) + 1


def test_what_seems_to_start_inside_a_string_does_not() -> None:
    text = 'x = """\ndef test_a():\n    assert x\n"""\n\n\ndef test_b():\n    assert y\n'
    assert set(read_python(text).tests) == {"test_b"}


SAMPLES = (
    "alice.marsh@shop.de",
    "+49 151 23456789",
    "+1 (212) 867 5309",
    "tel 030 / 1234 / 5678",
    "phone: 212-867-5309",
    "DE02 1203 0000 0000 2020 51",
    "GB33BUKB20201555555556",
    "NO9386011117947",
    "4539 1488 0343 6467",
    "378282246310006",
    "ssn 536-90-4399",
    "ssn 536 90 4399",
    "steuer 86095742719",
    "2 85 05 2A 123 456 78",
    "insee 185057800608436",
    "AB 12 34 56 C",
    "nino AB123456C",
    "bsn 1112.22.333",
    "bsn 111222333",
    "client 81.2.69.142",
    "client 9.8.7.6",
    "born 1980-02-03",
    "dob 03.02.1980",
    "birth 03/02/1980",
)
pieces = st.one_of(st.sampled_from(SAMPLES), st.text("0123456789 -./()+@AZaz:\n٣", max_size=12))


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(pieces, max_size=6).map(" ".join))
def test_no_line_with_personal_data_is_passed_over(text: str) -> None:
    offsets = list(worth_reading(text))
    begin = 0
    for line in text.split("\n"):
        if list(find_personal_data(line)):
            assert any(begin <= offset <= begin + len(line) for offset in offsets), line
        begin += len(line) + 1


def test_every_sample_is_worth_reading() -> None:
    assert [sample for sample in SAMPLES if not list(worth_reading(sample))] == []
    assert sum(1 for sample in SAMPLES if list(find_personal_data(sample))) > len(SAMPLES) / 2
