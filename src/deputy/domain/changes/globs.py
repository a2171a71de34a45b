"""One meaning of path globs for every room: anchored, segment by segment, dotfiles included.

``*`` and ``?`` stop at ``/``. ``**`` is a whole segment and stands for zero or more segments, so ``secrets/**`` matches
``secrets`` itself and everything below it, and ``**/x`` matches ``x``. There are no classes, braces or escapes: a
pattern that looks as if it had them is refused, because a rule that silently matches nothing is an open door.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_UNSUPPORTED = frozenset("[]{}\\")


def _segment(text: str, pattern: str) -> str:
    if text in {"", ".", ".."}:
        raise ValueError(f"glob {pattern!r} has an empty, '.' or '..' segment: write a path relative to the root")
    if "**" in text:
        raise ValueError(f"glob {pattern!r} has '**' inside a segment: it must stand alone between slashes")
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)) for char in text)


@lru_cache(maxsize=4096)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression for ``fullmatch``; ``ValueError`` when it is malformed."""
    if pattern.startswith("!") or _UNSUPPORTED & set(pattern):
        raise ValueError(f"glob {pattern!r} uses '!', '[', '{{' or a backslash: only '*', '?' and '**' are special")
    segments = pattern.split("/")
    expression, needs_slash = "", False
    for position, segment in enumerate(segments):
        if segment != "**":
            expression += ("/" if needs_slash else "") + _segment(segment, pattern)
            needs_slash = True
        elif position == len(segments) - 1:
            expression += "(?:/.*)?" if needs_slash else ".*"
        elif segments[position + 1] != "**":  # a run of '**' says no more than one
            expression += "/(?:.*/)?" if needs_slash else "(?:.*/)?"
            needs_slash = False
    # ``\Z`` and DOTALL, so that a newline in a path can neither end nor split the match.
    return re.compile(rf"(?:{expression})\Z", re.DOTALL)


def matches(pattern: str, path: str) -> bool:
    """Whether the whole path matches; case-sensitive. ``ValueError`` when the pattern is malformed."""
    return compile_glob(pattern).match(path) is not None


def matches_any(patterns: Iterable[str], path: str) -> bool:
    """Whether at least one of the patterns matches the whole path."""
    return any(matches(pattern, path) for pattern in patterns)
