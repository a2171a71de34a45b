"""Recipes: expressions that compile, placeholders that are declared, and no user's text in a shell."""

import re
from collections.abc import Iterator

from deputy.domain.policy.config import Recipe
from deputy.policy.files.problems import Problem
from deputy.policy.files.tables import Entries

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "busybox"})


def lint_recipes(recipes: Entries[Recipe]) -> Iterator[Problem]:
    """Problems of ``recipes.toml``."""
    for recipe in recipes.values.values():
        for message, fix, key in (*_expressions(recipe), *_commands(recipe)):
            yield recipes.problem(f"recipe {recipe.name}: {message}", fix, "recipe", recipe.name, key)


def _expressions(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    if not recipe.patterns:
        yield "no pattern, so nothing would ever ask for it", "add patterns = [ … ]", "patterns"
    for key, expressions in (("patterns", recipe.patterns), ("arguments", tuple(recipe.arguments.values()))):
        for expression in expressions:
            try:
                compiled = re.compile(expression, re.IGNORECASE)
            except re.error as error:
                yield f"{expression!r} is not a regular expression: {error}", "correct it", key
                continue
            for group in sorted(compiled.groupindex.keys() - recipe.arguments.keys()) if key == "patterns" else ():
                yield f"group {group!r} is no argument", f"add {group} = … to its arguments", "patterns"


def _commands(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    if not recipe.commands or not all(recipe.commands):
        yield "no command, or an empty one", 'write commands = [["ruff", "check", "--fix", "."]]', "commands"
    for command in recipe.commands:
        used = {name for word in command for name in _PLACEHOLDER.findall(word)}
        for name in sorted(used - recipe.arguments.keys()):
            yield f"placeholder {{{name}}} is not declared", f"add {name} = an expression to its arguments", "commands"
        if command and _PLACEHOLDER.search(command[0]):
            yield "a placeholder names the program", "write the program's name", "commands"
        if used and command[0].rsplit("/", 1)[-1] in _SHELLS:
            yield "a requester's text in a shell", "write a program and its arguments, without a shell", "commands"
