"""Which installation and which task a container belongs to: read from its labels and name, which survive a crash."""

import re
import time
from collections.abc import Mapping
from typing import Any

from deputy.adapters.sandbox.engine.engine import NAME_LABEL, OWNER_LABEL, TASK_LABEL, UNTIL_LABEL
from deputy.ports import SandboxSpec

# Until when (in seconds since 1970) a warm sandbox may wait; the process that made it removes it long before.
WAITING_LABEL = "deputy.waiting"
WAITING = "deputy-waiting-"
# A sandbox of the start-up probe. Another process (``deputy doctor``) may use it for so many seconds.
PROBING = "deputy-probe-"
_PROBING_SECONDS = 120
# As ``ports.SandboxSpec`` has it.
_NAME = re.compile(r"deputy-(d-[a-z0-9]+)-", re.ASCII | re.IGNORECASE)

# One container as the engine lists it.
Listed = Mapping[str, Any]


def of_task(owner: str, spec: SandboxSpec) -> dict[str, str]:
    """The labels of a sandbox that is made for a task."""
    return {OWNER_LABEL: owner, TASK_LABEL: spec.task, NAME_LABEL: spec.name}


def of_builder(owner: str, spec: SandboxSpec) -> dict[str, str]:
    """The labels of a builder, with the time after which it counts as left behind."""
    return {**of_task(owner, spec), UNTIL_LABEL: str(int(time.time()) + spec.limits.seconds)}


def of_waiting(owner: str, until: int) -> dict[str, str]:
    """The labels of a sandbox that waits for a task."""
    return {OWNER_LABEL: owner, WAITING_LABEL: str(until)}


def ours(owner: str) -> dict[str, str]:
    """The filter for every container of this installation."""
    return {"label": f"{OWNER_LABEL}={owner}"}


def task_of(container: Listed) -> str:
    """The task that a container belongs to; empty for none.

    The engine can't change the labels of a container, but it can rename it. So the task of a sandbox that was warm is
    in its name, and one rename gives the sandbox to a task.
    """
    labels = container["Labels"]
    return task_in(_name(container)) if WAITING_LABEL in labels else str(labels.get(TASK_LABEL, ""))


def task_in(name: str) -> str:
    """The task in a sandbox's name; empty for a name of another form."""
    found = _NAME.match(name)
    return found[1].upper() if found else ""


def shown(container: Listed) -> str:
    """The container's name as people see it."""
    labels = container["Labels"]
    return _name(container) if NAME_LABEL in labels or WAITING_LABEL in labels else str(container["Id"])[:12]


def may_stay(container: Listed) -> bool:
    """Whether a container without a task may be in use: a builder, a probe or a warm sandbox, within its time.

    It may belong to another process on the same engine, so only the time shows whether it was left behind.
    """
    is_waiting = _name(container).startswith(WAITING) and _is_before(container, WAITING_LABEL)
    is_probing = _name(container).startswith(PROBING) and time.time() < container["Created"] + _PROBING_SECONDS
    return is_waiting or is_probing or _is_before(container, UNTIL_LABEL)


def _is_before(container: Listed, label: str) -> bool:
    until = str(container["Labels"].get(label, ""))
    return until.isdecimal() and time.time() < int(until)


def _name(container: Listed) -> str:
    names = container.get("Names") or [""]
    return str(names[0]).removeprefix("/")
