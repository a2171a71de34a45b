"""Which test runs when, where several workers share them; and how hard laws are tried."""

import random

import pytest
from hypothesis import HealthCheck, settings

# A deadline, or a complaint that data is made slowly, would depend on how busy the machine is.
_STEADY = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
# The same examples at each run: a law that is broken once in a thousand runs must not fail somebody else's change.
settings.register_profile("quick", _STEADY, derandomize=True, max_examples=25)
# New examples at each run, many of them: this is where such a law is found (``make test-all``).
settings.register_profile("deep", _STEADY, max_examples=300)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--in-random-order SEED``: no test may depend on the one before it."""
    parser.addoption("--in-random-order", type=int, metavar="SEED", help="shuffle the tests by this number")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests (``pytest.mark.long``) first, in turns: none should begin when the other workers have run out of work.

    ``--dist worksteal`` begins by cutting the list into as many runs as there are workers.
    """
    if (seed := config.getoption("--in-random-order")) is not None:
        random.Random(seed).shuffle(items)
        return
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
