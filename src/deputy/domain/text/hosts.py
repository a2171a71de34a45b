"""Names of hosts, written one way: what policy lists, what a sandbox asks for, and whether the one covers the other."""

import re

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
# What resolvers read as an address however it is written: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMBER = re.compile(r"[0-9]+\Z|0x[0-9a-f]*\Z")
_LONGEST = 253
BELOW = "*."  # and a name: every host below it


def host_name(text: str) -> str:
    """The name in ASCII and lower case, without a trailing dot; ``ValueError`` when it is an address or no name."""
    name = (text if text.isascii() else text.encode("idna").decode()).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.match(labels[-1]) or ":" in name:
        raise ValueError(f"{text[:_LONGEST]!r} is an address, not a host's name")
    if len(name) > _LONGEST or not all(_LABEL.match(label) for label in labels):
        raise ValueError(f"{text[:_LONGEST]!r} is not a host's name")
    return name


def host_pattern(text: str) -> str:
    """A listed host: a name, or ``*.example.org`` for every host below that; ``ValueError`` when it is neither."""
    if not text.startswith(BELOW):
        return host_name(text)
    name = host_name(text.removeprefix(BELOW))
    if "." not in name:
        raise ValueError(f"{text!r} covers a whole top-level domain: write what stands before it, too")
    return BELOW + name


def covers_host(pattern: str, name: str) -> bool:
    """Whether a listed host covers a name, both as the functions above give them."""
    return name.endswith(pattern[1:]) if pattern.startswith(BELOW) else name == pattern
