"""Lock files that are neither TOML nor npm's, read by meaning: name → version, place, content hash.

Each parser reads the plain form that the package manager itself writes. What it can't place raises ``ValueError``: a
lock file in another form is not one that a person should have to trust.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import matches
from deputy.gates.dependencies.manifests import Parser, Pin, Pins

SETTING = "a setting"  # the spec of what a package manager is told about anything but places
_HOST = re.compile(r"(?:[a-z+]+:)?//[^/]*|[a-z+]+:[^/]*")


def lock_parser_of(path: str) -> Parser | None:
    """The parser for a path that is a lock file or a package manager's settings read here, or None."""
    folded = fold(path)
    return next((parser for pattern, parser in _PARSERS.items() if matches(pattern, folded)), None)


def _together(pairs: Iterable[tuple[str, Pin]]) -> Pins:
    """By name; several versions of one name are one pin of all of them."""
    every: dict[str, list[Pin]] = {}
    for name, pin in pairs:
        every.setdefault(name, []).append(pin)
    return {name: Pin(*(_joined(part) for part in _parts(pins))) for name, pins in every.items()}


def _parts(pins: list[Pin]) -> Iterator[set[str]]:
    yield {pin.spec for pin in pins}
    yield {pin.source for pin in pins}
    yield {pin.content for pin in pins}


def _joined(parts: set[str]) -> str:
    return " | ".join(sorted(parts - {""}))


def _blocks(text: str, indent: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each line at this indentation, with the deeper lines under it; comments and empty lines dropped."""
    head: str | None = None
    body: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith(f"{indent} ") or (line.startswith(f"{indent}\t") and head is not None):
            if head is None:
                raise ValueError("a line stands under nothing")
            body.append(line)
            continue
        if head is not None:
            yield head, body
        head, body = line.strip(), []
    if head is not None:
        yield head, body


def _fields(body: Iterable[str], depth: int) -> dict[str, str]:
    """``key value`` and ``key: value`` lines at exactly this depth, unquoted."""
    fields = {}
    for line in body:
        matched = re.fullmatch(r"( *)[\"']?([\w-]+)[\"']?:?[ \t]+(\S.*)", line)
        if matched and len(matched[1]) == depth:
            fields[matched[2]] = matched[3].strip().strip("\"'")
    return fields


def _host_of(address: str) -> str:
    matched = _HOST.match(address)
    return matched[0] if matched else ""


def _name_of(asked: str) -> str:
    """The name in ``name@range``, also where it is scoped; what has no name stands for itself."""
    return asked[: asked.index("@", 1)] if "@" in asked[1:] else asked


# ------------------------------------------------------------------------------------------------------------ node


def _yarn_lock(text: str) -> Pins:
    """Yarn's, of version 1 (``resolved``) and later (``resolution``)."""
    return _together(pair for head, body in _blocks(text) for pair in _yarn_package(head, _fields(body, 2)))


def _yarn_package(head: str, fields: Mapping[str, str]) -> Iterator[tuple[str, Pin]]:
    if head.rstrip(":") == "__metadata":
        return
    if not head.endswith(":") or "version" not in fields:
        raise ValueError(f"yarn.lock: {head[:80]!r} is no package with a version")
    asked = [item.strip().strip("\"'") for item in head.rstrip(":").split(",")]
    resolved, resolution = fields.get("resolved", ""), fields.get("resolution", "")
    source = _host_of(resolved) if resolved else _berry_source(resolution)
    content = fields.get("integrity") or fields.get("checksum") or resolved.partition("#")[2]
    for name in sorted({_name_of(item) for item in asked if item}):
        other = _name_of(resolution)
        alias = f"{other} " if resolution and other != name else ""
        yield name, Pin(f"{alias}{fields['version']}", source, content)


def _berry_source(resolution: str) -> str:
    place = resolution[len(_name_of(resolution)) + 1 :]
    return "" if place.startswith(("npm:", "workspace:")) else place


_PNPM_QUIET = frozenset({"lockfileVersion", "settings", "importers", "snapshots", "time", "specifiers"})


def _pnpm_lock(text: str) -> Pins:
    """pnpm's: what ``packages`` resolve to; overrides, patches and checksums of hooks line by line."""
    pairs: list[tuple[str, Pin]] = []
    for head, body in _blocks(text.replace("\n---\n", "\n")):
        section, _, value = head.partition(":")
        if section == "packages":
            pairs += (_pnpm_package(name, "\n".join(lines)) for name, lines in _blocks("\n".join(body), "  "))
        elif section == "patchedDependencies" or not (
            section in _PNPM_QUIET or section.lower().endswith("dependencies")
        ):
            pairs += ((f"{section}:{line.strip()}", Pin("")) for line in (body or [value]))
    return _together(pairs)


def _pnpm_package(head: str, body: str) -> tuple[str, Pin]:
    key = head.rstrip(":").strip("\"'").removeprefix("/").partition("(")[0]
    name = _name_of(key)
    if name == key:  # up to version 5: name/1.2.3
        name = key.rpartition("/")[0] or key
    version = key[len(name) + 1 :]
    resolution = dict(re.findall(r"(integrity|tarball|directory|repo|commit):[ ]*[\"']?([^\s,}\"']+)", body))
    places = [resolution[key] for key in ("directory", "repo", "commit") if key in resolution]
    tarball = resolution.get("tarball", "")
    source = " ".join([*places, *([_host_of(tarball) or tarball] if tarball else [])])
    if not source and re.match(r"(?:https?|git|file|link)[+:@]", version):
        source = _host_of(version) or version
    return name, Pin(version, source, resolution.get("integrity", ""))


# -------------------------------------------------------------------------------------------------------------- go


def _go_mod(text: str) -> Pins:
    """Go's modules: what is required, and what is replaced by something else, which is another source."""
    return _together(pair for verb, rest in _go_lines(text) for pair in _go_line(verb, rest))


def _go_lines(text: str) -> Iterator[tuple[str, str]]:
    block = ""
    for raw in text.splitlines():
        line = raw.partition("//")[0].strip()
        if block and line == ")":
            block = ""
        elif block and line:
            yield block, line
        elif matched := re.fullmatch(r"(\w+)\s*\(", line):
            block = matched[1]
        elif line:
            verb, _, rest = line.partition(" ")
            yield verb, rest.strip()


def _go_line(verb: str, rest: str) -> Iterator[tuple[str, Pin]]:
    if verb == "replace":
        old, _, new = (part.strip() for part in rest.partition("=>"))
        yield f"replace:{old}", Pin("", source=new)
    elif verb == "require":
        name, _, version = rest.partition(" ")
        yield name.strip('"'), Pin(version.strip())
    elif verb in {"go", "toolchain"}:
        yield verb, Pin(rest)
    elif verb == "tool":
        yield f"tool:{rest}", Pin("")
    elif verb not in {"module", "exclude", "retract", "godebug", "ignore"}:
        raise ValueError(f"go.mod: {verb[:40]!r} is not known")


def _go_sum(text: str) -> Pins:
    return _together(_go_hash(line) for line in text.splitlines() if line.strip())


def _go_hash(line: str) -> tuple[str, Pin]:
    name, version, content = line.split()
    return name, Pin(version.removesuffix("/go.mod"), "", f"{version} {content}")


# ------------------------------------------------------------------------------------------------------ ruby, php


def _gemfile_lock(text: str) -> Pins:
    """Bundler's: each ``specs`` under the place that it comes from, and the checksums if there are any."""
    return _together(pair for head, body in _blocks(text) for pair in _gem_section(head, body))


def _gem_section(head: str, body: list[str]) -> Iterator[tuple[str, Pin]]:
    remotes = [line.strip()[len("remote:") :].strip() for line in body if line.startswith("  remote:")]
    revision = _fields(body, 2).get("revision", "")
    if head == "GEM" and all(remote.rstrip("/") == "https://rubygems.org" for remote in remotes):
        source = ""
    else:
        source = " ".join([*remotes, revision]).strip()
    for line in body:
        if matched := re.fullmatch(r" {4}([^\s(]+)(?: \(([^)]*)\))?!?", line):
            yield matched[1], Pin(matched[2] or "", source)
        elif head == "CHECKSUMS" and (matched := re.fullmatch(r" {2}([^\s(]+) \([^)]*\)(?: (.*))?", line)):
            yield matched[1], Pin("", "", matched[2] or "")


def _object(text: str) -> dict[str, Any]:
    """A JSON object, as lock files are; ``ValueError`` for anything else."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("a lock file is a JSON object")  # noqa: TRY004 - content, not a type
    return document


def _composer_lock(text: str) -> Pins:
    document = _object(text)
    packages = [package for key in ("packages", "packages-dev") for package in document.get(key) or []]
    return _together(_composer_package(package) for package in packages)


def _composer_package(package: Mapping[str, object]) -> tuple[str, Pin]:
    dist = package.get("dist") or package.get("source") or {}
    place = dist if isinstance(dist, dict) else {}
    usual = str(package.get("notification-url", "")) == "https://packagist.org/downloads/"
    source = "" if usual else _host_of(str(place.get("url", "")))
    content = str(place.get("shasum") or place.get("reference") or "")
    return str(package["name"]), Pin(str(package.get("version", "")), source, content)


# ---------------------------------------------------------------------------------------------------------- python

_PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")


def _pipfile_lock(text: str) -> Pins:
    document = _object(text)
    pairs = [
        (_canonical(name), _pipfile_pin(package))
        for group, packages in document.items()
        if group != "_meta"
        for name, package in packages.items()
    ]
    places = [str(place.get("url", "")).rstrip("/") for place in document.get("_meta", {}).get("sources", [])]
    pairs += [(f"source:{place}", Pin("", source=place)) for place in places if place not in _PYPI]
    return _together(pairs)


def _pipfile_pin(package: Mapping[str, object]) -> Pin:
    places = {key: package[key] for key in ("git", "path", "file", "ref", "editable") if key in package}
    source = json.dumps(places, sort_keys=True, default=str) if places else ""
    return Pin(str(package.get("version", "")), source, json.dumps(package.get("hashes", []), sort_keys=True))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# -------------------------------------------------------------------------------------------------------- settings

# Keys by which a package manager takes packages, or the proof that they are right, from somewhere else.
_PLACES = re.compile(
    r"registry|index|find.?links|proxy|cert|ssl|cafile|trusted|host|url|mirror|source|token|auth|script|://|path",
    re.IGNORECASE,
)


def _settings(text: str) -> Pins:
    """Settings of package managers: where packages come from is a source; everything else is shown as it stands."""
    lines = (line.strip() for line in text.splitlines())
    return {
        line: Pin("", source=line) if _PLACES.search(line) else Pin(SETTING)
        for line in lines
        if line and not line.startswith(("#", ";")) and not re.fullmatch(r"\[[\w.-]+\]", line)
    }


_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "**/yarn.lock": _yarn_lock,
        "**/pnpm-lock.yaml": _pnpm_lock,
        "**/go.mod": _go_mod,
        "**/go.sum": _go_sum,
        "**/gemfile.lock": _gemfile_lock,
        "**/composer.lock": _composer_lock,
        "**/pipfile.lock": _pipfile_lock,
        **dict.fromkeys(
            ("**/.npmrc", "**/.yarnrc", "**/pip.conf", "**/pip.ini", "**/bunfig.toml", "**/uv.toml"), _settings
        ),
    }
)
