"""Every workflow by name, with the queue that it runs on. A name, once released, keeps its meaning."""

from collections.abc import Callable, Mapping
from functools import partial

from deputy.flow.approvals.holds import expire_hold, expire_question, tell_approvers, tell_outcome
from deputy.flow.approvals.notices import tell_policy
from deputy.flow.delivery.delivery import deliver
from deputy.flow.requests.clicks import handle_click
from deputy.flow.requests.commands import handle_command
from deputy.flow.requests.control import stop_task
from deputy.flow.requests.requests import handle_edit, handle_request
from deputy.flow.runs.runs import run_task
from deputy.flow.state.services import Services
from deputy.flow.state.show import show_line
from deputy.flow.upkeep.environment_upkeep import build_environment
from deputy.flow.upkeep.housekeeping import Keeper, housekeep

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


def workflows(services: Services, keeper: Keeper) -> dict[str, tuple[str, Callable[..., None]]]:
    """The workflows, bound to the world that they act in."""
    bound: dict[str, tuple[str, Callable[..., None]]] = {
        name: (queue, partial(body, services)) for name, (queue, body) in _ALL.items()
    }
    bound["housekeep"] = (CONTROL, partial(housekeep, services, keeper))
    return bound
