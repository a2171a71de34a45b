"""Whose a container is, and for which task: what the engine remembers of it, also when nobody else does any more."""

import re
import time
from collections.abc import Mapping
from typing import Any

from deputy.adapters.sandbox.engine.engine import NAME_LABEL, OWNER_LABEL, TASK_LABEL, UNTIL_LABEL
from deputy.ports import SandboxSpec

# Until when (in seconds since 1970) a sandbox may wait for a task; its host process removes it long before.
WAITING_LABEL = "deputy.waiting"
WAITING = "deputy-waiting-"
# A sandbox of the start-up probe, which another process (``deputy doctor``) may be busy with for so many seconds.
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
    """The labels of a builder, which is left behind when its time is up."""
    return {**of_task(owner, spec), UNTIL_LABEL: str(int(time.time()) + spec.limits.seconds)}


def of_waiting(owner: str, until: int) -> dict[str, str]:
    """The labels of a sandbox that waits for a task."""
    return {OWNER_LABEL: owner, WAITING_LABEL: str(until)}


def ours(owner: str) -> dict[str, str]:
    """The filter for every container of this installation."""
    return {"label": f"{OWNER_LABEL}={owner}"}


def task_of(container: Listed) -> str:
    """The task that a container belongs to; empty for none.

    The engine can't change a label after a container was made, but it can rename it. So the task of a sandbox that had
    waited is in its name; and the rename gives a sandbox to a task in one act, without a moment between.
    """
    labels = container["Labels"]
    return task_in(_name(container)) if WAITING_LABEL in labels else str(labels.get(TASK_LABEL, ""))


def task_in(name: str) -> str:
    """The task that a sandbox's name speaks of; empty for a name of another form."""
    found = _NAME.match(name)
    return found[1].upper() if found else ""


def shown(container: Listed) -> str:
    """What people know the container by."""
    labels = container["Labels"]
    return _name(container) if NAME_LABEL in labels or WAITING_LABEL in labels else str(container["Id"])[:12]


def may_stay(container: Listed) -> bool:
    """Whether a container without a task is in somebody's hands: a builder's, a probe's or a waiting one, in its time.

    Their process may be another one on the same engine, so only time tells whether it has left them behind.
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
