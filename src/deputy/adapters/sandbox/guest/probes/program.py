"""The start-up probe's program. It tries inside a sandbox what must not work there, and prints how each try ended.

No try does harm in a sandbox that is open: dangerous files are only opened, never written, and nothing is sent where
there is a network.
"""

import json
import os
import sys
from collections.abc import Callable

from deputy.adapters.sandbox.guest.probes import bounds, files, kernel, network, trying


def attempts(limits: bounds.Bounds, parent: int) -> dict[str, Callable[[], str]]:
    """Every attempt by its name; ``parent`` is the process that started the program."""
    return {
        **network.attempts(),
        **kernel.attempts(parent),
        **files.attempts(limits.scratch),
        **bounds.attempts(limits),
    }


def main(asked: str) -> None:
    """Make the attempts that ``asked`` names (JSON, with the sandbox's bounds) and print how each ended, as JSON."""
    question = json.loads(asked)
    every = attempts(bounds.Bounds(**question["bounds"]), os.getppid())
    sys.stdout.write(json.dumps([[name, *trying.tried(every[name])] for name in question["names"]]))
