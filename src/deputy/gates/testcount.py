"""Tests, assertions and skips of one file: by syntax tree in Python, by words in JavaScript and TypeScript."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SKIPS = frozenset(
    {"skip", "skipif", "skipIf", "skipUnless", "xfail", "importorskip", "expectedFailure", "skipTest", "SkipTest"}
)
_RAISES = frozenset({"raises", "warns", "deprecated_call"})
_JS_TEST = re.compile(
    r"""(?<![\w.])[xf]?(?:it|test)(?:\.(?:only|skip|todo|fails|concurrent|each\([^()]{0,300}\)))*\s*\(\s*(['"`])(.*?)\1"""
)
_JS_ASSERT = re.compile(r"(?<![\w.])(?:expect|assert)(?:\.\w+)*\s*\(")
_JS_SKIP = re.compile(
    r"(?<![\w.])(?:(?:it|test|describe)\.(?:skip|todo|only|fails)|x(?:it|test|describe)|f(?:it|describe))\b"
)


@dataclass(frozen=True)
class TestFacts:
    """Assertions and line per test (``Class.name``), and how many skips or expected failures there are."""

    __test__ = False  # not a test class, whatever pytest makes of its name

    asserts: Mapping[str, int]
    lines: Mapping[str, int]
    skips: int = 0
    first_skip: int = 0


def read_tests(path: str, text: str) -> TestFacts:
    """The facts of a test file; raises ``SyntaxError`` or ``ValueError`` for Python that does not parse."""
    return _python(text) if path.endswith(".py") else _javascript(text)


def _python(text: str) -> TestFacts:
    tree = ast.parse(text)
    tests = dict(_tests(tree, ""))
    skips = [getattr(node, "lineno", 0) for node in ast.walk(tree) if _is_skip(node)]
    return TestFacts(
        asserts={name: sum(_is_assertion(node) for node in ast.walk(test)) for name, test in tests.items()},
        lines={name: test.lineno for name, test in tests.items()},
        skips=len(skips),
        first_skip=skips[0] if skips else 0,
    )


_Test = ast.FunctionDef | ast.AsyncFunctionDef


def _tests(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, _Test]]:
    """Test functions and methods, also under ``if`` and ``try`` at the level of a module or class."""
    pending: list[ast.AST] = list(node.body)
    while pending:
        item = pending.pop(0)
        if isinstance(item, _Test):
            if item.name.startswith("test"):
                yield f"{prefix}{item.name}", item
        elif isinstance(item, ast.ClassDef):
            yield from _tests(item, f"{prefix}{item.name}.")
        elif isinstance(item, ast.stmt | ast.excepthandler):
            pending += ast.iter_child_nodes(item)


def _is_assertion(node: ast.AST) -> bool:
    """An assert that can fail, or a call that asserts (``assertEqual``, ``assert_called``, ``pytest.raises``)."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    return isinstance(node, ast.Call) and (_called(node).startswith("assert") or _called(node) in _RAISES)


def _called(node: ast.Call) -> str:
    function = node.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _is_skip(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _SKIPS
    if isinstance(node, ast.Name):
        return node.id in _SKIPS
    # ``__test__ = False`` and ``collect_ignore`` hide tests without saying "skip".
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id in {"__test__", "collect_ignore", "collect_ignore_glob"}
        for target in node.targets
    )


def _javascript(text: str) -> TestFacts:
    found = [(match[2], match.start()) for match in _JS_TEST.finditer(text)]
    ends = [start for _, start in found[1:]] + [len(text)]
    skips = [match.start() for match in _JS_SKIP.finditer(text)]
    return TestFacts(
        asserts={
            name: len(_JS_ASSERT.findall(text, start, end)) for (name, start), end in zip(found, ends, strict=True)
        },
        lines={name: text.count("\n", 0, start) + 1 for name, start in found},
        skips=len(skips),
        first_skip=text.count("\n", 0, skips[0]) + 1 if skips else 0,
    )
