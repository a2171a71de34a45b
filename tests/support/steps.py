"""Steps without an engine: each runs at once, and its outcome is read back as after a crash."""

import json
from collections.abc import Callable

from deputy.flow.state.steps import Patience, outcome_of, value_of


class DirectSteps:
    """``flow.state.steps.Steps`` that remembers the names of the steps it ran."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(
        self, name: str, act: Callable[[], object], *, returns: type[object] | None = None, tries: int = 0
    ) -> object:
        del tries
        self.names.append(name)
        recorded = json.loads(json.dumps(outcome_of(name, act, returns, Patience(attempts=1))))
        return value_of(recorded, returns)
