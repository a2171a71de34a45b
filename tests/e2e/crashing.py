"""Deputy's command line, killed once at each point that ``CRASH_POINTS`` (a folder) has not seen yet.

A point is a step of a workflow and a moment: ``done`` is the worst one, after the step's effect and before it is
recorded; ``recorded`` is right after. The first process that comes to a point leaves a file there and kills itself as
``kill -9`` does. ``CRASH_ONLY``, a regular expression, limits the points.
"""

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from dbos import DBOS

from deputy.app.cli import main
from deputy.app.composition import wiring
from deputy.flow import engine

DYING = threading.Lock()
_original = engine.RecordedSteps.__call__


def _die_once(point: str) -> None:
    """Die here unless this point has had its death. One thread at a time: each death has one point."""
    flag = Path(os.environ["CRASH_POINTS"]) / point
    with DYING:
        if re.fullmatch(os.environ.get("CRASH_ONLY", ".*"), point) and not flag.exists():
            descriptor = os.open(flag, os.O_CREAT | os.O_WRONLY)
            os.fsync(descriptor)
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # the signal may take a moment; nobody else may come to a point until it has


def _crashing(
    self: engine.RecordedSteps, name: str, act: Callable[[], object], *, returns: type | None = None, tries: int = 0
) -> object:
    kind = (DBOS.workflow_id or "").partition(":")[0]

    def act_and_die() -> object:
        result = act()
        _die_once(f"{kind}.{name}.done")
        return result

    result = _original(self, name, act_and_die, returns=returns, tries=tries)
    _die_once(f"{kind}.{name}.recorded")
    return result


engine.RecordedSteps.__call__ = _crashing  # type: ignore[method-assign,assignment]
# What a start tries of sandboxes and scanners takes longer than all the rest of it, and is tested elsewhere.
wiring._tried = lambda _: "not tried"  # type: ignore[assignment]

if __name__ == "__main__":
    main()
