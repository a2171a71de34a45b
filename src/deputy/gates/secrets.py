"""Secrets in what a patch adds. A finding says where and of which kind, never what."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain

from deputy.domain.changes.change import ChangeKind, FileChange
from deputy.domain.changes.git_modes import LINK
from deputy.domain.policy.decision import Severity
from deputy.domain.review.finding import Finding
from deputy.domain.review.scans import TOO_LARGE, Sighting
from deputy.domain.text.secrets import Secret, find_secrets
from deputy.gates.framework.patch_under_review import PatchUnderReview, found, resembles
from deputy.gates.framework.sightings import AUDITOR, rule_of, scan_of

_KEY_FILES = (
    "**/id_rsa", "**/id_dsa", "**/id_ecdsa", "**/id_ed25519", "**/*.pem", "**/*.p12", "**/*.pfx", "**/*.jks",
    "**/*.keystore", "**/*.kdbx", "**/.env", "**/.env.*", "**/.netrc", "**/.pgpass", "**/.htpasswd",
    "**/.git-credentials",
    "**/.npmrc", "**/.pypirc", "**/.aws/credentials", "**/.docker/config.json", "**/.kube/config",
)  # fmt: skip
_HARMLESS = ("**/.env.example", "**/.env.sample", "**/.env.template", "**/.env.dist")
# The scanners that can tell that a patch holds no credentials, as `Scan.scanners` names them.
_SEERS = ("kingfisher ", "detect-secrets ")
_FIX = "read it from the environment or a secret store, and revoke it if it was real"


def judge(case: PatchUnderReview) -> Iterator[Finding]:
    """Stop recognisable credentials; ask about values that are merely called like one, and files that hold them.

    What scanners saw counts like what we see ourselves. That nobody but us looked stops the patch.
    """
    sightings = _sightings(case)
    for file in case.written:
        lines = case.added(file)
        secrets = find_secrets(case.added_text(file))
        yield from _once((*_located(file, lines, secrets), *sightings.pop(file.path, ())))
        if file.kind is ChangeKind.ADDED and resembles(_KEY_FILES, file.path) and not resembles(_HARMLESS, file.path):
            message = "Files of this name hold credentials"
            yield found("secrets/file", Severity.REVIEW, message, file.path, fix="keep it out of the repository")
    yield from chain.from_iterable(sightings.values())
    yield from _not_scanned(case)


def _sightings(case: PatchUnderReview) -> dict[str, list[Finding]]:
    """What scanners of credentials saw, as findings, by path."""
    findings: dict[str, list[Finding]] = {}
    for sighting in scan_of(case).sightings:
        if sighting.scanner != AUDITOR:
            findings.setdefault(sighting.path, []).append(_seen(sighting))
    return findings


def _seen(sighting: Sighting) -> Finding:
    if sighting.rule == TOO_LARGE:
        message = "The file is too large for the scanners that look for credentials"
        return found(f"secrets/{TOO_LARGE}", Severity.REVIEW, message, sighting.path, fix="read it in full")
    severity = Severity.DENY if sighting.is_certain else Severity.REVIEW
    message = f"What looks like a secret is added ({sighting.scanner}: {sighting.message})"
    return found(rule_of("secrets", sighting), severity, message, sighting.path, line=sighting.line, fix=_FIX)


def _once(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Of findings on one line the worst; of equals ours, which name the kind in the words of the docs."""
    lines: dict[int, list[Finding]] = {}
    for finding in findings:
        lines.setdefault(finding.line, []).append(finding)
    for line, group in lines.items():
        if not line:
            yield from group
            continue
        yield min(group, key=lambda finding: finding.severity is not Severity.DENY)


def _not_scanned(case: PatchUnderReview) -> Iterator[Finding]:
    """Without a proof the gate ``checks`` stops the patch already."""
    if case.proof is None:
        return
    scan = scan_of(case)
    too_large = {sighting.path for sighting in scan.sightings if sighting.rule == TOO_LARGE}
    files = [file for file in case.written if file.new_mode != LINK and file.path not in too_large]
    if files and not any(name.startswith(_SEERS) for name in scan.scanners):
        why = "; ".join(scan.failed) or "none has run"
        message = f"No scanner has looked for credentials in {len(files)} files: {why}"
        yield found("secrets/not-scanned", Severity.DENY, message, fix="run the task again; see `deputy doctor`")


def _located(file: FileChange, lines: tuple[tuple[int, str], ...], secrets: Iterator[Secret]) -> Iterator[Finding]:
    found_there = sorted(secrets, key=lambda secret: secret.start)
    ends = _line_ends(lines) if found_there else []
    for secret in found_there:
        number = lines[bisect_right(ends, secret.start)][0]
        severity = Severity.DENY if secret.is_certain else Severity.REVIEW
        message = f"What looks like a secret is added ({secret.kind})"
        yield found(f"secrets/{secret.kind}", severity, message, file.path, line=number, fix=_FIX)


def _line_ends(lines: tuple[tuple[int, str], ...]) -> list[int]:
    """For each added line, the offset in the joined text where the next one starts."""
    return list(accumulate(len(text) + 1 for _, text in lines))
