"""Finds workflows that can be abused, with zizmor: offline, and ignoring comments that switch rules off."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter, ValidationError

from deputy.adapters.scanners.program import ProgramResult
from deputy.adapters.scanners.sealed_run import Bounds, Output, broken, run
from deputy.domain.changes.folding import fold
from deputy.domain.review.scans import NOT_AUDITED, Sighting

NAME = "zizmor"
FLAGS = (
    "--offline", "--format=json-v1", "--no-config", "--no-ignores", "--no-progress", "--color=never",
    "--no-exit-codes", "--collect=all", "--cache-dir=../home/zizmor",
)  # fmt: skip
_WORKFLOWS = (".github/workflows", ".gitea/workflows", ".forgejo/workflows")
_OTHERS = {
    "action.yml": "action.yml",
    "action.yaml": "action.yml",
    ".github/dependabot.yml": ".github/dependabot.yml",
    ".github/dependabot.yaml": ".github/dependabot.yml",
    ".pre-commit-config.yaml": ".pre-commit-config.yaml",
    ".pre-commit-config.yml": ".pre-commit-config.yaml",
    ".pre-commit-hooks.yaml": ".pre-commit-hooks.yaml",
}
_COMPLETED, _VERSION = re.compile(r" completed (\S+)$", re.MULTILINE), re.compile(r"zizmor v(\d[\w.+-]*)")


class _Route(BaseModel):
    route: tuple[dict[str, str | int], ...]


class _Key(BaseModel):
    Local: dict[str, str]


class _Symbolic(BaseModel):
    key: _Key
    annotation: str
    route: _Route
    kind: str


class _Point(BaseModel):
    row: int


class _Span(BaseModel):
    start_point: _Point


class _Concrete(BaseModel):
    location: _Span
    feature: str


class _Location(BaseModel):
    symbolic: _Symbolic
    concrete: _Concrete


class _Found(BaseModel):
    ident: str
    desc: str
    locations: tuple[_Location, ...]

    @property
    def main(self) -> _Location:
        """The finding's own place; the other places explain it."""
        return next((one for one in self.locations if one.symbolic.kind == "Primary"), self.locations[0])

    @property
    def file(self) -> str:
        return self.main.symbolic.key.Local["verbatim_path"]


_Report = TypeAdapter(tuple[_Found, ...])


@dataclass(frozen=True)
class Zizmor:
    """The program that looks at workflows, composite actions, and Dependabot's and pre-commit's settings."""

    program: Path | None
    bounds: Bounds = field(default_factory=Bounds)
    name: str = NAME

    def scan(self, base: Mapping[str, bytes], head: Mapping[str, bytes], folder: Path) -> ProgramResult:
        """Name with version, and what ``base`` did not have. ``Unavailable`` when it gives no result.

        A file that it can't read is sighted as ``not-audited``: a schema of its own is not proof of harmlessness.
        """
        if self.program is None:
            raise broken(NAME, "it is not installed")
        names = _lay_out(folder / "in", "head", head)
        before = _lay_out(folder / "in", "base", {path: base[path] for path in head if path in base})
        output = run(NAME, [str(self.program), *FLAGS, "."], folder, self.bounds)
        findings, version = _parsed(output), _VERSION.search(output.errors)
        audited = {name.removeprefix("./") for name in _COMPLETED.findall(output.errors)}
        known = [found for found in findings if _name(found) in before]
        sightings = [*_new(findings, names, known, before)]
        sightings += [_unread(path) for name, path in names.items() if name not in audited]
        return ProgramResult(f"{NAME} {version[1] if version else 'of unknown version'}", tuple(sightings))


def is_auditable(path: str) -> bool:
    """Whether zizmor can audit a file of this name."""
    return _role(path) is not None


def _role(path: str) -> str | None:
    """The name under which zizmor reads the file as a forge would."""
    place = PurePosixPath(fold(path))
    if str(place.parent) in _WORKFLOWS and place.suffix in {".yml", ".yaml"}:
        return ".github/workflows/w.yml"
    return _OTHERS.get(str(place)) or _OTHERS.get(place.name)


def _lay_out(folder: Path, side: str, files: Mapping[str, bytes]) -> dict[str, str]:
    names = {f"{side}/{number:06}/{_role(path)}": path for number, path in enumerate(files)}
    for name, path in names.items():
        (folder / name).parent.mkdir(parents=True)
        if _is_text(files[path]):
            (folder / name).write_bytes(files[path])
    return names


def _is_text(content: bytes) -> bool:
    """One file that is not UTF-8 would keep it from looking at all the others."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _new(
    findings: Sequence[_Found], names: Mapping[str, str], known: Sequence[_Found], before: Mapping[str, str]
) -> Iterator[Sighting]:
    old = {(before[_name(found)], mark) for found in known for mark in _marks(found)}
    for found in findings:
        path = names.get(_name(found))
        if path is None or any((path, mark) in old for mark in _marks(found)):
            continue
        main = found.main
        yield Sighting(
            scanner=NAME,
            rule=found.ident,
            path=path,
            line=main.concrete.location.start_point.row + 1,
            message=f"{found.desc}: {main.symbolic.annotation}",
        )


def _marks(found: _Found) -> Iterator[tuple[str, ...]]:
    """What makes a finding the same as one of the old file: its rule, annotation and text.

    Of a whole file or job it is the place instead, since any change in it changes its text.
    """
    main = found.main
    yield found.ident, main.symbolic.annotation, main.concrete.feature.strip()
    route = [str(value) for step in main.symbolic.route.route for value in step.values()]
    if not route or (len(route) == len(("jobs", "name")) and route[0] == "jobs"):
        yield found.ident, main.symbolic.annotation, "", *route


def _name(found: _Found) -> str:
    return found.file.removeprefix("./")


def _unread(path: str) -> Sighting:
    return Sighting(scanner=NAME, rule=NOT_AUDITED, path=path, message="it could not be read")


def _parsed(output: Output) -> tuple[_Found, ...]:
    if "no inputs collected" in output.errors and not output.out:
        return ()
    if output.status:
        raise broken(NAME, f"it ended with status {output.status}")
    try:
        return _Report.validate_json(output.out)
    except ValidationError:
        raise broken(NAME, "its report could not be read") from None
