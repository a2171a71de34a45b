"""What a name stands for in a repository's Python files: where it is defined, and which modules re-export it."""

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


def python_files(root: Path) -> Iterator[Path]:
    """The repository's own Python files, stubs too."""
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.pyi")]):
        if not path.is_symlink() and path.is_file() and not SKIPPED & set(path.relative_to(root).parts):
            yield path


def parts_of(path: Path, root: Path) -> list[str]:
    """The parts of a file's dotted name: ``src/a/b.py`` is ``a.b``."""
    parts = list(path.relative_to(root).with_suffix("").parts)
    return parts[1:] if parts[0] == "src" and len(parts) > 1 else parts


def load(root: Path, old: str) -> Iterator[Source]:
    """The files that can have to do with ``old``: they name it, or import all there is from somewhere."""
    word = re.compile(rf"\b{old}\b|\bimport\s*\*".encode())
    for path in python_files(root):
        content = path.read_bytes()
        if not word.search(content):
            continue
        try:
            wrapper = meta.MetadataWrapper(cst.parse_module(content))
            scopes = wrapper.resolve(meta.ScopeProvider)
        except (cst.ParserSyntaxError, UnicodeDecodeError, RecursionError):
            print(f"note: {path.relative_to(root)} can't be parsed and stays as it is", file=sys.stderr)
            continue
        parts = parts_of(path, root)
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
        if source.path.suffix == ".pyi":
            continue  # a stub repeats what is defined elsewhere
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
    """Where ``from … import OLD`` (without ``as``) and ``from … import *`` take OLD from."""

    def __init__(self, source: Source, old: str) -> None:
        self.source, self.old = source, old
        self.origins: set[str] = set()

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        if isinstance(node.names, cst.ImportStar):
            takes = not self.old.startswith("_")
        else:
            takes = any(alias.name.value == self.old and alias.asname is None for alias in node.names)
        if takes:
            self.origins.add(f"{origin_of(self.source, node)}.{self.old}")


def origin_of(source: Source, node: cst.ImportFrom) -> str:
    dots = "." * len(node.relative)
    dotted = cst.helpers.get_full_name_for_node(node.module) if node.module else ""
    return source.resolve(f"{dots}{dotted or ''}")
