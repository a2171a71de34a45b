"""YAML without its surprises: mappings, lists, text and whole numbers, each with its line; anything else is refused.

YAML takes an unquoted ``no``, ``1.10`` or ``010`` for something other than text. Here such a word is refused with a
sentence instead of becoming false, 1.1 or 8. Nothing is ever built from a tag, and nesting is bounded.
"""

import re
from collections.abc import Iterator

import yaml
from pydantic import JsonValue
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_DEEPEST = 8
_WHOLE = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_TAG = "tag:yaml.org,2002:"
_READS_AS = {"bool": "a truth value", "null": "nothing", "float": "a number", "int": "a number of another kind"}

Lines = dict[tuple[str | int, ...], int]


class YamlFlaw(ValueError):
    """What can't be read: a clause, its line (from 1), and what to write instead."""

    def __init__(self, line: int, message: str, fix: str) -> None:
        super().__init__(message)
        self.line, self.message, self.fix = line, message, fix


def read_yaml(text: str) -> tuple[JsonValue, Lines]:
    """The one document of the text, and the line of everything in it by its keys; raises ``YamlFlaw``."""
    try:
        _bound(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlFlaw(line, f"this is not YAML: {error.problem}", "correct the syntax") from None
    except yaml.YAMLError as error:
        message = str(error).splitlines()[0]
        raise YamlFlaw(1, f"this is not YAML: {message}", "correct the syntax") from None
    lines: Lines = {(): 1}
    return (None if root is None else _value(root, (), lines)), lines


def _bound(text: str) -> None:
    """Refuse what would nest without end, before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            fix = "write the value out in each place"
            raise YamlFlaw(event.start_mark.line + 1, f"*{event.anchor} stands for something written elsewhere", fix)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            fix = "write it flatter"
            raise YamlFlaw(event.start_mark.line + 1, f"lists within lists, more than {_DEEPEST} deep", fix)


def _value(node: Node, keys: tuple[str | int, ...], lines: Lines) -> JsonValue:
    lines[keys] = _line(node)
    match node:
        case MappingNode():
            _check_tag(node, "map")
            return {key: _value(value, (*keys, key), lines) for key, value in _pairs(node)}
        case SequenceNode():
            _check_tag(node, "seq")
            return [_value(value, (*keys, number), lines) for number, value in enumerate(node.value)]
        case ScalarNode():
            return _scalar(node)
    raise YamlFlaw(_line(node), "neither text, a list nor a mapping", "write key: value")


def _pairs(node: MappingNode) -> Iterator[tuple[str, Node]]:
    first: dict[str, int] = {}
    for key, value in node.value:
        name = _scalar(key) if isinstance(key, ScalarNode) else None
        if not isinstance(name, str):
            raise YamlFlaw(_line(key), "a key that is no plain word", "write key: value")
        if name in first:
            fix = "keep one of them; a new case starts with a hyphen"
            raise YamlFlaw(_line(key), f"{name!r} stands here twice, first in line {first[name]}", fix)
        first[name] = _line(key)
        yield name, value


def _scalar(node: ScalarNode) -> JsonValue:
    kind = node.tag.removeprefix(_TAG)
    written = str(node.value)
    # A time is handed on as it is written: whoever wants one reads it from text.
    if kind in {"str", "timestamp"}:
        return written
    if kind == "int" and _WHOLE.match(written):
        return int(written)
    if kind in _READS_AS:
        what = f"{written!r} is {_READS_AS[kind]} to YAML" if written else "nothing is written here"
        raise YamlFlaw(_line(node), what, f'write it in quotes: "{written}"' if written else "write a value")
    message = f"{node.tag} is no kind of value that is read here"
    raise YamlFlaw(_line(node), message, "write plain text or a whole number")


def _check_tag(node: Node, kind: str) -> None:
    if node.tag != _TAG + kind:
        raise YamlFlaw(_line(node), f"{node.tag} is no kind of value that is read here", "remove the tag")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
