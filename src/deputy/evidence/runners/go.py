"""What ``go test`` prints, with ``-v``, with ``-json``, or with neither: then it does not say how many tests passed."""

import json
import re
from collections.abc import Iterator

from deputy.evidence.claims import TestReport

_PACKAGE = re.compile(r"^(ok|FAIL|\?)[ \t]+(\S+)[ \t]+((?:[\d.]+s|\(cached\)|\[).*)$", re.MULTILINE)
_TEST = re.compile(r"^--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)
_UNBUILT = re.compile(r"^\[(?:build|setup) failed\]")
_INIT = re.compile(r"^\S+\.init(?:\.\d+)?\(\)$", re.MULTILINE)  # a panic before any test could start
_EMPTY = re.compile(r"\[no (?:tests to run|test files)\]")


def plain(text: str) -> str:
    """The text with what ``go test -json`` wraps into objects as lines again: they are those of ``go test -v``.

    Packages run beside each other, so each one's output is put together before the lines are looked at.
    """
    lines: list[str] = []
    wrapped: dict[str, list[str]] = {}
    for line in text.split("\n"):
        event = _event(line)
        if event:
            wrapped.setdefault(event[0], []).append(event[1])
        else:
            lines.append(line)
    return "\n".join([*lines, *("".join(parts) for parts in wrapped.values())])


def _event(line: str) -> tuple[str, str] | None:
    if not line.startswith("{") or '"Action":"output"' not in line:
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    output = event.get("Output")
    return (str(event.get("Package")), output) if isinstance(output, str) else None


def reports(text: str) -> Iterator[TestReport]:
    """The claim of all packages together, where there are any."""
    packages = [(match[1], match[2], match[3]) for match in _PACKAGE.finditer(text)]
    if not packages:
        return
    unbuilt = tuple(name for word, name, rest in packages if word == "FAIL" and _UNBUILT.match(rest))
    told = _TEST.findall(text)
    names = tuple(name for word, name in told if word == "FAIL")
    # One that panics or exits on its own account is not named.
    failed = max(len(names), sum(word == "FAIL" for word, _, _ in packages) - len(unbuilt))
    unstarted = min(failed - len(names), len(_INIT.findall(text)))
    yield TestReport(
        tests=_tests(packages, told, failed - unstarted),
        failures=failed + len(unbuilt),
        skipped=sum(word == "SKIP" for word, _ in told),
        names=(*names, *(f"{name} (not built)" for name in unbuilt)),
        unloaded=len(unbuilt) + unstarted,
    )


def _tests(packages: list[tuple[str, str, str]], told: list[tuple[str, str]], failed: int) -> int | None:
    """How many ran. Without ``-v`` only failing tests are shown, and of the others nothing is known."""
    if any(word in {"PASS", "SKIP"} for word, _ in told):
        return sum(word == "PASS" for word, _ in told) + failed
    is_silent = any(word == "ok" and not _EMPTY.search(rest) for word, _, rest in packages)
    return None if is_silent or failed else 0
