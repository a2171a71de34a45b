"""rename_symbol.py OLD NEW: rename a Python function, class, method, attribute or variable across a repository.

Names are resolved by scope: a local variable that happens to have the same name stays. A method or attribute is renamed
wherever an object of unknown type has it, unless the object comes from outside the repository.

Exit status: 0 renamed, 2 wrong usage, 3 nothing matched, 4 NEW collides, 5 OLD is ambiguous (only 0 writes).
"""

import builtins
import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst
from libcst import metadata as meta

SKIPPED = {".git", ".venv", "venv", "node_modules", ".tox", "build", "dist", "site-packages"}


class Refused(Exception):
    """Why nothing was written; ``code`` is the exit status."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Source:
    """A parsed file. ``module`` is its dotted name, ``package`` what relative imports start from."""

    path: Path
    module: str
    package: str
    wrapper: meta.MetadataWrapper
    scopes: dict[cst.CSTNode, meta.Scope | None] = field(default_factory=dict)

    def absolute(self, name: meta.QualifiedName) -> str:
        """A qualified name as seen from the repository's root."""
        if name.source is meta.QualifiedNameSource.LOCAL:
            return f"{self.module}.{name.name}"
        return self.resolve(name.name)

    def resolve(self, dotted: str) -> str:
        """An imported name, relative ones made absolute."""
        level = len(dotted) - len(dotted.lstrip("."))
        if not level:
            return dotted
        parents = self.package.split(".") if self.package else []
        return ".".join([*parents[: len(parents) - level + 1], dotted[level:]]).strip(".")

    def names_of(self, node: cst.CSTNode) -> set[str]:
        """What a name or attribute stands for, absolute."""
        scope = self.scopes.get(node)
        return {self.absolute(name) for name in scope.get_qualified_names_for(node)} if scope else set()


def load(root: Path) -> Iterator[Source]:
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if path.is_symlink() or SKIPPED & set(relative.parts):
            continue
        try:
            wrapper = meta.MetadataWrapper(cst.parse_module(path.read_bytes()))
            scopes = wrapper.resolve(meta.ScopeProvider)
        except (cst.ParserSyntaxError, UnicodeDecodeError, RecursionError):
            print(f"note: {relative} can't be parsed and stays as it is", file=sys.stderr)
            continue
        parts = list(relative.with_suffix("").parts)
        parts = parts[1:] if parts[0] == "src" and len(parts) > 1 else parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        package = module if is_package else module.rpartition(".")[0]
        yield Source(path, module, package, wrapper, dict(scopes))


@dataclass
class Symbol:
    """What OLD is: ``names`` are its dotted names (re-exports too), ``owners`` the classes that it is a member of."""

    names: set[str]
    owners: set[str] = field(default_factory=set)
    local: meta.Scope | None = None


def definitions(source: Source, old: str) -> Iterator[tuple[str, meta.Scope, meta.BaseAssignment]]:
    """Each place that binds ``old``, imports left out: its dotted name, scope and assignment."""
    for scope in {scope for scope in source.scopes.values() if scope is not None}:
        if isinstance(scope, meta.BuiltinScope):
            continue
        for assignment in scope.assignments:
            is_import = isinstance(assignment, meta.ImportAssignment)
            if assignment.name == old and isinstance(assignment, meta.Assignment) and not is_import:
                owner = qualified(scope)
                yield ".".join(filter(None, [source.module, owner, old])), scope, assignment


def qualified(scope: meta.Scope) -> str:
    """A class's or function's dotted name inside its module."""
    if isinstance(scope, meta.GlobalScope):
        return ""
    name = getattr(scope, "name", None) or "<anonymous>"
    return ".".join(filter(None, [qualified(scope.parent), name]))


class MemberWrites(cst.CSTVisitor):
    """Whether ``self.OLD = …`` stands anywhere: an attribute without a definition in its class's body."""

    def __init__(self, old: str) -> None:
        self.old, self.found = old, False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._look(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._look(node.target)

    def _look(self, target: cst.BaseExpression) -> None:
        is_self = isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name)
        if is_self and target.value.value in {"self", "cls"} and target.attr.value == self.old:
            self.found = True


def find(sources: list[Source], old: str) -> Symbol:
    """The one symbol that OLD is, or ``Refused``."""
    tops: set[str] = set()
    members: set[str] = set()
    locals_: dict[meta.Scope, str] = {}
    for source in sources:
        for name, scope, assignment in definitions(source, old):
            if isinstance(scope, meta.GlobalScope):
                tops.add(name)
            elif isinstance(scope, meta.ClassScope):
                members.add(name.rpartition(".")[0])
            elif isinstance(scope, meta.FunctionScope):
                is_parameter = isinstance(getattr(assignment, "node", None), cst.Param)
                locals_[scope] = f"{name}{' (a parameter)' if is_parameter else ''}"
    if not tops and not members:
        for source in sources:
            writes = MemberWrites(old)
            source.wrapper.module.visit(writes)
            if writes.found:
                return Symbol(set(), {f"{source.module}.?"})
    return choose(old, tops, members, locals_)


def choose(old: str, tops: set[str], members: set[str], locals_: dict[meta.Scope, str]) -> Symbol:
    if len(tops) > 1 or (tops and members):
        places = ", ".join(sorted(tops | {f"{owner}.{old}" for owner in members})[:6])
        raise Refused(5, f"{old} is defined more than once, and it isn't clear which is meant: {places}.")
    if tops:
        return Symbol(set(tops))
    if members:
        return Symbol(set(), members)
    if len(locals_) == 1:
        [(scope, place)] = locals_.items()
        if place.endswith("(a parameter)"):
            raise Refused(5, f"{place}: callers may pass it by name, which this tool doesn't follow.")
        return Symbol(set(), set(), scope)
    if locals_:
        places = ", ".join(sorted(locals_.values())[:6])
        raise Refused(5, f"{old} is a local name in {len(locals_)} functions: {places}.")
    raise Refused(3, f"Nothing in the repository's Python files defines {old}.")


def add_reexports(sources: list[Source], symbol: Symbol, old: str) -> None:
    """``from a import OLD`` in b makes ``b.OLD`` the same symbol: until nothing new comes."""
    size = -1
    while size != len(symbol.names):
        size = len(symbol.names)
        for source in sources:
            imports = ImportedNames(source, old)
            source.wrapper.module.visit(imports)
            if imports.origins & symbol.names:
                symbol.names.add(f"{source.module}.{old}")


class ImportedNames(cst.CSTVisitor):
    """Where ``from … import OLD`` (without ``as``) takes OLD from."""

    def __init__(self, source: Source, old: str) -> None:
        self.source, self.old = source, old
        self.origins: set[str] = set()

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        for alias in () if isinstance(node.names, cst.ImportStar) else node.names:
            if alias.name.value == self.old and alias.asname is None:
                self.origins.add(f"{origin_of(self.source, node)}.{self.old}")


def origin_of(source: Source, node: cst.ImportFrom) -> str:
    dots = "." * len(node.relative)
    dotted = cst.helpers.get_full_name_for_node(node.module) if node.module else ""
    return source.resolve(f"{dots}{dotted or ''}")


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
        """Names in string annotations and in ``__all__``."""
        is_name = self._annotations and self.symbol.names and self._visible()
        if not is_name and not (self.is_home and original_node in self._exports):
            return updated_node
        value = re.sub(rf"(?<![\w.]){self.old}(?!\w)", self.new, updated_node.value)
        self.count += value != updated_node.value
        return updated_node.with_changes(value=value)

    def visit_Module(self, node: cst.Module) -> None:
        exports = Exports()
        node.visit(exports)
        self._exports = exports.strings

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
    sources = list(load(root))
    symbol = find(sources, old)
    add_reexports(sources, symbol, old)
    modules = {source.module.partition(".")[0] for source in sources}
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
    for path, (content, _) in changes.items():
        path.write_bytes(content)
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
