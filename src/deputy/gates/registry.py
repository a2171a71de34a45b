"""Runs every gate over a patch. ``GateName`` is the closed list of gates; docs/gates.md has a row for each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from deputy.domain.changes.change import TreeChange
from deputy.domain.policy.config import Check, GateLevel
from deputy.domain.policy.decision import Severity
from deputy.domain.policy.effects import milder, stricter
from deputy.domain.review.evidence import Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.review.gates import GateName
from deputy.domain.tasks.request import TaskKind
from deputy.domain.text.secrets import redact
from deputy.domain.text.visible import visible
from deputy.gates import licences, public_api, secrets
from deputy.gates.checks import before_after
from deputy.gates.checks import gate as checks
from deputy.gates.dependencies import gate as dependencies
from deputy.gates.execution import policy_files, runs_on_its_own, runs_when_used
from deputy.gates.framework.patch_under_review import PatchUnderReview, Reader
from deputy.gates.framework.verdict import DEFAULT_REQUIREMENTS, by_weight
from deputy.gates.personal_data import gate as personal_data
from deputy.gates.readability import binary, generated, paths, size, text_tricks
from deputy.gates.suppressions import gate as suppressions
from deputy.gates.tests_weakened import gate as tests_weakened

Gate = Callable[[PatchUnderReview], Iterator[Finding]]

# The gates in the order in which they run. Each member of ``GateName`` has one entry; a test says so.
GATES: Mapping[GateName, Gate] = MappingProxyType(
    {
        GateName.PATHS: paths.judge,
        GateName.SIZE: size.judge,
        GateName.BINARY: binary.judge,
        GateName.SECRETS: secrets.judge,
        GateName.PERSONAL_DATA: personal_data.judge,
        GateName.TEXT_TRICKS: text_tricks.judge,
        GateName.GENERATED: generated.judge,
        GateName.LICENCES: licences.judge,
        GateName.RUNS_ON_ITS_OWN: runs_on_its_own.judge,
        GateName.RUNS_WHEN_USED: runs_when_used.judge,
        GateName.DEPENDENCIES: dependencies.judge,
        GateName.PUBLIC_API: public_api.judge,
        GateName.TESTS_WEAKENED: tests_weakened.judge,
        GateName.SUPPRESSIONS: suppressions.judge,
        GateName.POLICY_FILES: policy_files.judge,
        GateName.CHECKS: checks.judge,
        GateName.BEFORE_AFTER: before_after.judge,
    }
)

_MAX = 20_000  # findings per gate after which it stops looking: far beyond what anybody reads
# What no level lowers: where nobody looked there is no evidence, as when a gate fails.
_FIRM = frozenset({"checks/missing", "secrets/not-scanned"})


def inspect(
    change: TreeChange,
    read: Reader,
    proof: Evidence | None,
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
    case = PatchUnderReview(change, read, proof, checks, kind, tree_paths)
    findings = [finding for name, gate in GATES.items() for finding in _run(name, gate, case, levels.get(name))]
    findings += [_unknown(name) for name in sorted(set(levels) - set(GATES))]
    return tuple(sorted((_presentable(finding) for finding in findings), key=by_weight))


def _run(name: str, gate: Gate, case: PatchUnderReview, level: GateLevel | None) -> list[Finding]:
    try:
        raw = list(islice(gate(case), _MAX + 1))
    except Exception as error:  # noqa: BLE001 - hostile content must not turn a gate's bug into an open door
        return [_broken(name, error)]
    every = [_levelled(finding, level) for finding in raw[:_MAX]]
    return [*every, _too_many(name)] if len(raw) > _MAX else every


def _levelled(finding: Finding, level: GateLevel | None) -> Finding:
    severity = finding.severity
    if level and finding.rule not in _FIRM:
        # A level that contradicts itself is the stricter of its two words.
        severity = stricter(milder(severity, level.level), level.at_least)
    needs = (level.needs if level else ()) or DEFAULT_REQUIREMENTS
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
        message=f"The gate found more than {_MAX:,} things and stopped looking: nobody can judge the rest",
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
