"""Every workflow by name, with the queue that it runs on. A name, once released, keeps its meaning."""

from collections.abc import Callable, Mapping
from functools import partial

from deputy.flow.clicks import handle_click
from deputy.flow.commands import handle_command
from deputy.flow.control import stop_task
from deputy.flow.delivery import deliver
from deputy.flow.environment_upkeep import build_environment
from deputy.flow.holds import expire_hold, expire_question, tell_approvers, tell_outcome
from deputy.flow.housekeeping import Keeper, housekeep
from deputy.flow.notices import tell_policy
from deputy.flow.requests import handle_edit, handle_request
from deputy.flow.runs import run_task
from deputy.flow.show import show_line
from deputy.flow.world import World

RUNS, CONTROL, BUILDS = "runs", "control", "builds"

_ALL: Mapping[str, tuple[str, Callable[..., None]]] = {
    "handle_request": (CONTROL, handle_request),
    "handle_click": (CONTROL, handle_click),
    "handle_command": (CONTROL, handle_command),
    "handle_edit": (CONTROL, handle_edit),
    "stop_task": (CONTROL, stop_task),
    "run_task": (RUNS, run_task),
    "deliver": (CONTROL, deliver),
    "expire_hold": (CONTROL, expire_hold),
    "expire_question": (CONTROL, expire_question),
    "tell_approvers": (CONTROL, tell_approvers),
    "tell_outcome": (CONTROL, tell_outcome),
    "tell_policy": (CONTROL, tell_policy),
    "show_line": (CONTROL, show_line),
    "build_environment": (BUILDS, build_environment),
}

QUEUES: Mapping[str, str] = {"housekeep": CONTROL, **{name: queue for name, (queue, _) in _ALL.items()}}


def workflows(world: World, keeper: Keeper) -> dict[str, tuple[str, Callable[..., None]]]:
    """The workflows, bound to the world that they act in."""
    bound: dict[str, tuple[str, Callable[..., None]]] = {
        name: (queue, partial(body, world)) for name, (queue, body) in _ALL.items()
    }
    bound["housekeep"] = (CONTROL, partial(housekeep, world, keeper))
    return bound
