"""Notes for agents: their order, their bounds, and what the model is told of them."""

from hypothesis import given
from hypothesis import strategies as st

from deputy.agent import Note, Notes, RepoFacts, opening
from deputy.agent.notes import MAX_NOTES, MAX_NOTES_CHARACTERS, in_order, within_bounds
from deputy.domain.tasks.request import TaskKind, TaskSpec

SPEC = TaskSpec(repo="acme/shop", kind=TaskKind.FIX, goal="fix the rounding")


def _told(notes: Notes) -> str:
    return opening(SPEC, RepoFacts(), (), notes=notes)[0].text


def test_the_root_comes_first_then_depth_then_path() -> None:
    paths = ["b/AGENTS.md", "a/x/AGENTS.md", "AGENTS.md", "a/AGENTS.md", "a/agents.md", "AGENTS.md/x", "OLD_AGENTS.md"]
    assert in_order(paths) == ("AGENTS.md", "a/AGENTS.md", "b/AGENTS.md", "a/x/AGENTS.md")


def test_each_note_is_given_with_its_path_and_the_rule_of_folders() -> None:
    text = _told(Notes((Note("AGENTS.md", "Use tabs."), Note("web/AGENTS.md", "Use spaces."))))
    assert "<<<DATA AGENTS.md\nUse tabs.\nDATA>>>\n<<<DATA web/AGENTS.md\nUse spaces.\nDATA>>>" in text
    assert "speaks for its own folder" in text
    assert "more AGENTS.md" not in text


def test_without_notes_nothing_is_said_of_them() -> None:
    assert "notes for agents" not in _told(Notes())


def test_what_does_not_fit_is_counted() -> None:
    many = within_bounds([Note(f"p{n}/AGENTS.md", "x") for n in range(30)], unread=70)
    assert (len(many.given), many.more) == (MAX_NOTES, 80)
    assert "There are 80 more AGENTS.md files" in _told(many)
    large = within_bounds([Note("AGENTS.md", "x" * 20_000), Note("a/AGENTS.md", "y" * 20_000)])
    assert ([note.path for note in large.given], large.more) == (["AGENTS.md"], 1)


def test_a_note_that_says_nothing_is_none() -> None:
    assert within_bounds([Note("AGENTS.md", " \n"), Note("a/AGENTS.md", "x")]) == Notes((Note("a/AGENTS.md", "x"),))


@given(st.lists(st.text(max_size=9000), max_size=30), st.integers(0, 100))
def test_never_more_than_the_bounds_and_none_forgotten(texts: list[str], unread: int) -> None:
    notes = [Note(f"{number}/AGENTS.md", text) for number, text in enumerate(texts)]
    kept = within_bounds(notes, unread)
    assert len(kept.given) <= MAX_NOTES
    assert sum(len(note.text) for note in kept.given) <= MAX_NOTES_CHARACTERS
    assert len(kept.given) + kept.more == sum(bool(text.strip()) for text in texts) + unread
