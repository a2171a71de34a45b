"""The files of a commit as a survey reads them: whatever stands in them, nothing here raises."""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from types import MappingProxyType

from deputy.domain.changes.globs import compile_glob

MAX_BYTES = 2 * 1024**2  # a manifest is smaller; of a larger lock file, only the beginning is looked at
Table = Mapping[str, object]
_NO_GLOB = re.compile("[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]|[\\[\\]{}!*\\\\]")
_EMPTY: Table = MappingProxyType({})


class Files:
    """Paths and contents of one tree. What is missing, too large or malformed reads as empty."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes | None]) -> None:
        self.paths = tuple(sorted(paths))
        self._known = frozenset(self.paths)
        self._read = read
        self._texts: dict[str, str] = {}

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self._known

    def first(self, *names: str) -> str:
        """The first of these files that exists, or nothing."""
        return next((name for name in names if name in self._known), "")

    def matching(self, *globs: str) -> tuple[str, ...]:
        """The paths that one of the globs matches."""
        patterns = [compile_glob(glob) for glob in globs]
        return tuple(path for path in self.paths if any(pattern.match(path) for pattern in patterns))

    def text(self, path: str) -> str:
        """A file's text, or nothing where there is no readable text."""
        if path not in self._texts:
            content = (self._read(path) or b"") if path in self._known else b""
            self._texts[path] = content[:MAX_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        return self._texts[path]

    def toml(self, path: str) -> Table:
        """A TOML file's top table."""
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError):
            return _EMPTY

    def json(self, path: str) -> Table:
        """A JSON file's object."""
        try:
            return table(json.loads(self.text(path)))
        except (ValueError, RecursionError):
            return _EMPTY

    def ini(self, path: str) -> Mapping[str, Mapping[str, str]]:
        """An INI file's sections."""
        parser = ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(path))
        except (ConfigError, ValueError, AttributeError):  # continued lines of a key without value break it
            return {}
        return {name: {key: value or "" for key, value in parser[name].items()} for name in parser.sections()}


def glob_of(path: str) -> str:
    """A glob for one path, with ``?`` for what globs do not have; empty for a path that leads out of the tree."""
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        return ""
    return _NO_GLOB.sub("?", path)


def table(value: object, *keys: str) -> Table:
    """The table below these keys; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else _EMPTY


def texts(value: object) -> tuple[str, ...]:
    """The texts in a list; a single text is a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def text_of(value: object) -> str:
    """The value if it is text, else nothing."""
    return value if isinstance(value, str) else ""
