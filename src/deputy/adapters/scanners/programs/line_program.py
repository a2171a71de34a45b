"""A separate program that gives detect-secrets one line after another: ``python -I line_program.py FILE``.

Its own command line tells of a kind once per file, by what it takes for the secret (of many formats only the prefix),
and leaves files and lines out on their own request. Prints the version, and number and kind of what was found; nothing
of the secret, nor its hash.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from detect_secrets import __version__
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import BasePlugin

# Entropy would report every digest of a lock file; our own gate guesses by name.
GUESSES = frozenset({"Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector"})


def found(text: str) -> Iterator[tuple[int, str]]:
    """Number (from 1) and kind, once for each line and kind."""
    kinds: Mapping[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()
    plugins = [(kind, make()) for kind, make in sorted(kinds.items()) if make.__name__ not in GUESSES]
    for number, line in enumerate(text.split("\n"), start=1):
        for kind, plugin in plugins:
            if plugin.analyze_line(filename="", line=line, line_number=number):
                yield number, kind


if __name__ == "__main__":
    content = Path(sys.argv[1]).read_bytes().decode("utf-8", "replace")
    json.dump({"version": __version__.VERSION, "found": [*found(content)]}, sys.stdout)
