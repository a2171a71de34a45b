"""A repository's notes for agents: AGENTS.md of its root and of its folders, as data for the model, within bounds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deputy.domain.text.visible import visible

NOTES = "AGENTS.md"
MAX_NOTES = 20
MAX_NOTE_CHARACTERS = 6_000
MAX_NOTES_CHARACTERS = 24_000
_MAX_PATH = 200


@dataclass(frozen=True)
class Note:
    """One AGENTS.md, by its path."""

    path: str
    text: str

    @property
    def title(self) -> str:
        """The path as one line that can't pretend to be anything else."""
        return " ".join(visible(self.path).split())[:_MAX_PATH]


@dataclass(frozen=True)
class Notes:
    """What the model is given, and how many more there are."""

    given: tuple[Note, ...] = ()
    more: int = 0


def in_order(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths of notes among all paths: the root's first, then by depth and path."""
    found = (path for path in paths if path.rpartition("/")[2] == NOTES)
    return tuple(sorted(found, key=lambda path: (path.count("/"), path)))


def within_bounds(notes: Sequence[Note], unread: int = 0) -> Notes:
    """The first notes, as many as fit; one that says nothing is no note. ``unread`` counts those beyond the list."""
    room, given, left_out = MAX_NOTES_CHARACTERS, list[Note](), unread
    for note in notes:
        if not note.text.strip():
            continue
        room -= len(note.text)
        if room < 0 or len(given) == MAX_NOTES:
            left_out += 1
        else:
            given.append(note)
    return Notes(tuple(given), left_out)
