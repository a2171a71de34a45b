"""From nothing to the first command done: ours fully sealed, with and without a workspace, cold and from the pool.

The others start the same image with what their own defaults give: a network, a writable root, all of Docker's
capabilities. What they start is empty; getting a work tree into it would come on top.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter

from benchmarks import boxes, workspace
from benchmarks.docker_cli import IMAGE, time_until_said
from benchmarks.measuring import Comparison, Series, Setting, in_turns, one
from benchmarks.rivals import MINI, REX, rivals
from deputy.adapters.sandbox.host.docker import DockerSandboxes
from deputy.ports import Tree

# Which of ours each is worth being told beside.
TOLD = {MINI: (0, 1), REX: (0, 2)}
BARE = (IMAGE, "sh", "-c", "true && echo ready; sleep 60")


def measure(setting: Setting) -> Sequence[Comparison]:
    """Each round starts one of each kind, and removes it untimed."""
    empty, full = boxes.tree_of({}), boxes.tree_of(workspace.made_files(setting.amount(workspace.FILES, tiny=20)))
    maker = boxes.sandboxes()
    with rivals(setting) as others:
        cold, filled, warm, bare, *theirs = in_turns(
            setting.repeat,
            one(lambda: _new(maker, empty)),
            one(lambda: _new(maker, full)),
            one(lambda: _waiting(full)),
            one(lambda: time_until_said(b"ready", *BARE, stdin=b"")),
            *(one(partial(others.first_command, name)) for name in others.names),
        )
    ours = (
        Series("a sealed sandbox", cold),
        Series(f"with {len(full):,} files inside", filled),
        Series(f"from the pool, {len(full):,} files inside", warm),
    )
    found = [Comparison(each, Series("docker run IMAGE sh -c true", bare)) for each in ours]
    for name, seconds in zip(others.names, theirs, strict=True):
        found += [Comparison(ours[number], Series(name, seconds)) for number in TOLD[name]]
    return replace(found[0], notes=others.notes), *found[1:]


def _new(maker: DockerSandboxes, tree: Tree) -> float:
    spec = boxes.spec_of(tree)
    began = perf_counter()
    with maker.start(spec) as box:
        boxes.output_of(box, "true")
        return perf_counter() - began


def _waiting(tree: Tree) -> float:
    with boxes.stocked(tree) as maker:
        spec = boxes.spec_of(tree, warm_pool=boxes.STOCK)
        began = perf_counter()
        with maker.start(spec) as box:
            boxes.output_of(box, "true")
            taken = perf_counter() - began
            boxes.check_waited(box)
            return taken
