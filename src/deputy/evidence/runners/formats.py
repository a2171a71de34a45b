"""Report files in the formats of the field, JUnit XML and TAP, read by libraries out of bytes that nobody vouches for.

The libraries say what a test case or a line means; what may be read at all is bounded here. junitparser alone would
take a document type with entities (expat stops those that grow a hundredfold, not before) and, where lxml is installed,
leave the parsing to it: so it is given elements, made by a parser that refuses both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from junitparser import Error, Failure, JUnitXml, JUnitXmlError, Skipped, TestCase
from tap.line import Line
from tap.parser import Parser

from deputy.evidence.claims import TestReport, number
from deputy.evidence.runners.unstarted import is_file, is_hook, is_unloaded, is_unready

MAX_REPORT_BYTES = 8 * 1024**2
MAX_TESTS = 100_000
_MAX_ELEMENTS, _DEEPEST, _SLICE = 500_000, 60, 64 * 1024
_BROKEN_TAGS, _SUITE_TAGS = frozenset({"failure", "error"}), frozenset({"testsuites", "testsuite"})
# tap.py takes "okay" for a result and "12345" for a plan.
_TAP_LINE = re.compile(r"(?:not )?ok(?:\s|$)|1\.\.\d+\s*(?:#|$)|Bail out!|TAP version \d")


@dataclass(frozen=True)
class Unreadable:
    """Why a report can't be read, as a clause: "it is no JUnit XML (…)"."""

    why: str


class TooMuch(Exception):
    """Raised where reading stops; its text is the reason, as a clause."""


def read_report(path: str, content: bytes) -> TestReport | Unreadable:
    """What the report file claims; its name says the format. Never raises, whatever the bytes are."""
    if len(content) > MAX_REPORT_BYTES:
        return Unreadable(f"it is larger than {MAX_REPORT_BYTES // 1024**2} MiB")
    try:
        if path.endswith(".xml"):
            return _junit(content)
        if path.endswith(".tap"):
            return tap_report(content.decode()) or Unreadable("it is no TAP: it has no plan")
    except TooMuch as refusal:
        return Unreadable(str(refusal))
    except (ParseError, JUnitXmlError, ValueError) as error:
        return Unreadable(f"it is not well-formed ({type(error).__name__}: {str(error)[:120]})")
    return Unreadable("its name ends neither in .xml (JUnit) nor in .tap")


# ------------------------------------------------------------------------------------------------------ JUnit XML


class _Bounded(TreeBuilder):
    """Elements, but not too many, not too deep, and no document type, since only that can hold entities."""

    def __init__(self) -> None:
        super().__init__()
        self._count = self._depth = 0

    def doctype(self, *_: object) -> None:
        raise TooMuch("it has a document type, which no report needs")

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._count, self._depth = self._count + 1, self._depth + 1
        if self._count > _MAX_ELEMENTS or self._depth > _DEEPEST:
            raise TooMuch(f"it has more than {_MAX_ELEMENTS:,} elements, or more than {_DEEPEST} levels")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parsed(content: bytes) -> Element:
    parser = XMLParser(target=_Bounded())  # noqa: S314 - the target refuses what makes XML dangerous
    # In slices: an error in a callback stops the parser at the end of what it was fed, not at once.
    for start in range(0, len(content), _SLICE):
        parser.feed(content[start : start + _SLICE])
    root = parser.close()
    if not isinstance(root, Element):
        raise TooMuch("it is empty")
    return root


def _junit(content: bytes) -> TestReport:
    root = _parsed(content)
    JUnitXml.fromroot(root)  # raises when the root is another
    cases = [TestCase.fromelem(element) for element in root.iter("testcase")]
    if len(cases) > MAX_TESTS:
        raise TooMuch(f"it has more than {MAX_TESTS:,} tests")
    failures = errors = skipped = unloaded = unready = 0
    names: list[str] = []
    for case in cases:
        outcome = {type(result) for result in case.result}
        failures += Failure in outcome
        errors += Error in outcome and Failure not in outcome
        skipped += outcome == {Skipped}
        if outcome & {Failure, Error}:
            names.append(_name(case.classname or "", case.name or ""))
            is_no_test = _is_unloaded(case)
            unloaded += is_no_test
            unready += not is_no_test and all(_is_unready(case, result) for result in _broken(case))
    # A suite that could not start may say so without a case.
    unnamed = 0 if names else _said_broken(root)
    return TestReport(
        tests=len(cases) - skipped - unloaded,
        failures=failures,
        errors=errors + unnamed,
        skipped=skipped,
        names=tuple(names),
        unloaded=unloaded + unnamed,
        unready=unready,
    )


def _broken(case: TestCase) -> list[Failure | Error]:
    return [result for result in case.result if isinstance(result, Failure | Error)]


def _is_unloaded(case: TestCase) -> bool:
    return any(
        is_unloaded(case.classname or "", case.name or "", result.message or "", result.text or "")
        for result in _broken(case)
    )


def _is_unready(case: TestCase, result: Failure | Error) -> bool:
    return is_unready(case.name or "", result.message or "")


def _name(suite: str, name: str) -> str:
    return name if not suite or name.startswith(suite) else f"{suite}.{name}"


def _said_broken(root: Element) -> int:
    """How much is broken by the words of the suites, and by what stands outside of cases."""
    stray = sum(element.tag in _BROKEN_TAGS for element in root.iter())
    counted = [
        sum(number(element.get(key) or "0") for key in ("failures", "errors"))
        for element in root.iter()
        if element.tag in _SUITE_TAGS
    ]
    return max([stray, *counted])


# ------------------------------------------------------------------------------------------------------------ TAP


def tap_report(text: str, *, is_whole: bool = True) -> TestReport | None:
    """What TAP lines in the text claim, or None when there is no plan among them.

    A plan that was not kept counts as an error, unless part of the text is missing. ``ValueError`` for a version that
    does not exist.
    """
    parser, plan, ran, failures, skipped, unloaded, unready = Parser(), None, 0, 0, 0, 0, 0
    names: list[str] = []
    stopped: list[str] = []
    for raw, line in _tap_lines(parser, text):
        if line.category == "plan":
            plan = (plan or 0) + line.expected_tests
        elif line.category == "bail":
            stopped.append(f"Bail out! {line.reason}".strip())
        elif line.category == "test":
            ran += 1
            if ran > MAX_TESTS:
                raise TooMuch(f"it has more than {MAX_TESTS:,} tests")
            # An escaped "#" is part of a name; tap.py takes what follows for a directive.
            is_excused = (line.todo or (line.ok and line.skip)) and "\\#" not in raw
            skipped += is_excused
            if not line.ok and not is_excused:
                failures += 1
                names.append(line.description.removeprefix("- ") or f"test {line.number or ran}")
                # Vitest ends the line of a file whose tests it shows, indented, with a brace.
                is_no_test = is_file(names[-1]) and not raw.rstrip().endswith("{")
                unloaded += is_no_test
                unready += not is_no_test and is_hook(names[-1])
    if plan is None:
        return None
    if is_whole and plan != ran:
        stopped.append(f"{plan} tests were planned, and {ran} ran")
    return TestReport(
        tests=ran - skipped - unloaded,
        failures=failures,
        errors=len(stopped),
        skipped=skipped,
        names=(*names, *stopped),
        unloaded=unloaded,
        unready=unready + len(stopped),
    )


def _tap_lines(parser: Parser, text: str) -> Iterator[tuple[str, Line]]:
    """The lines that TAP knows (those of subtests, which are indented, are summed up by one that isn't)."""
    for raw in text.split("\n"):
        if _TAP_LINE.match(raw):
            yield raw, parser.parse_line(raw.rstrip())
