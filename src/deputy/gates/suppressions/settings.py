"""What the tools that check code are told, setting by setting, and whether a change of it asks for less."""

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deputy.domain.changes.folding import fold

Setting = tuple[str, ...]  # from the table down: ("ruff", "lint", "ignore")
Settings = Mapping[Setting, object]
_TOML_TOOLS = (
    "bandit", "basedpyright", "black", "coverage", "flake8", "importlinter", "interrogate", "isort", "mypy", "pylint",
    "pyrefly", "pyright", "pytest", "ruff", "tox", "ty", "vulture",
)  # fmt: skip
_NODE_TOOLS = ("ava", "c8", "eslintConfig", "jest", "mocha", "nyc", "stylelint", "xo")
_DEEPEST = 12
# Names of settings or of tables that they are in, spelled alike (``_plain``): lists of what is left out,
_MORE_IS_LESS = frozenset(
    {
        "coveragepathignorepatterns", "deselect", "disable", "disableerrorcode", "exclude", "excludealso",
        "excludedirs", "excludelines", "extendexclude", "extendignore", "extendperfileignores", "filterwarnings",
        "forceexclude", "ignore", "ignored", "ignorepaths", "ignorepatterns", "ignores", "modulepathignorepatterns",
        "norecursedirs", "omit", "perfileignores", "skip", "skips", "testpathignorepatterns",
    }
)  # fmt: skip
# and lists of what is looked at or asked for.
_LESS_IS_LESS = frozenset(
    {
        "collectcoveragefrom", "enable", "enableerrorcode", "extendselect", "files", "include", "select", "source",
        "sourcepkgs", "testpaths",
    }
)  # fmt: skip
_AT_LEAST = re.compile(r"(?:cov)?failunder|minscore|minconfidence|branches|functions|lines|statements")
_AT_MOST = re.compile(r"max\w+|linelength|printwidth")
_STRICT = re.compile(
    r"strict\w*|disallow\w+|warn\w+|checkuntypeddefs|extrachecks|noimplicit\w+|nounused\w+|nounchecked\w+"
    r"|noproperty\w+|nofallthrough\w+|exactoptional\w+|useunknownincatch\w+|alwaysstrict|xfailstrict"
    r"|branch|checkcoverage|localpartialtypes"
)
_LAX = re.compile(
    r"ignoreerrors|ignoremissing\w+|exitzero|allow\w+|skiplibcheck|implicit\w+|suppress\w+|skipcovered|skipempty"
    r"|passwithnotests|bail"
)
_WEIGHTS: Mapping[object, int] = MappingProxyType(
    {"off": 0, "none": 0, "false": 0, "0": 0, "information": 1, "info": 1, "warn": 2, "warning": 2, "1": 2, "error": 3,
     "true": 3, "on": 2, "2": 3}
)  # fmt: skip
_REPORTS = re.compile(r"report[A-Z]\w+")
_TRUE = frozenset({"true", "yes", "on", "1"})


@dataclass(frozen=True)
class Loosening:
    """A setting that asks for less than before, and how, as the end of a sentence that starts with its name."""

    setting: Setting
    how: str


def settings_of(path: str, text: str) -> Settings | None:
    """The settings that a file gives to checks; None where it is of no format that is read, or not well-formed."""
    name = fold(path).rpartition("/")[2]
    try:
        return dict(_flat(_document(name, text), ()))
    except (ValueError, RecursionError, configparser.Error):
        return None


def loosenings(before: Settings, after: Settings) -> Iterator[Loosening]:
    """Each setting that asks for less than it did, by name."""
    for setting in sorted(set(before) | set(after)):
        was, now = before.get(setting), after.get(setting)
        if was != now and (how := _looser(setting, was, now)):
            yield Loosening(setting, how)


def _document(name: str, text: str) -> Mapping[str, object]:
    if not text.strip():
        return {}
    if name == "pyproject.toml":
        return _only(_TOML_TOOLS, tomllib.loads(text).get("tool"))
    if name.endswith("ruff.toml"):
        return {"ruff": tomllib.loads(text)}
    if name == "package.json":
        return _only(_NODE_TOOLS, json.loads(text))
    if name.endswith(".json") or name in {".eslintrc", ".nycrc"}:
        return {name.strip(".").removesuffix(".json"): json.loads(text)}
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _only(names: tuple[str, ...], tools: object) -> dict[str, object]:
    return {name: tools[name] for name in names if name in tools} if isinstance(tools, dict) else {}


def _flat(value: object, above: Setting) -> Iterator[tuple[Setting, object]]:
    named = value
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        named = {_title(each, number): each for number, each in enumerate(value)}
    if isinstance(named, dict) and len(above) < _DEEPEST:
        for name, part in named.items():
            yield from _flat(part, (*above, str(name)))
    else:
        yield above, value


def _title(value: object, number: int) -> str:
    """What an override is about: its place in the list may change."""
    about = (value.get("module") or value.get("files")) if isinstance(value, dict) else None
    return str(about or number)


def _looser(setting: Setting, was: object, now: object) -> str:
    names = [_plain(name) for name in setting]
    last = names[-1] if names else ""
    if _is_weighed(setting, names):
        return _fall(was, now) if _weight(now) < _weight(was) else ""
    if last == "addopts":
        return _options(_items(was), _items(now))
    if _MORE_IS_LESS & set(names):
        more = [item for item in _items(now) if item not in _items(was)]
        return f"now has {_some(more)}" if more else ""
    if last in _LESS_IS_LESS:
        gone = [item for item in _items(was) if item not in _items(now)]
        return f"no longer has {_some(gone)}" if gone else ""
    return _fall(was, now) if _asks_less(last, was, now) else ""


def _asks_less(name: str, was: object, now: object) -> bool:
    if _AT_LEAST.fullmatch(name):
        return (_number(now) or 0.0) < (_number(was) or 0.0)
    if _AT_MOST.fullmatch(name):
        one, other = _number(was), _number(now)
        return one is not None and (other is None or other > one)
    if _STRICT.fullmatch(name):
        return _is_on(was) and not _is_on(now)
    return _LAX.fullmatch(name) is not None and _is_on(now) and not _is_on(was)


def _is_weighed(setting: Setting, names: list[str]) -> bool:
    """Whether it says how much a rule matters: ESLint's and Biome's rules, Pyright's reports."""
    return "rules" in names[:-1] or (bool(setting) and _REPORTS.fullmatch(setting[-1]) is not None)


def _weight(value: object) -> int:
    """How much a rule matters; one that is not named may be switched on by a preset, and counts as more than off."""
    if value is None:
        return 1
    first = value[0] if isinstance(value, list) and value else value
    return _WEIGHTS.get(str(first).lower(), 0)


_WIDER = re.compile(r"-k\b.*|--ignore.*|--deselect.*|--no-cov.*|--exitfirst|--disable-warnings|-p|no:\S+|--co.*only")
_ASKING = re.compile(r"--cov(?:=.*|-branch)?|--strict\S*|-W.*|--doctest\S*|error")
_THRESHOLD = re.compile(r"--cov-fail-under=(\d+(?:\.\d+)?)")


def _options(was: list[str], now: list[str]) -> str:
    """How pytest's options select fewer tests or ask for less."""
    more = [item for item in now if item not in was and _WIDER.fullmatch(item)]
    gone = [item for item in was if item not in now and _ASKING.fullmatch(item)]
    before, after = (max((float(n) for n in _THRESHOLD.findall(" ".join(items))), default=0.0) for items in (was, now))
    if after < before:
        gone.append(f"--cov-fail-under={before:g}")
    parts = [f"now has {_some(more)}"] if more else []
    return " and ".join([*parts, f"no longer has {_some(gone)}"] if gone else parts)


def _items(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    if value is None or isinstance(value, bool):
        return []
    return [item for item in re.split(r"[\s,]+", str(value)) if item]


def _number(value: object) -> float | None:
    # A rule of a linter may give its bound in a list, after its weight.
    try:
        return float(str(value)) if not isinstance(value, bool) else None
    except ValueError:
        return None


def _is_on(value: object) -> bool:
    return str(value).strip().lower() in _TRUE


def _plain(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()


def _fall(was: object, now: object) -> str:
    return f"goes from {_said(was)} to {_said(now)}"


def _said(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, default=str)[:80].strip('"')


def _some(items: list[str]) -> str:
    shown = ", ".join(item[:60] for item in items[:5])
    return f"{shown} and {len(items) - 5:,} more" if len(items) > 5 else shown  # noqa: PLR2004 - as many as shown
