"""A mention in Slack, understood, permitted, queued, its sandbox made, and ``true`` run in it."""

from collections.abc import Sequence

from benchmarks.docker_cli import IMAGE, run_bare
from benchmarks.measuring import Comparison, Series, Setting, in_turns
from benchmarks.office import Told, office
from deputy.domain.events import EventName

RECIPES = """
[recipe.bench]
title = "Do nothing"
kind = "other"
patterns = ['''do nothing at all''']
commands = [["true"]]
"""
STAGES = (
    ("received", EventName.REQUEST_RECEIVED),
    ("queued", EventName.TASK_QUEUED),
    ("started", EventName.RUN_STARTED),
    ("command done", EventName.RUN_COMMAND),
)


def measure(setting: Setting) -> Sequence[Comparison]:
    """``deputy serve`` with everything on, one request at a time."""
    stories: list[Told] = []
    with office(setting.folder, {"recipes.toml": RECIPES}) as place:
        if not setting.is_tiny:
            place.ask("do nothing at all in `shop`")  # the first request of a process clones the repository

        def ours() -> list[float]:
            stories.append(place.ask("do nothing at all in `shop`"))
            return [stories[-1].until(EventName.RUN_COMMAND)]

        asked, bare = in_turns(setting.repeat, ours, lambda: [run_bare(IMAGE, "true")])
    return (
        Comparison(
            Series("mention in Slack to `true` done in its sandbox", asked),
            Series("docker run --rm IMAGE true", bare),
            (_stages(stories), "the bare run includes removing the container"),
        ),
    )


def _stages(stories: Sequence[Told]) -> str:
    medians = (Series(word, tuple(told.until(name) for told in stories)) for word, name in STAGES)
    return "since the mention: " + ", ".join(f"{each.name} {each.median * 1000:.0f} ms" for each in medians)
