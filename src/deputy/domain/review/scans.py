"""What other people's scanners saw in a patch."""

from deputy.domain.value import Value

# Rules of sightings that say what nobody looked at: too much for a scanner, or not readable by it.
TOO_LARGE, NOT_AUDITED = "too-large-to-scan", "not-audited"


class Sighting(Value):
    """What a scanner saw in a file of the patched tree: by which of its rules, where (``line`` from 1, 0: unknown).

    ``message`` never quotes a secret. ``is_certain`` tells what was recognised from what was guessed.
    """

    scanner: str
    rule: str
    path: str
    line: int = 0
    message: str = ""
    is_certain: bool = False


class Scan(Value):
    """What other people's scanners saw in a patch. ``scanners`` are those that ran, with version (``zizmor 1.32.0``).

    ``failed`` says, for each that gave no result, which and why; a gate that relies on it must refuse.
    """

    scanners: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    failed: tuple[str, ...] = ()
