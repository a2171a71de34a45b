"""A renamed symbol in docstrings: in the examples that doctest runs, and where its name stands alone in backticks."""

import re
from dataclasses import dataclass, field

import libcst as cst

_EXAMPLE = re.compile(r"^\s*(?:>>>|\.\.\.)(?=\s|$)")
# A string, a comment, or a name with the names that it is reached by.
_PIECE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|#.*|\.?\b[A-Za-z_]\w*(?:\.\w+)*""")


class Docstrings(cst.CSTVisitor):
    """Strings that stand as statements."""

    def __init__(self) -> None:
        self.strings: set[cst.CSTNode] = set()

    def visit_Expr(self, node: cst.Expr) -> None:
        if isinstance(node.value, cst.SimpleString):
            self.strings.add(node.value)


@dataclass
class DocRenamer:
    """Renames OLD in the source of a docstring.

    ``modules`` are the last names of the modules that have it; it is a member of a class where ``is_member``. Examples
    that bind OLD to something of their own stay; so does prose, but for the name in backticks.
    """

    old: str
    new: str
    modules: set[str] = field(default_factory=set)
    is_member: bool = False

    def rename(self, text: str) -> str:
        old = self.old
        is_bound = re.compile(rf"\bfor {old}\b|\bas {old}\b|\bdef {old}\b|(?:>>>|\.\.\.|;)\s*{old}\s*=(?!=)")
        lines = text.splitlines(keepends=True)
        if not any(_EXAMPLE.match(line) and is_bound.search(line) for line in lines):
            lines = [_PIECE.sub(self._in_code, line) if _EXAMPLE.match(line) else line for line in lines]
        quoted = re.compile(rf"(?<=`)(?P<tilde>~?)(?P<name>(?:\w+\.)*{old})(?=(?:\(\))?`)")
        return quoted.sub(lambda match: match["tilde"] + self._dotted(match["name"], in_prose=True), "".join(lines))

    def _in_code(self, match: re.Match[str]) -> str:
        is_keyword = re.match(r"\s*=(?!=)", match.string[match.end() :]) is not None
        return match[0] if match[0][0] in "'\"#" or is_keyword else self._dotted(match[0])

    def _dotted(self, name: str, *, in_prose: bool = False) -> str:
        parts = name.split(".")
        for index, part in enumerate(parts):
            if part == self.old and self._is_meant(parts[:index], in_prose=in_prose):
                parts[index] = self.new
        return ".".join(parts)

    def _is_meant(self, before: list[str], *, in_prose: bool) -> bool:
        if self.is_member:
            return in_prose or bool(before)
        return not before or before[-1] in self.modules
