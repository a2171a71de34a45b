"""A tree's files as they go into a sandbox. Read from raw trees and blobs, so no attribute of the repository counts."""

from collections.abc import Callable, Sequence

from deputy.adapters.repos.command import GitCommand
from deputy.adapters.repos.trees.links import stays_inside
from deputy.adapters.repos.trees.names import refusal
from deputy.adapters.repos.trees.trees import blobs, leaves
from deputy.domain.changes.git_modes import EXECUTABLE, FILE, LINK
from deputy.domain.changes.hiding import hider
from deputy.domain.errors import BadPolicy, OutOfBudget
from deputy.ports import StoredFile, Tree


def hides(hidden: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path is hidden by one of the globs (``domain.hiding``).

    ``BadPolicy`` when a glob is malformed: nothing may be shown because a rule could not be read.
    """
    try:
        return hider(tuple(hidden))
    except ValueError as error:
        raise BadPolicy("a hidden path can't be understood", str(error), "correct `hidden` in repos.toml") from error


def checkout(git: GitCommand, treeish: str, hidden: Sequence[str], most_bytes: int) -> Tree:
    """The tree's files by path.

    Left out are hidden paths, submodules, links that leave the tree, and names that could not come back from a sandbox.
    ``OutOfBudget`` when the content is larger than ``most_bytes``.
    """
    is_hidden = hides(hidden)
    shown = [
        entry
        for entry in leaves(git, treeish)
        if entry.mode in {FILE, EXECUTABLE, LINK} and refusal(entry.path) is None and not is_hidden(entry.name)
    ]
    size = sum(entry.size for entry in shown)
    if size > most_bytes:
        raise OutOfBudget(
            "the repository is too big for a sandbox",
            f"its files are {size:,} bytes and {most_bytes:,} fit",
            "hide what the work does not need, in repos.toml",
        )
    contents = blobs(git, (entry.blob for entry in shown))
    links = {entry.name: contents[entry.blob].decode(errors="replace") for entry in shown if entry.mode == LINK}
    return {
        entry.name: StoredFile(entry.mode, entry.blob, contents[entry.blob])
        for entry in shown
        if entry.mode != LINK or stays_inside(entry.name, links)
    }
