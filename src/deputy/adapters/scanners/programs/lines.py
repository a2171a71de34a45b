"""Which lines of a file are new."""

from collections import Counter


def new_lines(base: bytes, head: bytes) -> frozenset[int]:
    """Numbers (from 1) of the lines that the file did not have, or not so often, before."""
    known, new = Counter(base.split(b"\n")), set()
    for number, line in enumerate(head.split(b"\n"), start=1):
        if known[line] > 0:
            known[line] -= 1
        else:
            new.add(number)
    return frozenset(new)
