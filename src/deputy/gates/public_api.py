"""What a Python patch breaks for callers: both sides of each module read as syntax, never run, and compared.

Griffe does the comparing, on text alone: nothing is imported and no file is opened.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import griffe

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles

if TYPE_CHECKING:
    from pathlib import Path

# Python that nobody imports by name, and roots that are not part of a module's name.
_NOT_OFFERED = (
    "**/setup.py", "**/conftest.py", "**/noxfile.py", "**/tasks.py", "**/fabfile.py", "**/manage.py", "docs/**",
    "doc/**", "examples/**", "**/migrations/**", "scripts/**", "benchmarks/**", "tools/**", "**/alembic/versions/**",
)  # fmt: skip
_ROOTS = frozenset({"src", "lib", "python"})
_BOM = "\ufeff"
_MAX_BYTES = 500_000  # of source, both sides: about a second
_MAX_HEIRS = 100  # new modules that are looked through for the names of one that is gone
_FIX = "keep the old name or signature working, or ask for the change of what callers rely on by name"

_RULES: Mapping[griffe.BreakageKind, tuple[str, Severity, str]] = MappingProxyType(
    {
        griffe.BreakageKind.PARAMETER_MOVED: ("parameter-moved", Severity.REVIEW, "{where}: {what} has moved"),
        griffe.BreakageKind.PARAMETER_REMOVED: ("parameter-removed", Severity.REVIEW, "{where} has no {what} any more"),
        griffe.BreakageKind.PARAMETER_CHANGED_KIND: (
            "parameter-kind", Severity.REVIEW, "{where}: {what} is passed in another way ({was} before, {now} now)",
        ),
        griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT: (
            "parameter-default", Severity.REVIEW, "{where}: the default of {what} goes from {was} to {now}",
        ),
        griffe.BreakageKind.PARAMETER_CHANGED_REQUIRED: (
            "parameter-required", Severity.REVIEW, "{where}: {what} must now be given",
        ),
        griffe.BreakageKind.PARAMETER_ADDED_REQUIRED: (
            "parameter-added", Severity.REVIEW, "{where} asks for a new {what}, without a default",
        ),
        griffe.BreakageKind.RETURN_CHANGED_TYPE: (
            "return-type", Severity.ADVISE, "{where} no longer says what it returns",
        ),
        griffe.BreakageKind.OBJECT_REMOVED: ("removed", Severity.REVIEW, "{where} is gone{hint}"),
        griffe.BreakageKind.OBJECT_CHANGED_KIND: (
            "other-kind", Severity.REVIEW, "{where} takes the place of another kind of thing ({was})",
        ),
        griffe.BreakageKind.CLASS_REMOVED_BASE: (
            "base-removed", Severity.REVIEW, "{where} is no longer a {was} (bases now: {now})",
        ),
    }
)  # fmt: skip


@dataclass(frozen=True)
class _Source:
    """One module on one side: its dotted name, where it is, and its text."""

    name: str
    path: str
    text: str


@dataclass
class _Sides:
    """The changed modules of both sides, by dotted name, so that ``x.py`` may become ``x/__init__.py``.

    ``spent`` is how much source has been read so far.
    """

    base: dict[str, _Source] = field(default_factory=dict)
    head: dict[str, _Source] = field(default_factory=dict)
    spent: int = 0
    _modules: dict[_Source, griffe.Module | None] = field(default_factory=dict)

    def can_read(self, *sources: _Source) -> bool:
        """Whether these are read already, or there is time to read them."""
        cost = sum(len(source.text) for source in sources if source not in self._modules)
        if self.spent + cost > _MAX_BYTES:
            return False
        self.spent += cost
        return True

    def read(self, source: _Source) -> griffe.Module | None:
        """The module as griffe sees it, read once."""
        if source not in self._modules:
            self._modules[source] = _read(source)
        return self._modules[source]

    def offered(self, source: _Source) -> frozenset[str]:
        """The public names that a module defines itself; none when there is no time to read it."""
        module = self.read(source) if self.can_read(source) else None
        members = module.members.items() if module else ()
        return frozenset(name for name, member in members if not member.is_alias and member.is_public)


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Ask a person about each thing that callers could rely on before the patch and can't after it."""
    sides, left_out = _sides(case), []
    changed = [(before, sides.head[name]) for name, before in sorted(sides.base.items()) if name in sides.head]
    for before, after in changed:
        if sides.can_read(before, after):
            yield from _compare(before, after, sides)
        else:
            left_out.append(after)
    yield from _gone(sides)
    if left_out:
        message = f"{len(left_out):,} more changed modules, from {left_out[0].path} on, are too many to be compared"
        fix = "split the request into smaller ones, or have a person look for what callers rely on"
        yield found("public-api/not-compared", Severity.REVIEW, message, left_out[0].path, fix=fix)


def _sides(case: PatchUnderReview) -> _Sides:
    sides = _Sides()
    for file in case.files:
        name = _module(case, file)
        if name and file.kind is not ChangeKind.MODE:
            before, after = case.texts(file)
            if file.kind is not ChangeKind.ADDED:
                sides.base[name] = _Source(name, file.path, before.removeprefix(_BOM))
            if file.kind is not ChangeKind.DELETED:
                sides.head[name] = _Source(name, file.path, after.removeprefix(_BOM))
    return sides


def _module(case: PatchUnderReview, file: FileChange) -> str:
    """The dotted name under which others import the file, or nothing when they don't."""
    if not file.path.endswith(".py") or LINK in {file.old_mode, file.new_mode}:
        return ""
    if case.is_test(file.path) or resembles(_NOT_OFFERED, file.path):
        return ""
    parts = file.path.removesuffix(".py").split("/")
    while len(parts) > 1 and parts[0] in _ROOTS:
        parts.pop(0)
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    is_public = all(part.isidentifier() and not part.startswith("_") for part in parts)
    return ".".join(parts) if is_public else ""


def _gone(sides: _Sides) -> Iterator[Finding]:
    """Modules that are no more, and where those went whose text, or whose every public name, is in a new one."""
    new = [source for name, source in sides.head.items() if name not in sides.base]
    by_text = {source.text: source for source in new}
    for before in (source for name, source in sorted(sides.base.items()) if name not in sides.head):
        moved = by_text.get(before.text) or _heir(before, new, sides)
        if moved:
            message = f"Module {before.name} moves to {moved.name}: importing it by its old name fails"
            yield found("public-api/module-moved", Severity.REVIEW, message, before.path, fix=_FIX)
        else:
            message = f"Module {before.name} is gone: importing it fails"
            yield found("public-api/module-removed", Severity.REVIEW, message, before.path, fix=_FIX)


def _heir(before: _Source, new: list[_Source], sides: _Sides) -> _Source | None:
    if len(new) > _MAX_HEIRS:
        return None
    names = sides.offered(before)
    return next((source for source in new if names and names <= sides.offered(source)), None)


def _compare(before: _Source, after: _Source, sides: _Sides) -> Iterator[Finding]:
    old, new = sides.read(before), sides.read(after)
    if old is None or new is None:
        message = f"Module {after.name} can't be read as Python: what it offers callers is not known"
        fix = "make it parse, or have a person compare both sides"
        yield found("public-api/unparsable", Severity.REVIEW, message, after.path, fix=fix)
        return
    for breakage in griffe.find_breaking_changes(old, new):
        if "*" in breakage.obj.name:  # ``import *``, which _re_exports knows more about
            continue
        rule, severity, text = _RULES.get(breakage.kind, ("other", Severity.REVIEW, "{where}: {kind}"))
        message = text.format(**_words(breakage, after, sides))
        line = 0 if breakage.kind is griffe.BreakageKind.OBJECT_REMOVED else breakage.obj.lineno or 0
        yield found(f"public-api/{rule}", severity, message[:500], after.path, line=line, fix=_FIX)
    yield from _re_exports(old, new, after)


def _words(breakage: griffe.Breakage, after: _Source, sides: _Sides) -> dict[str, str]:
    thing = breakage.obj
    name = thing.path.removeprefix(f"{_STAND_IN}.")
    parameter = breakage.old_value or breakage.new_value
    is_parameter = isinstance(parameter, griffe.Parameter)
    return {
        "where": f"{thing.kind.value.capitalize()} {name} of {after.name}",
        "what": f"parameter {parameter.name}" if is_parameter else "",
        "was": _said(breakage.old_value, breakage.kind),
        "now": _said(breakage.new_value, breakage.kind),
        "kind": breakage.kind.value,
        "hint": _hint(name, after, sides) if breakage.kind is griffe.BreakageKind.OBJECT_REMOVED else "",
    }


def _said(value: object, kind: griffe.BreakageKind) -> str:
    if isinstance(value, griffe.Parameter):
        is_kind = kind is griffe.BreakageKind.PARAMETER_CHANGED_KIND
        return str(value.kind.value if is_kind and value.kind else value.default)[:80]
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)[:200] or "none"
    return str(value.value if isinstance(value, griffe.Kind) else value)[:80]


def _hint(name: str, after: _Source, sides: _Sides) -> str:
    """Where a removed name of a module seems to have gone."""
    for source in sides.head.values():
        if source is not after and name in source.text and name in sides.offered(source):
            was = sides.base.get(source.name)
            if was is None or name not in sides.offered(was):
                return f" (one of that name is new in {source.path})"
    return ""


def _re_exports(old: griffe.Module, new: griffe.Module, after: _Source) -> Iterator[Finding]:
    """Names of its own package that a package's ``__init__`` handed on and no longer does.

    Griffe takes imported names for private unless ``__all__`` lists them; in an ``__init__`` they are what it is for.
    """
    if not after.path.endswith("__init__.py") or old.exports:
        return
    root = after.name.partition(".")[0]
    for name, member in sorted(old.members.items()):
        if name in new.members or name.startswith("_") or not isinstance(member, griffe.Alias):
            continue
        if member.target_path.partition(".")[0] in {_STAND_IN, root}:
            what = f"what {after.name} handed on with *" if "*" in name else name
            message = f"{what} can no longer be imported from {after.name}"
            yield found("public-api/re-export-removed", Severity.REVIEW, message, after.path, fix=_FIX)


_STAND_IN = "deputy_module"  # one part, as griffe's collections want it; real names may have dots


def _read(source: _Source) -> griffe.Module | None:
    """The module as griffe sees its syntax, or None when it is not this Python's."""
    modules = griffe.ModulesCollection()
    file = PurePosixPath(_STAND_IN, "__init__.py" if source.path.endswith("__init__.py") else "module.py")
    try:
        module = griffe.visit(
            _STAND_IN, cast("Path", file), source.text, extensions=griffe.Extensions(), modules_collection=modules
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    modules[_STAND_IN] = module
    _construct(module)
    return module


def _construct(scope: griffe.Module | griffe.Class) -> None:
    """Give each dataclass the constructor that its fields make: callers rely on that as on any other function."""
    for member in list(scope.members.values()):
        if isinstance(member, griffe.Class):
            _construct(member)
            how = next((str(d.value) for d in member.decorators if d.callable_path.endswith("dataclass")), "")
            if how and "init=False" not in how and "__init__" not in member.members:
                first = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
                fields = (each for each in member.members.values() if isinstance(each, griffe.Attribute))
                made = [_parameter(each, how) for each in fields if _is_field(each)]
                init = griffe.Function("__init__", lineno=member.lineno, parameters=griffe.Parameters(first, *made))
                member.set_member("__init__", init)


def _is_field(attribute: griffe.Attribute) -> bool:
    is_class_variable = "class-attribute" in attribute.labels and "instance-attribute" not in attribute.labels
    is_kept_out = "property" in attribute.labels or "init=False" in str(attribute.value)
    return attribute.annotation is not None and not is_class_variable and not is_kept_out


def _parameter(attribute: griffe.Attribute, how: str) -> griffe.Parameter:
    value = None if attribute.value is None else str(attribute.value)
    if value and re.match(r"(?:dataclasses\.)?field\(", value) and "default" not in value:
        value = None
    by_name = "kw_only=True" in f"{how}{value}"
    kind = griffe.ParameterKind.keyword_only if by_name else griffe.ParameterKind.positional_or_keyword
    return griffe.Parameter(attribute.name, kind=kind, default=value)
