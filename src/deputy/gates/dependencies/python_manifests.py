"""What Python packages and scripts ask for outside pyproject.toml: setup.cfg, setup.py, blocks in scripts, Pixi.

None of it runs. What can't be read as it should be is compared line by line, so that nothing changes unseen.
"""

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from deputy.domain.changes.folding import fold
from deputy.gates.dependencies.manifests import (
    Parser,
    Pin,
    Pins,
    by_line,
    dependency_tables,
    gather,
    requirement,
    uv_pins,
)

_REQUIRED = ("install_requires", "setup_requires", "tests_require", "extras_require", "requires")
_ELSEWHERE = "dependency_links"
_Entry = tuple[str, Pin]


def python_parser_of(path: str) -> Parser | None:
    """The parser for a path that is read here, or None. A file without an extension may be a script."""
    name = fold(path).rpartition("/")[2]
    if name in _PARSERS:
        return _PARSERS[name]
    return _script if name.endswith((".py", ".pyw")) or "." not in name else None


# ---------------------------------------------------------------------------------------------------------- setup.cfg


def _setup_cfg(text: str) -> Pins:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return by_line(text)
    return gather(pin for section in parser.sections() for pin in _section(section, dict(parser.items(section))))


def _section(section: str, options: Mapping[str, str]) -> Iterator[_Entry]:
    for key, value in options.items():
        option = key.replace("-", "_")
        if section == "options.extras_require":
            yield from _asked(f"{key}:", _words(value))
        elif section in {"options", "metadata"} and option in {*_REQUIRED, _ELSEWHERE}:
            yield from _option(option, _words(value))


def _option(option: str, lines: list[str]) -> Iterator[_Entry]:
    if option == _ELSEWHERE:
        yield from ((f"{option}:{line}", Pin("", source=line)) for line in lines)
    else:
        yield from _asked("" if option == "install_requires" else f"{option}:", lines)


def _words(value: str) -> list[str]:
    """Setuptools' list: one on a line, or separated by semicolons where there is one line."""
    parts = value.splitlines() if "\n" in value else value.split(";")
    return [part.strip() for part in parts if part.strip() and not part.lstrip().startswith("#")]


def _asked(group: str, lines: list[str]) -> Iterator[_Entry]:
    for line in lines:
        yield (f"{group}{line}", Pin(line)) if line.startswith("file:") else requirement(line, group)


# ----------------------------------------------------------------------------------------------------------- setup.py


def _setup_py(text: str) -> Pins:
    """Arguments and dictionary entries of those names, wherever they stand; names are looked up in the module."""
    try:
        module = ast.parse(text)
        pins = gather(pin for option, node in _arguments(module) for pin in _argument(option, node, module))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return by_line(text)
    return gather([*pins.items(), *_script(text).items()])


def _arguments(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg in {*_REQUIRED, _ELSEWHERE}:
            yield node.arg, node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in {*_REQUIRED, _ELSEWHERE}:
                    yield str(key.value), value


def _argument(option: str, node: ast.expr, module: ast.Module) -> Iterator[_Entry]:
    for part in _meant(node, module):
        value = _literal(part)
        if isinstance(value, dict):
            for extra, lines in value.items():
                yield from _asked(f"{extra}:", _texts(lines))
        elif value is not None:
            yield from _option(option, _texts(value))
        else:  # worked out at run time: what is written there stands for itself
            yield f"{option}:{ast.unparse(part)[:200]}", Pin(ast.unparse(part))


def _meant(node: ast.expr, module: ast.Module) -> Iterator[ast.expr]:
    """The expression; for a name, whatever the module assigns or adds to it."""
    named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    if not isinstance(node, ast.Name):
        yield node
    for each in ast.walk(module):
        if isinstance(each, ast.Assign):
            targets: list[ast.expr] = each.targets
        elif isinstance(each, ast.AugAssign | ast.AnnAssign):
            targets = [each.target]
        else:
            continue
        if each.value and any(isinstance(t, ast.Name) and t.id in named for t in targets):
            yield each.value


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return _words(value)
    return [str(item) for item in value] if isinstance(value, list | tuple | set) else [str(value)]


# ------------------------------------------------------------------------------------------------------------ scripts

_START = re.compile(r"# /// script[ \t\r]*")


def _script(text: str) -> Pins:
    """PEP 723: TOML in comments, between ``# /// script`` and ``# ///``, that a runner installs from."""
    return gather(pin for block in _blocks(text) for pin in _block(block))


def _blocks(text: str) -> Iterator[list[str]]:
    """The comments that follow a start, without their marks. A line ends at a newline alone, as for runners."""
    block: list[str] | None = None
    for line in text.split("\n") if "# /// script" in text else ():
        if block is None:
            block = [] if _START.fullmatch(line) else None
        elif line.startswith("# ") or line.rstrip() == "#":
            block.append(line[2:].rstrip())
        else:
            yield block
            block = None
    if block:
        yield block


def _block(lines: list[str]) -> Iterator[_Entry]:
    ends = [number for number, line in enumerate(lines) if line == "///"]
    content = "\n".join(lines[: ends[-1]] if ends else lines)
    try:
        document = tomllib.loads(content)
    except ValueError:
        yield from by_line(content).items()
        return
    asked, tool = document.get("dependencies"), document.get("tool")
    yield from (requirement(str(line)) for line in (asked if isinstance(asked, list) else []))
    uv = tool.get("uv") if isinstance(tool, dict) else None
    if isinstance(uv, dict):
        yield from uv_pins(uv)


# --------------------------------------------------------------------------------------------------------------- pixi


def _pixi(text: str) -> Pins:
    document = tomllib.loads(text)
    return gather([*dependency_tables(document, ""), *_channels(document)])


def _channels(table: Mapping[str, object]) -> Iterator[_Entry]:
    for key, value in table.items():
        if key in {"channels", "pypi-options"}:
            for place in value if isinstance(value, list) else [value]:
                shown = place if isinstance(place, str) else json.dumps(place, sort_keys=True, default=str)
                is_name = re.fullmatch(r"[\w-]+", shown) is not None
                yield f"{key}:{shown}", Pin("a channel") if is_name else Pin("", source=shown)
        elif isinstance(value, dict):
            yield from _channels(value)


_PARSERS: Mapping[str, Parser] = MappingProxyType({"setup.cfg": _setup_cfg, "setup.py": _setup_py, "pixi.toml": _pixi})
