"""A Python file in parts that are each a file of their own, so that what both sides of a patch share is read once."""

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

# Where a statement may start. That it does is known when the parts parse: no bracket, string or line is then left
# open at the end of one, so that the whole is the statements of the first, then those of the second, and so on.
_START = re.compile(r"(?<=\n)(?=(?:def|class|async|@))")


def parts(text: str) -> Iterator[tuple[int, str]]:
    """The lines before each part, and the part: from one ``def`` or ``class`` at the margin to the next.

    Where each part parses for itself, so does the text, into the same statements in the same order. Where one does
    not, nothing is said about the text.
    """
    begin, line = 0, 0
    for one, other in pairwise([0, *(match.start() for match in _START.finditer(text)), len(text)]):
        if text[one : one + 1] != "@" or other == len(text):  # a decorator is nothing without what it decorates
            yield line, text[begin:other]
            line += text.count("\n", begin, other)
            begin = other


class Marks:
    """The lines of a text on which some words stand, to leave out of a walk what holds none of them.

    Where lines can't be counted as Python's parser counts them, or a word may be spelled otherwise (identifiers are
    normalised), every line counts as marked.
    """

    def __init__(self, text: str, words: re.Pattern[str]) -> None:
        """Look for the words."""
        self._is_sure = text.isascii() and "\r" not in text and "\f" not in text
        self._lines: Sequence[int] = ()
        if self._is_sure:
            found = [match.start() for match in words.finditer(text)]
            ends = list(accumulate(len(line) + 1 for line in text.split("\n"))) if found else []
            self._lines = [bisect_right(ends, start) + 1 for start in found]

    def some(self, node: ast.stmt) -> bool:
        """Whether one of the words may stand in the statement or its decorators."""
        if not self._is_sure:
            return True
        first = node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list:
            first = node.decorator_list[0].lineno
        at = bisect_left(self._lines, first)
        return at < len(self._lines) and self._lines[at] <= (node.end_lineno or node.lineno)

    def only_one(self, node: ast.stmt) -> bool:
        """Whether just one of the words stands on the statement's lines."""
        if not self._is_sure:
            return False
        end = node.end_lineno or node.lineno
        return bisect_right(self._lines, end) - bisect_left(self._lines, node.lineno) == 1
