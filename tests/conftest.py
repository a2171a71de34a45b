"""Which test runs when, where several workers share them."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests (``pytest.mark.long``) first, in turns: none should begin when the other workers have run out of work.

    ``--dist worksteal`` begins by cutting the list into as many runs as there are workers.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    ordered: list[pytest.Item] = []
    left = len(items)
    for number in range(workers):
        first, size = long[number::workers], left // (workers - number)
        left -= size
        room = max(0, size - len(first))
        ordered += [*first, *others[:room]]
        others = others[room:]
    items[:] = [*ordered, *others]
