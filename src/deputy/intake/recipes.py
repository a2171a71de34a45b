"""Requests that a recipe answers, and the commands that the recipe runs for them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deputy.domain.errors import BadInput
from deputy.domain.policy.config import Recipe

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Match:
    """A recipe that answers the whole request, and the arguments for its placeholders."""

    recipe: Recipe
    arguments: Mapping[str, str]


def match(request: str, recipes: Sequence[Recipe]) -> Match | None:
    """The first recipe of which a pattern matches the whole request and every argument is well-formed.

    ``request`` is without repository, filler and quotes. A request that wishes for more than the recipe does matches
    nothing and goes to the agent. A pattern that isn't a regular expression matches nothing; policy's lint names it.
    """
    for recipe in recipes:
        for pattern in recipe.patterns:
            compiled = _compiled(pattern)
            found = compiled.fullmatch(request) if compiled else None
            if found is None:
                continue
            arguments = {name: value for name, value in found.groupdict().items() if value is not None}
            if not _misfits(recipe, arguments):
                return Match(recipe, arguments)
    return None


def commands_for(recipe: Recipe, arguments: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """The recipe's argument vectors with placeholders filled; ``BadInput`` when an argument does not fit.

    Each value stays inside the one argument where its placeholder stands; no shell sees it.
    """
    misfits = _misfits(recipe, arguments)
    if misfits:
        raise BadInput(
            f"the recipe {recipe.name} can't take {', '.join(misfits)}",
            "a value is missing or not of the expected form",
            f'ask like this: "{recipe.example}"' if recipe.example else "",
        )
    return tuple(
        tuple(_PLACEHOLDER.sub(lambda slot: arguments[slot[1]], part) for part in command)
        for command in recipe.commands
    )


def _slots(recipe: Recipe) -> set[str]:
    return {name for command in recipe.commands for part in command for name in _PLACEHOLDER.findall(part)}


def _misfits(recipe: Recipe, arguments: Mapping[str, str]) -> list[str]:
    """Names of arguments that are missing, undeclared or not of their declared form."""
    wanted = _slots(recipe) | set(arguments)
    return sorted(name for name in wanted if not _fits(recipe.arguments.get(name), arguments.get(name)))


def _fits(expression: str | None, value: str | None) -> bool:
    compiled = _compiled(expression, 0) if expression is not None else None
    return compiled is not None and value is not None and compiled.fullmatch(value) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str, flags: int = re.IGNORECASE) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, flags)
    except re.error:
        return None
