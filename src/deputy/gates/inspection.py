"""Runs every gate over a patch. ``GateName`` is the closed list of gates; docs/gates.md has a row for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from types import MappingProxyType

from deputy.domain.config import Check, GateLevel
from deputy.domain.gates import GateName
from deputy.domain.secrets import redact
from deputy.domain.values import Finding, Proof, Severity, TaskKind, TreeChange
from deputy.domain.visible import visible
from deputy.gates.case import Case, Reader
from deputy.gates.verdict import DEFAULT_NEEDS, by_weight, higher, lower

Gate = Callable[[Case], Iterator[Finding]]


def _gate(name: GateName) -> Gate:
    """The gate of that name: ``judge`` in the module that is called like it."""
    judge: Gate = import_module(f"deputy.gates.{name.replace('-', '_')}").judge
    return judge


GATES: Mapping[str, Gate] = MappingProxyType({name.value: _gate(name) for name in GateName})

_MOST = 20_000  # findings per gate after which it stops looking: far beyond what anybody reads
# What no level lowers: where nobody looked there is no evidence, as when a gate fails.
_FIRM = frozenset({"checks/missing", "secrets/not-scanned"})


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

    ``read(side, path)`` gives a file's bytes on side ``base`` or ``head``, None where there is none. ``levels`` bounds
    what a gate's findings do and names their reviewers; a gate that it does not name keeps its own severity. A gate
    that fails or finds more than 20,000, and a level for a gate that does not exist, deny. ``kind`` is the task's (a
    fix should bring a test that failed before); ``tree_paths``, all paths of the patched tree, lets ``paths`` see
    collisions with untouched files. Everything found is there: ``shorten`` is for readers.
    """
    case = Case(change, read, proof, checks, kind, tree_paths)
    findings = [finding for name, gate in GATES.items() for finding in _run(name, gate, case, levels.get(name))]
    findings += [_unknown(name) for name in sorted(set(levels) - set(GATES))]
    return tuple(sorted((_presentable(finding) for finding in findings), key=by_weight))


def _run(name: str, gate: Gate, case: Case, level: GateLevel | None) -> list[Finding]:
    try:
        raw = list(islice(gate(case), _MOST + 1))
    except Exception as error:  # noqa: BLE001 - hostile content must not turn a gate's bug into an open door
        return [_broken(name, error)]
    every = [_levelled(finding, level) for finding in raw[:_MOST]]
    return [*every, _too_many(name)] if len(raw) > _MOST else every


def _levelled(finding: Finding, level: GateLevel | None) -> Finding:
    severity = finding.severity
    if level and finding.rule not in _FIRM:
        # A level that contradicts itself is the stricter of its two words.
        severity = higher(lower(severity, level.level), level.at_least)
    needs = (level.needs if level else ()) or DEFAULT_NEEDS
    return finding.model_copy(
        update={"severity": severity, "needs": needs if severity is Severity.REVIEW else ()},
    )


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


def _too_many(name: str) -> Finding:
    return Finding(
        gate=name,
        severity=Severity.DENY,
        message=f"The gate found more than {_MOST:,} things and stopped looking: nobody can judge the rest",
        rule=f"{name}/too-many",
        fix="split the request into smaller ones",
    )


def _unknown(name: str) -> Finding:
    return Finding(
        gate=name,
        severity=Severity.DENY,
        message=f"gates.toml sets a level for {name!r}, and there is no such gate",
        rule="gates/unknown",
        fix=f"use one of {', '.join(GATES)}",
    )
