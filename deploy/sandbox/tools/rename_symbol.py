"""rename_symbol.py OLD NEW: rename a Python function, class, method, attribute or variable across a repository.

Names are resolved by scope: a local variable that happens to have the same name stays. A method or attribute is renamed
wherever an object of unknown type has it, unless the object comes from outside the repository. Examples in docstrings
follow what they show. A changed file whose imports were sorted, or that was formatted, by the repository's own ruff
configuration is so afterwards, too.

Exit status: 0 renamed, 2 wrong usage, 3 nothing matched, 4 NEW collides, 5 OLD is ambiguous (only 0 writes).
"""

import builtins
import keyword
import re
import sys
from pathlib import Path

import libcst as cst
from docstrings import DocRenamer, Docstrings
from libcst import metadata as meta
from symbols import (
    Refused,
    Source,
    Symbol,
    add_reexports,
    definitions,
    find,
    load,
    origin_of,
    parts_of,
    python_files,
    qualified,
)
from tidiness import Tidiness


class Renamer(cst.CSTTransformer):
    """Renames a symbol's occurrences in one file. Works on original nodes: their scopes are known."""

    def __init__(self, source: Source, symbol: Symbol, modules: set[str], old: str, new: str) -> None:
        super().__init__()
        self.source, self.symbol, self.modules, self.old, self.new = source, symbol, modules, old, new
        self.is_home = f"{source.module}.{old}" in symbol.names
        self.touched: set[meta.Scope] = set()
        self.count = 0
        self._annotations = 0
        self._handled: set[cst.CSTNode] = set()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._handled.add(node.attr)  # an attribute's name is no name of its own scope

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self._handled.add(node.keyword)

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        for alias in () if isinstance(node.names, cst.ImportStar) else node.names:
            self._handled.add(alias.name)

    def visit_Annotation(self, node: cst.Annotation) -> None:
        self._annotations += 1

    def leave_Annotation(self, original_node: cst.Annotation, updated_node: cst.Annotation) -> cst.Annotation:
        self._annotations -= 1
        return updated_node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        if original_node.value != self.old or original_node in self._handled or not self._means(original_node):
            return updated_node
        return self._named(updated_node, self.source.scopes.get(original_node))

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        if original_node.attr.value != self.old:
            return updated_node
        names = self.source.names_of(original_node)
        is_top = bool(names & self.symbol.names)
        is_member = bool(self.symbol.owners) and not self._is_foreign(original_node)
        if not is_top and not is_member:
            return updated_node
        return updated_node.with_changes(attr=self._named(updated_node.attr, None))

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        if isinstance(updated_node.names, cst.ImportStar):
            return updated_node
        if f"{origin_of(self.source, original_node)}.{self.old}" not in self.symbol.names:
            return updated_node
        scope = self.source.scopes.get(original_node)
        names = [
            alias.with_changes(name=self._named(alias.name, None if alias.asname else scope))
            if alias.name.value == self.old
            else alias
            for alias in updated_node.names
        ]
        return updated_node.with_changes(names=names)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        """``Cart(OLD=1)``: a class's field given by name."""
        if not self.source.names_of(original_node.func) & self.symbol.owners:
            return updated_node
        args = [
            arg.with_changes(keyword=self._named(arg.keyword, None))
            if arg.keyword and arg.keyword.value == self.old
            else arg
            for arg in updated_node.args
        ]
        return updated_node.with_changes(args=args)

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        """Names in string annotations, in ``__all__`` and in docstrings."""
        if original_node in self._docstrings:
            return updated_node.with_changes(value=self._in_docstring(updated_node.value))
        is_name = self._annotations and self.symbol.names and self._visible()
        if not is_name and not (self.is_home and original_node in self._exports):
            return updated_node
        value = re.sub(rf"(?<![\w.]){self.old}(?!\w)", self.new, updated_node.value)
        self.count += value != updated_node.value
        return updated_node.with_changes(value=value)

    def visit_Module(self, node: cst.Module) -> None:
        exports, docstrings = Exports(), Docstrings()
        node.visit(exports)
        node.visit(docstrings)
        self._exports, self._docstrings = exports.strings, docstrings.strings

    def _in_docstring(self, text: str) -> str:
        is_member = any(owner.startswith(f"{self.source.module}.") for owner in self.symbol.owners)
        if not is_member and not (self.symbol.names and self._visible()):
            return text
        modules = {name.split(".")[-2] for name in self.symbol.names if "." in name}
        changed = DocRenamer(self.old, self.new, modules, is_member).rename(text)
        self.count += changed != text
        return changed

    def _visible(self) -> bool:
        scope = self.source.scopes.get(self.source.wrapper.module.body[0]) if self.source.wrapper.module.body else None
        return self.is_home or (scope is not None and self.old in scope)

    def _means(self, node: cst.Name) -> bool:
        scope = self.source.scopes.get(node)
        if scope is None:
            return False
        if self.symbol.local is not None:
            return any(assignment.scope is self.symbol.local for assignment in scope[self.old])
        dotted = {f"{owner}.{self.old}" for owner in self.symbol.owners} | self.symbol.names
        return bool(self.source.names_of(node) & dotted)

    def _is_foreign(self, node: cst.Attribute) -> bool:
        """Whether the object comes from a module outside the repository: ``os.OLD``."""
        scope = self.source.scopes.get(node)
        names = scope.get_qualified_names_for(node) if scope else set()
        imported = [self.source.absolute(name) for name in names if name.source is meta.QualifiedNameSource.IMPORT]
        return bool(imported) and all(name.partition(".")[0] not in self.modules for name in imported)

    def _named(self, node: cst.Name, scope: meta.Scope | None) -> cst.Name:
        self.count += 1
        if scope is not None:
            self.touched.add(scope)
        return node.with_changes(value=self.new)


class Exports(cst.CSTVisitor):
    """The strings of ``__all__``."""

    def __init__(self) -> None:
        self.strings: set[cst.CSTNode] = set()

    def visit_Assign(self, node: cst.Assign) -> None:
        names = [target.target.value for target in node.targets if isinstance(target.target, cst.Name)]
        if "__all__" in names and isinstance(node.value, cst.List | cst.Tuple):
            self.strings |= {element.value for element in node.value.elements}


def check_collisions(source: Source, renamer: Renamer, new: str) -> None:
    """NEW must not be bound already where a renamed name is looked up."""
    for scope in renamer.touched:
        taken = [one for one in scope[new] if not isinstance(one, meta.BuiltinAssignment)]
        if taken:
            raise Refused(
                4, f"{new} means something else already in {source.module} ({qualified(scope) or 'module level'})."
            )
    for owner in renamer.symbol.owners:
        if any(name == f"{owner}.{new}" for name, _, _ in definitions(source, new)):
            raise Refused(4, f"{owner} has a {new} already.")


def rename(root: Path, old: str, new: str) -> list[str]:
    """Write the changes; returns lines that say what was done. Raises ``Refused`` before anything is written."""
    sources = list(load(root, old))
    symbol = find(sources, old)
    add_reexports(sources, symbol, old)
    modules = {parts_of(path, root)[0] for path in python_files(root)}
    changes: dict[Path, tuple[bytes, int]] = {}
    for source in sources:
        renamer = Renamer(source, symbol, modules, old, new)
        changed = source.wrapper.module.visit(renamer)
        if renamer.count:
            check_collisions(source, renamer, new)
            changes[source.path] = (changed.bytes, renamer.count)
        elif renamer.is_home:
            check_collisions(source, renamer, new)
    if not changes:
        raise Refused(3, f"Nothing in the repository's Python files uses {old}.")
    tidiness = Tidiness.of(root, changes)
    for path, (content, _) in changes.items():
        path.write_bytes(content)
    tidiness.restore()
    return [f"{path.relative_to(root)}: {count} renamed" for path, (_, count) in changes.items()]


def check_names(old: str, new: str) -> None:
    """What can be said without looking at a file."""
    if keyword.iskeyword(new) or hasattr(builtins, new):
        raise Refused(4, f"{new} is a name of Python itself.")
    if old == new:
        raise Refused(3, "The two names are the same.")


def main(argv: list[str]) -> int:
    if len(argv) != 2 or not all(name.isidentifier() for name in argv):
        print("usage: rename_symbol.py OLD NEW, both Python names", file=sys.stderr)
        return 2
    old, new = argv
    try:
        check_names(old, new)
        print("\n".join(rename(Path.cwd(), old, new)))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return refused.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
