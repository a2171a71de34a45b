"""Indented text drawn as a tree."""

from collections.abc import Sequence

_STEP = 2


def drawn(text: str) -> str:
    """The text with a line of the tree where it is indented, two blanks for each level; the first line is the root."""
    lines = text.splitlines()
    depths = [(len(line) - len(line.lstrip(" "))) // _STEP for line in lines]
    return "\n".join(_branches(depths, number) + line.lstrip(" ") for number, line in enumerate(lines))


def _branches(depths: Sequence[int], number: int) -> str:
    depth = depths[number]
    through = "".join("│  " if _goes_on(depths, number, level) else "   " for level in range(1, depth))
    return f"{through}{'├─ ' if _goes_on(depths, number, depth) else '└─ '}" if depth else ""


def _goes_on(depths: Sequence[int], number: int, level: int) -> bool:
    """Whether something else of this level follows below the same parent."""
    following = next((depth for depth in depths[number + 1 :] if depth <= level), -1)
    return following == level
