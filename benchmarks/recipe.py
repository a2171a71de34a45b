"""A whole task under all its rules, against the same commands typed into one throw-away container.

What Deputy does beyond the commands: policy, a queue, a fresh sandbox for the checks, the patch as git computes it,
gates, the audit trail, the card in Slack and the files in the thread.
"""

import shlex
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.docker_cli import IMAGE, run_bare, tar_of
from benchmarks.measuring import Comparison, Series, Setting, in_turns
from benchmarks.office import POLICIES, Told, office
from deputy.domain.events import EventName

SHOP = Path(__file__).parents[1] / "examples" / "shop"
REQUEST = "can you just fix the lint in `shop`"
STAGES = (
    ("sandbox ready and recipe done", EventName.RUN_COMMAND),
    ("patch", EventName.PATCH_COMPUTED),
    ("checked", EventName.CHECKS_FINISHED),
    ("judged", EventName.GATES_JUDGED),
    ("delivered", EventName.DELIVERY_FINISHED),
)


def measure(setting: Setting) -> Sequence[Comparison]:
    """One task at a time, each from the same commit."""
    files, script = tar_of(dict(_files())), " && ".join(["cd /bare", "tar x", *_commands()])
    bare_run = ("-i", "--network", "none", "--tmpfs", "/bare:exec", IMAGE, "sh", "-c", script)
    stories: list[Told] = []
    with office(setting.folder) as place:
        if not setting.is_tiny:
            place.ask(REQUEST)  # the first request of a process clones the repository

        def ours() -> list[float]:
            stories.append(place.ask(REQUEST))
            return [stories[-1].until(EventName.DELIVERY_FINISHED)]

        asked, bare = in_turns(setting.repeat, ours, lambda: [run_bare(*bare_run, stdin=files)])
    return (
        Comparison(
            Series("mention in Slack to patch delivered", asked),
            Series("the same commands in one docker run", bare),
            (_stages(stories), "the bare run: " + "; ".join(_commands())),
        ),
    )


def _files() -> Iterator[tuple[str, bytes]]:
    for path in sorted(SHOP.rglob("*")):
        name = path.relative_to(SHOP)
        if path.is_file() and not {"secrets", "__pycache__", ".pytest_cache", ".ruff_cache"} & set(name.parts):
            yield str(name), path.read_bytes()


def _commands() -> list[str]:
    """The recipe's commands and the repository's checks, from the starter policies."""
    recipe = tomllib.loads((POLICIES / "recipes.toml").read_text("utf-8"))["recipe"]["fix-lint"]
    checks = tomllib.loads((POLICIES / "repos.toml").read_text("utf-8"))["repo"]["acme/shop"]["checks"]
    return [shlex.join(argv) for argv in (*recipe["commands"], *(check["run"] for check in checks))]


def _stages(stories: Sequence[Told]) -> str:
    medians = (Series(word, tuple(told.until(name) for told in stories)) for word, name in STAGES)
    return "since the mention: " + ", ".join(f"{each.name} {each.median:.2f} s" for each in medians)
