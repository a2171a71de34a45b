"""Manifests and lock files, read into one form: name → what is asked for, and from where."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from types import MappingProxyType

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import matches

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)", re.DOTALL)
_FOREIGN = re.compile(
    r"^(?:git|hg|svn|bzr|ssh|https?|file|link|portal|github|gitlab|bitbucket|gist)[+:@]|^(?:\.{0,2}/|~/|\w:\\)|\.git(?:$|[#@])"
)
_FILE = re.compile(r"^/|\.(?:whl|zip|egg|tar(?:\.\w+)?|tgz)$")
_INCLUDES = re.compile(r"(?:-r|-c|--requirement|--constraint)\b")
_GITHUB = re.compile(r"^[\w.-]+/[\w.-]+(?:#.*)?$")


@dataclass(frozen=True)
class Pin:
    """What is asked for (``spec``: a version or range), and ``source`` when it is not the usual registry."""

    spec: str
    source: str = ""
    content: str = ""


Pins = dict[str, Pin]
Parser = Callable[[str], Pins]


def parser_of(path: str) -> Parser | None:
    """The parser for a path that is a manifest or lock file we read, or None."""
    folded = fold(path)
    return next((parser for pattern, parser in _PARSERS.items() if matches(pattern, folded)), None)


def gather(pairs: Iterable[tuple[str, Pin]]) -> Pins:
    """By name; what is asked for twice (for two platforms, say) is kept as both, so that no half changes unseen."""
    pins: Pins = {}
    for name, pin in pairs:
        known = pins.get(name)
        pins[name] = pin if known is None or known == pin else Pin(*map(_join, astuple(known), astuple(pin)))
    return pins


def _join(one: str, other: str) -> str:
    return one if one == other or not other else f"{one} | {other}" if one else other


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(text: str, group: str = "") -> tuple[str, Pin]:
    """One PEP 508 line: ``name[extra] >= 1 ; marker`` or ``name @ url``; anything else stands for itself."""
    matched = _NAME.fullmatch(text)
    if not matched or _FOREIGN.search(text.strip()):
        return f"{group}{text.strip()}", Pin("", source=text.strip())
    name, extra, rest = matched[1], matched[2] or "", matched[3].strip()
    if _FILE.search(rest):
        return f"{group}{text.strip()}", Pin("", source=text.strip())
    if rest.startswith("@"):
        return f"{group}{_canonical(name)}", Pin(extra, source=rest[1:].strip())
    return f"{group}{_canonical(name)}", Pin(f"{extra}{rest}")


def _requirements_txt(text: str) -> Pins:
    return gather(_requirement_lines(text.replace("\\\n", " ")))


def _requirement_lines(text: str) -> Iterator[tuple[str, Pin]]:
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        if not line:
            continue
        if line.startswith("-"):
            yield line, Pin("") if _INCLUDES.match(line) else Pin("", source=line)
            continue
        spec, *hashes = re.split(r"\s+--hash=", line)
        name, pin = requirement(spec)
        yield name, Pin(pin.spec, pin.source, " ".join(sorted(item.strip() for item in hashes)))


def _pyproject(text: str) -> Pins:
    return gather(_pyproject_pins(tomllib.loads(text)))


def _pyproject_pins(document: dict[str, object]) -> Iterator[tuple[str, Pin]]:
    project = _table(document, "project")
    for line in _strings(project.get("dependencies")):
        yield requirement(line)
    groups = {"build:": _table(document, "build-system").get("requires")}
    groups |= {f"{name}:": lines for name, lines in _table(project, "optional-dependencies").items()}
    groups |= {f"{name}:": lines for name, lines in _table(document, "dependency-groups").items()}
    for group, lines in groups.items():
        for line in _strings(lines):
            yield requirement(line, group)
    tool = _table(document, "tool")
    yield from uv_pins(_table(tool, "uv"))
    yield from _poetry(_table(tool, "poetry"))
    for name in ("pdm", "hatch", "pixi"):
        for key in ("source", "dev-dependencies", "envs", "dependencies", "pypi-dependencies"):
            if key in _table(tool, name):
                yield f"tool.{name}.{key}", Pin(json.dumps(_table(tool, name)[key], sort_keys=True, default=str))


def uv_pins(tool: Mapping[str, object]) -> Iterator[tuple[str, Pin]]:
    """What a ``tool.uv`` table asks for, and where it says that packages come from."""
    for line in _strings(tool.get("dev-dependencies")):
        yield requirement(line, "dev:")
    for name, source in _table(tool, "sources").items():
        yield f"source:{_canonical(name)}", Pin("", source=json.dumps(source, sort_keys=True, default=str))
    for key in (
        "index",
        "index-url",
        "extra-index-url",
        "find-links",
        "override-dependencies",
        "constraint-dependencies",
    ):
        if key in tool:
            yield f"tool.uv.{key}", Pin("", source=json.dumps(tool[key], sort_keys=True, default=str))


def _poetry(tool: Mapping[str, object]) -> Iterator[tuple[str, Pin]]:
    tables = {"": _table(tool, "dependencies"), "dev:": _table(tool, "dev-dependencies")}
    groups = _table(tool, "group")
    tables |= {f"{name}:": _table(_table(groups, name), "dependencies") for name in groups}
    for group, table in tables.items():
        for name, value in table.items():
            yield f"{group}{_canonical(name)}", _table_pin(value)
    if "source" in tool:
        yield "tool.poetry.source", Pin("", source=json.dumps(tool["source"], sort_keys=True, default=str))


def _table_pin(value: object) -> Pin:
    """A dependency written as a version, or as a table that may say where it comes from (Poetry, Cargo, Pipfile)."""
    if not isinstance(value, dict):
        return Pin(str(value))
    places = {key: value[key] for key in ("git", "url", "path", "file", "source", "registry", "index") if key in value}
    source = json.dumps(places, sort_keys=True, default=str) if places else ""
    rest = {key: part for key, part in value.items() if key not in places}
    return Pin(json.dumps(rest, sort_keys=True, default=str), source)


def _toml_tables(text: str) -> Pins:
    """Cargo.toml and Pipfile: tables of dependencies, wherever they stand."""
    return gather(dependency_tables(tomllib.loads(text), ""))


def dependency_tables(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, Pin]]:
    """Each entry of the tables of dependencies, and whatever replaces where they come from."""
    for key, value in table.items():
        if key.endswith(("dependencies", "packages")) and isinstance(value, dict):
            yield from ((f"{prefix}{key}:{name}", _table_pin(pin)) for name, pin in value.items())
        elif key in {"source", "patch", "replace"}:
            yield f"{prefix}{key}", Pin("", source=json.dumps(value, sort_keys=True, default=str))
        elif isinstance(value, dict):
            yield from dependency_tables(value, f"{prefix}{key}.")


def _toml_lock(text: str) -> Pins:
    """uv.lock, poetry.lock, pdm.lock and Cargo.lock: ``[[package]]`` with name, version, source and hashes."""
    return gather(_locked(package) for package in tomllib.loads(text).get("package", []))


def _locked(package: Mapping[str, object]) -> tuple[str, Pin]:
    content = {key: package[key] for key in ("sdist", "wheels", "files", "checksum") if key in package}
    spec, source = str(package.get("version", "")), _lock_source(package.get("source"))
    return _canonical(str(package["name"])), Pin(spec, source, json.dumps(content, sort_keys=True, default=str))


def _lock_source(source: object) -> str:
    """Where a locked package comes from, or nothing for the package that is locked itself."""
    if not source or source in ({"virtual": "."}, {"editable": "."}):
        return ""
    return json.dumps(source, sort_keys=True, default=str)


def _package_json(text: str) -> Pins:
    package = json.loads(text)
    groups = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies", "overrides", "resolutions")
    pins = {
        (name if group == "dependencies" else f"{group}:{name}"): _node_pin(spec)
        for group in groups
        for name, spec in _table(package, group).items()
    }
    if "packageManager" in package:
        pins["packageManager"] = Pin(str(package["packageManager"]))
    return pins


def _node_pin(spec: object) -> Pin:
    text = spec if isinstance(spec, str) else json.dumps(spec, sort_keys=True)
    is_foreign = _FOREIGN.search(text) or _GITHUB.match(text)
    return Pin("", source=text) if is_foreign else Pin(text)


def _package_lock(text: str) -> Pins:
    document = json.loads(text)
    pins: Pins = {}
    for place, package in _table(document, "packages").items() or _table(document, "dependencies").items():
        if place and isinstance(package, dict):
            host = re.match(r"(?:[a-z+]+:)?//[^/]*|[a-z+]+:[^/]*", str(package.get("resolved", "")))
            pin = Pin(str(package.get("version", "")), host[0] if host else "", str(package.get("integrity", "")))
            pins[place.removeprefix("node_modules/")] = pin
    return pins


def by_line(text: str) -> Pins:
    """Formats that we do not parse: every line that says something is its own entry, so that none changes unseen."""
    return {
        line.strip(): Pin("")
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith(("#", "//"))
    }


def _configuration(text: str) -> Pins:
    """Settings of package managers: where packages come from."""
    return {line: Pin("", source=line) for line in by_line(text)}


def _table(parent: Mapping[str, object], key: str) -> dict[str, object]:
    value = parent.get(key, {})
    return value if isinstance(value, dict) else {}


def _strings(value: object) -> list[str]:
    return [item if isinstance(item, str) else json.dumps(item) for item in value] if isinstance(value, list) else []


_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "**/pyproject.toml": _pyproject,
        "**/*requirements*.txt": _requirements_txt,
        "**/*requirements*.in": _requirements_txt,
        "**/requirements/**": _requirements_txt,
        **dict.fromkeys(
            (
                "**/*constraints*.txt", "**/*constraints*.in", "**/*requirements*.lock", "**/*deps*.txt",
                "**/*deps*.in", "**/*reqs*.txt", "**/*reqs*.in", "**/dependencies*.txt",
            ),
            _requirements_txt,
        ),
        "**/uv.lock": _toml_lock,
        "**/poetry.lock": _toml_lock,
        "**/pdm.lock": _toml_lock,
        "**/cargo.lock": _toml_lock,
        "**/cargo.toml": _toml_tables,
        "**/pipfile": _toml_tables,
        "**/package.json": _package_json,
        "**/bower.json": _package_json,
        "**/package-lock.json": _package_lock,
        "**/npm-shrinkwrap.json": _package_lock,
        **dict.fromkeys(
            (
                "**/yarn.lock", "**/pnpm-lock.yaml", "**/pipfile.lock", "**/go.mod", "**/go.sum", "**/gemfile",
                "**/gemfile.lock", "**/composer.json", "**/composer.lock", "**/environment.y*ml", "**/bun.lock",
                "**/pylock*.toml", "**/pnpm-workspace.yaml", "**/deno.json", "**/deno.lock", "**/mix.exs",
                "**/mix.lock", "**/pixi.lock", "**/conda-lock.y*ml", "**/package.swift", "**/package@swift-*.swift",
                "**/package.resolved", "**/podfile", "**/podfile.lock", "**/cartfile*", "**/pubspec.y*ml",
                "**/pubspec.lock", "**/packages.config", "**/directory.packages.props", "**/*.versions.toml",
                "**/flake.lock",
            ),
            by_line,
        ),
        **dict.fromkeys(
            ("**/.npmrc", "**/.yarnrc", "**/.yarnrc.yml", "**/pip.conf", "**/pip.ini", "**/uv.toml", "**/.pypirc",
             "**/.cargo/config", "**/.cargo/config.toml", "**/bunfig.toml", "**/.condarc", "**/.bowerrc"),
            _configuration,
        ),
    }
)  # fmt: skip
