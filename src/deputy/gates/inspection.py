"""Runs every gate over a patch. The table below is the closed list of gates; docs/gates.md has a row for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from deputy.domain.config import Check, GateLevel
from deputy.domain.secrets import redact
from deputy.domain.values import Finding, Proof, Severity, TaskKind, TreeChange
from deputy.domain.visible import visible
from deputy.gates import (
    before_after,
    binary,
    dependencies,
    paths,
    policy_files,
    runs_on_its_own,
    runs_when_used,
    secrets,
    size,
    suppressions,
    tests_weakened,
    text_tricks,
)
from deputy.gates import (
    checks as check_gate,
)
from deputy.gates.case import Case, Reader
from deputy.gates.verdict import DEFAULT_NEEDS, by_weight, lower

Gate = Callable[[Case], Iterator[Finding]]

GATES: Mapping[str, Gate] = MappingProxyType(
    {
        "paths": paths.judge,
        "size": size.judge,
        "binary": binary.judge,
        "secrets": secrets.judge,
        "text-tricks": text_tricks.judge,
        "runs-on-its-own": runs_on_its_own.judge,
        "runs-when-used": runs_when_used.judge,
        "dependencies": dependencies.judge,
        "tests-weakened": tests_weakened.judge,
        "suppressions": suppressions.judge,
        "policy-files": policy_files.judge,
        "checks": check_gate.judge,
        "before-after": before_after.judge,
    }
)

_SHOWN = 40  # findings per gate that a reader is given; the rest are counted
_FOUND = 20_000  # findings per gate after which it stops looking; far beyond _SHOWN, and the count says so


def inspect(
    change: TreeChange,
    read: Reader,
    proof: Proof | None,
    levels: Mapping[str, GateLevel],
    checks: Sequence[Check],
    *,
    kind: TaskKind = TaskKind.OTHER,
    tree_paths: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """What the gates find in a patch, the worst first.

    ``read(side, path)`` gives a file's bytes on side ``base`` or ``head``, None where there is none. ``levels`` caps
    what a gate's findings do and names their reviewers; a gate that it does not name keeps its own severity. A gate
    that fails, and a level for a gate that does not exist, deny. ``kind`` is the task's (a fix should bring a test that
    failed before); ``tree_paths``, all paths of the patched tree, lets ``paths`` see collisions with untouched files.
    """
    case = Case(change, read, proof, checks, kind, tree_paths)
    findings = [finding for name, gate in GATES.items() for finding in _run(name, gate, case, levels.get(name))]
    findings += [_unknown(name) for name in sorted(set(levels) - set(GATES))]
    return tuple(sorted((_presentable(finding) for finding in findings), key=by_weight))


def _run(name: str, gate: Gate, case: Case, level: GateLevel | None) -> list[Finding]:
    try:
        raw = list(islice(gate(case), _FOUND))
    except Exception as error:  # noqa: BLE001 - hostile content must not turn a gate's bug into an open door
        return [_broken(name, error)]
    return _shorten(name, sorted((_levelled(finding, level) for finding in raw), key=by_weight))


def _levelled(finding: Finding, level: GateLevel | None) -> Finding:
    severity = lower(finding.severity, level.level) if level else finding.severity
    needs = (level.needs if level else ()) or DEFAULT_NEEDS
    return finding.model_copy(
        update={"severity": severity, "needs": needs if severity is Severity.REVIEW else ()},
    )


def _shorten(name: str, findings: list[Finding]) -> list[Finding]:
    """The worst findings, and one that stands for the rest (no worse than the last shown, since they are sorted)."""
    if len(findings) <= _SHOWN:
        return findings
    rest = findings[_SHOWN:]
    message = f"{len(rest)} more findings of this gate are not listed"
    return [
        *findings[:_SHOWN],
        rest[0].model_copy(update={"message": message, "rule": f"{name}/more", "path": "", "line": 0}),
    ]


def _presentable(finding: Finding) -> Finding:
    """Findings quote hostile names: nothing in them may hide, and no secret may pass through them."""
    return finding.model_copy(
        update={"message": redact(visible(finding.message)), "path": redact(visible(finding.path))},
    )


def _broken(name: str, error: Exception) -> Finding:
    return Finding(
        gate=name,
        severity=Severity.DENY,
        message=f"The gate could not judge this patch ({type(error).__name__}: {error})"[:500],
        rule=f"{name}/failed",
        fix="make the files that it names well-formed, or report a bug of this gate",
    )


def _unknown(name: str) -> Finding:
    return Finding(
        gate=name,
        severity=Severity.DENY,
        message=f"gates.toml sets a level for {name!r}, and there is no such gate",
        rule="gates/unknown",
        fix=f"use one of {', '.join(GATES)}",
    )
