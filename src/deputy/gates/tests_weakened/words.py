"""Tests in other languages, by their words: comments and the content of strings are blanked first."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deputy.gates.tests_weakened.counts import TestFacts, TestMeasure

# What is never closed matches to the end of the text: it is scanned once, not again from every opening.
_SLASHES = r"//[^\n]*|/\*(?s:.*?)(?:\*/|\Z)"
_DOUBLE, _SINGLE = r'"(?:\\.|[^"\\\n])*+"?', r"'(?:\\.|[^'\\\n])*+'?"
_TICKS = r"`(?s:\\.|[^`\\])*+`?"
_TRIPLE = r'"""(?s:.*?)(?:"""|\Z)'
_CHAR = r"'(?:\\[^\n']{1,10}|[^'\\\n])'"  # Rust's lifetimes have one quote, too


@dataclass(frozen=True)
class _Language:
    """``ignored`` is what is blanked; ``test`` has the name in its last group, or just after its last quote."""

    ignored: re.Pattern[str]
    test: re.Pattern[str]
    asserts: re.Pattern[str]
    skips: re.Pattern[str]


def _language(ignored: str, test: str, asserts: str, skips: str) -> _Language:
    return _Language(re.compile(ignored), *(re.compile(each, re.MULTILINE) for each in (test, asserts, skips)))


_JAVASCRIPT = _language(
    "|".join((_SLASHES, _DOUBLE, _SINGLE, _TICKS)),
    r"(?<![\w.$])[xf]?(?:it|test)(?:\.(?:only|skip|todo|fails|failing|concurrent|each(?:\([^()]{0,300}\)|`\s*`)))*"
    r"\s*\(\s*(?=[\"'`])",
    # ``expect(true).toBe(true)`` asserts nothing.
    r"(?<![\w.$])(?:expect|assert)(?:\.\w+)*+\s*\(\s*(?!(?:true|1|!0)\s*[,)])",
    r"(?<![\w.$])(?:(?:it|test|describe|suite)\.(?:skip|todo|only|fails|failing|skipIf|runIf)|x(?:it|test|describe)"
    r"|f(?:it|describe))\b",
)
_GO = _language(
    "|".join((_SLASHES, _DOUBLE, _CHAR, _TICKS)),
    r"^func\s+(?:\([^()\n]{0,200}\)\s*)?((?:Test|Fuzz|Example|Benchmark)\w*)\s*\(",
    r"\b\w+\.(?:Errorf?|Fatalf?|Fail|FailNow)\s*\(|\b(?:assert|require|is)\.\w+\s*\(",
    r"\.(?:Skipf?|SkipNow)\s*\(",
)
_JVM = _language(
    "|".join((_SLASHES, _TRIPLE, _DOUBLE, _CHAR)),
    r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Property)\b[^;@]{0,300}?(?:@[^;]{0,300}?)?"
    r"\b(?:void|fun|Stream<\w+>)\s+(`[^`\n]{1,200}`|\w{1,200})",
    r"\b(?:assert\w*|verify\w*|fail|expectThat|expectThrows|should\w*)\s*[(<{]|\bassert\s",
    r"@(?:Disabled\w*|Ignore\w*|EnabledIf\w*|EnabledOn\w*)\b|\bassum(?:e|ing)\w*\s*\(",
)
_RUBY = _language(
    "|".join((r"#(?!\{)[^\n]*", _DOUBLE, _SINGLE)),
    r"^[ \t]*(?:def\s+(test_\w+)|(?:[xf]?(?:it|specify|example|scenario)|test|should)\b\s*\(?\s*(?=[\"'{]|do\b))",
    r"\b(?:expect|assert\w*|refute\w*|is_expected|flunk)\b|\.should(?:_not)?\b|\.(?:must|wont)_\w+",
    r"^[ \t]*(?:x(?:it|describe|context|specify|example|scenario)|f(?:it|describe|context|specify|example|scenario)"
    r"|pending|skip)\b|,\s*:?(?:skip|pending)\b",
)
_RUST = _language(
    "|".join((_SLASHES, _DOUBLE, _CHAR)),
    r"#\[(?:\w+::)?(?:test|rstest|test_case|quickcheck)\b[^\]]{0,200}\](?:\s*#\[[^\]]{0,200}\]){0,12}+"
    r"\s*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)",
    r"\b(?:(?:debug_)?assert(?:_\w+)?|panic|prop_assert\w*)!|#\[should_panic|\.unwrap_err\(",
    r"#\[(?:ignore\b|cfg_attr\([^\]]{0,100}\bignore\b)",
)
_BY_SUFFIX: Mapping[str, _Language] = MappingProxyType(
    {
        **dict.fromkeys((".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"), _JAVASCRIPT),
        ".go": _GO,
        **dict.fromkeys((".java", ".kt", ".kts", ".groovy", ".scala"), _JVM),
        ".rb": _RUBY,
        ".rs": _RUST,
    }
)
SUFFIXES = tuple(_BY_SUFFIX)
_LONGEST_NAME = 200
_VISIBLE = re.compile(r"[^\n]")


def read_words(path: str, text: str) -> TestFacts:
    """The facts of a test file in a language of ``SUFFIXES``. Each test reaches to the start of the next."""
    language = _BY_SUFFIX[path[path.rindex(".") :]]
    bare = language.ignored.sub(_blank, text)
    starts = [(match.start(), _name(match, text, bare)) for match in language.test.finditer(bare)]
    asserts = [match.start() for match in language.asserts.finditer(bare)]
    line_ends = [match.start() for match in re.finditer("\n", text)]
    skips = [match.start() for match in language.skips.finditer(bare)]
    tests, seen = {}, Counter[str]()
    for number, (start, name) in enumerate(starts):
        end = starts[number + 1][0] if number + 1 < len(starts) else len(text)
        count = bisect_right(asserts, end) - bisect_right(asserts, start)
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name} ({seen[name]})"
        tests[unique] = TestMeasure(bisect_right(line_ends, start) + 1, count)
    return TestFacts(tests, len(skips), bisect_right(line_ends, skips[0]) + 1 if skips else 0)


def _blank(match: re.Match[str]) -> str:
    """As long as it was, with its quotes and newlines: positions and line numbers stay."""
    found = match[0]
    if found[0] in "/#":
        return _VISIBLE.sub(" ", found)
    return found[0] + _VISIBLE.sub(" ", found[1:-1]) + (found[-1] if len(found) > 1 else "")


def _name(match: re.Match[str], text: str, bare: str) -> str:
    if match.lastindex:
        return match[match.lastindex]
    quote = bare[match.end() : match.end() + 1]
    end = bare.find(quote, match.end() + 1) if quote in {'"', "'", "`"} else -1
    return text[match.end() + 1 : end][:_LONGEST_NAME] if end > 0 else "(unnamed)"
