"""Tests of a Python file by its syntax tree: one walk, which leaves out what can't run and what can't fail."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from deputy.gates.tests_weakened.counts import TestFacts, TestMeasure
from deputy.gates.tests_weakened.python_parts import Marks, parts
from deputy.gates.tests_weakened.python_truths import (
    called,
    is_always_true,
    is_tautology,
    names_anything,
    never_fails,
    reached,
)

_SKIPS = frozenset(
    {"skip", "skipif", "skipIf", "skipUnless", "xfail", "importorskip", "expectedFailure", "skipTest", "SkipTest"}
)
_HIDING = frozenset({"__test__", "collect_ignore", "collect_ignore_glob"})  # hide tests without saying "skip"
_RAISES = frozenset({"raises", "warns", "deprecated_call"})
_EXPECTING = _RAISES | {"assertRaises", "assertRaisesRegex", "assertWarns", "assertWarnsRegex"}
# Tolerances by keyword, with what holds where none is written; and by position, in the calls that take some.
_SLACK = {"rel": 1e-6, "abs": 1e-12, "rtol": 1e-5, "atol": 1e-8, "rel_tol": 1e-9, "abs_tol": 0.0, "delta": 0.0}
_PLACES = {"places": 7.0, "decimal": 7.0}
USUAL_SLACK: Final[Mapping[str, float]] = MappingProxyType({**_SLACK, **{name: -n for name, n in _PLACES.items()}})
_TAKE_SLACK: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "approx": {1: "rel", 2: "abs"},
        "assertAlmostEqual": {2: "places"},
        "assert_almost_equal": {2: "decimal"},
        "assert_allclose": {2: "rtol", 3: "atol"},
        "allclose": {2: "rtol", 3: "atol"},
        "isclose": {},
    }
)
_LARGEST = 1e300  # what a float holds
_BLOCKS = frozenset({"body", "orelse", "finalbody"})
# Parts of a node that can hold neither an assertion nor a skip.
_BARREN = frozenset({"ctx", "op", "ops", "annotation", "returns", "names", "type_ignores"})
_FIELDS: Mapping[type[ast.AST], tuple[str, ...]] = MappingProxyType(
    {
        kind: tuple(name for name in kind._fields if name not in _BARREN)
        for kind in vars(ast).values()
        if isinstance(kind, type) and issubclass(kind, ast.AST)
    }
    | {ast.arguments: ("kw_defaults", "defaults")}  # a parameter itself is a name and its type
)
_Test = ast.FunctionDef | ast.AsyncFunctionDef
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
# What a text says wherever something is counted: a statement without any of it need not be walked.
_WORDS = re.compile("|".join(sorted({"assert", *_RAISES, *_SKIPS, *_HIDING, *_TAKE_SLACK})))


@dataclass(frozen=True)
class Part:
    """What one part of a file counts, by its own line numbers; ``apart`` are the skips outside of tests.

    ``leaves`` is whether nothing after it at the margin is reached.
    """

    tests: Mapping[str, TestMeasure]
    skips: Sequence[int]
    apart: Sequence[int]
    leaves: bool


@dataclass
class _Tally:
    marks: Marks
    skips: list[int] = field(default_factory=list)
    asserts: int = 0
    broad: int = 0
    matched: int = 0
    slack: dict[str, float] = field(default_factory=dict)


def read_python(text: str, known: dict[str, Part] | None = None) -> TestFacts:
    """The facts of a Python test file; raises ``SyntaxError`` or ``ValueError`` where it does not parse.

    What is nested too deeply for Python itself raises ``RecursionError`` or ``MemoryError``. ``known`` are parts that
    were read before, by their text, as those of the file's other side; it is added to.
    """
    known = {} if known is None else known
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # as the parser does; so lines are counted alike
    try:
        return _together([(line, _part(text, known)) for line, text in parts(text)])
    except (SyntaxError, ValueError):
        # What looks like the start of a statement stands in a string, say; or the file is broken.
        return _together([(0, _read(text))])


def _together(read: Sequence[tuple[int, Part]]) -> TestFacts:
    """The facts of a file from those of its parts, each with the number of lines before it."""
    tests: dict[str, TestMeasure] = {}
    skips: list[int] = []
    is_reached = True
    for line, part in read:
        tests |= {name: replace(test, line=test.line + line) for name, test in part.tests.items()}
        skips += [each + line for each in part.skips]
        if is_reached:
            skips += [each + line for each in part.apart]
        is_reached = is_reached and not part.leaves
    return TestFacts(tests, len(skips), min(skips, default=0))


def _part(text: str, known: dict[str, Part]) -> Part:
    if text not in known:
        known[text] = _read(text)
    return known[text]


def _read(text: str) -> Part:
    tree, marks = ast.parse(text), Marks(text, _WORDS)
    found = list(_tests(tree, "", 1))
    skips: list[int] = []
    apart = _Tally(marks)
    tests = {name: _measure(test, cases, _Tally(marks, skips)) for name, test, cases in found}
    _walk([tree], apart, frozenset(id(test) for _, test, _ in found))
    return Part(tests, skips, apart.skips, any(isinstance(each, _ENDS) for each in tree.body))


def _tests(node: ast.Module | ast.ClassDef, prefix: str, cases: int | None) -> Iterator[tuple[str, _Test, int | None]]:
    """Test functions and methods, also under ``if`` and ``try`` at the level of a module or class."""
    pending: list[ast.AST] = [*reversed(node.body)]
    while pending:
        item = pending.pop()
        if isinstance(item, _Test):
            if item.name.startswith("test"):
                yield f"{prefix}{item.name}", item, _times(cases, item.decorator_list)
        elif isinstance(item, ast.ClassDef):
            yield from _tests(item, f"{prefix}{item.name}.", _times(cases, item.decorator_list))
        elif isinstance(item, ast.If) and never_fails(item):
            pending += item.orelse[::-1]
        elif isinstance(item, ast.stmt | ast.excepthandler):
            pending += [*ast.iter_child_nodes(item)][::-1]


def _times(cases: int | None, decorators: Sequence[ast.expr]) -> int | None:
    """How many parameter sets the decorators make of ``cases``; None where they are not written out."""
    for each in decorators:
        if isinstance(each, ast.Call) and called(each) == "parametrize":
            values = each.args[1] if len(each.args) > 1 else None
            if cases is None or not isinstance(values, ast.List | ast.Tuple):
                return None
            cases *= len(values.elts)
    return cases


def _measure(test: _Test, cases: int | None, tally: _Tally) -> TestMeasure:
    _walk([test], tally, frozenset())
    return TestMeasure(test.lineno, tally.asserts, cases, tally.broad, tally.matched, tally.slack)


def _walk(pending: list[ast.AST], tally: _Tally, apart: frozenset[int]) -> None:
    """Count what runs, but for the nodes ``apart``. The stack is ours: deep nesting takes no recursion."""
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind in _COUNTS:
            _COUNTS[kind](node, tally)
            if kind is ast.Assert and tally.marks.only_one(node):  # type: ignore[arg-type]
                continue  # which is its own
        fields = _FIELDS[kind]
        if kind in _GUARDS and never_fails(node):
            fields = fields[1:] if kind is ast.Try else fields[:1] + fields[2:]
            _walk([*node.body], _Tally(tally.marks, tally.skips), apart)  # type: ignore[attr-defined]
        for name in fields:
            part = getattr(node, name)
            if isinstance(part, list):
                if name in _BLOCKS:
                    part = [each for each in reached(part) if id(each) not in apart and tally.marks.some(each)]
                pending += [each for each in part if isinstance(each, ast.AST)]
            elif isinstance(part, ast.AST):
                pending.append(part)


def _assert(node: ast.Assert, tally: _Tally) -> None:
    tally.asserts += not is_always_true(node.test)


def _call(node: ast.Call, tally: _Tally) -> None:
    """A call that asserts (``assertEqual``, ``assert_called``, ``pytest.raises``), or gives an assertion its slack."""
    name = called(node)
    if name.startswith("assert") or name in _RAISES:
        tally.asserts += not is_tautology(node)
    if name in _EXPECTING:
        tally.broad += any(names_anything(each) for each in node.args[:1])
        tally.matched += name.endswith("Regex") or any(keyword.arg == "match" for keyword in node.keywords)
    if name in _TAKE_SLACK:
        for kind, value in _slack(node, _TAKE_SLACK[name]):
            tally.slack[kind] = max(value, tally.slack.get(kind, value))


def _slack(node: ast.Call, positions: Mapping[int, str]) -> Iterator[tuple[str, float]]:
    for position, name in positions.items():
        if position < len(node.args):
            yield name, _loose(name, node.args[position])
    for keyword in node.keywords:
        if keyword.arg and keyword.arg in USUAL_SLACK:
            yield keyword.arg, _loose(keyword.arg, keyword.value)


def _loose(name: str, node: ast.expr) -> float:
    """The larger the looser; what is no number could be any."""
    value = node.value if isinstance(node, ast.Constant) else ...
    if value is None:
        return USUAL_SLACK[name]
    if not isinstance(value, int | float) or abs(value) > _LARGEST:
        return float("inf")
    return -float(value) if name in _PLACES else float(value)


def _attribute(node: ast.Attribute, tally: _Tally) -> None:
    if node.attr in _SKIPS:
        tally.skips.append(node.lineno)


def _name(node: ast.Name, tally: _Tally) -> None:
    if node.id in _SKIPS:
        tally.skips.append(node.lineno)


def _assign(node: ast.Assign, tally: _Tally) -> None:
    if any(isinstance(target, ast.Name) and target.id in _HIDING for target in node.targets):
        tally.skips.append(node.lineno)


_GUARDS = frozenset({ast.If, ast.While, ast.Try, ast.With})
_COUNTS: Mapping[type[ast.AST], Callable[..., None]] = MappingProxyType(
    {ast.Assert: _assert, ast.Call: _call, ast.Attribute: _attribute, ast.Name: _name, ast.Assign: _assign}
)
