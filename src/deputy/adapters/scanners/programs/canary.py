"""A made-up credential that scanners get with every patch: a scanner that misses it has not worked."""

import string

CANARY_NAME = "canary.txt"
_LETTERS = string.ascii_letters + string.digits


def canary() -> str:
    """A line in the format of a well-known issuer. It is useless, and its text is not in our source."""
    body = "".join(_LETTERS[(7 * number * number + 3 * number + 5) % 61] for number in range(36))
    return f"token = {'gh'}p_{body}\n"
