"""A made-up credential that scanners are given with every patch: who does not see it has seen nothing."""

import string

CANARY_NAME = "canary.txt"
_LETTERS = string.ascii_letters + string.digits


def canary() -> str:
    """A line in the format of a well-known issuer; of no use to anybody, and never the same text in our source."""
    body = "".join(_LETTERS[(7 * number * number + 3 * number + 5) % 61] for number in range(36))
    return f"token = {'gh'}p_{body}\n"
