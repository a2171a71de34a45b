"""Secrets in what a patch adds. A finding says where and of which kind, never what."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from deputy.domain.secrets import Secret, find_secrets
from deputy.domain.values import ChangeKind, FileChange, Finding, Severity
from deputy.gates.case import Case, found, resembles

_KEY_FILES = (
    "**/id_rsa", "**/id_dsa", "**/id_ecdsa", "**/id_ed25519", "**/*.pem", "**/*.p12", "**/*.pfx", "**/*.jks",
    "**/*.keystore", "**/*.kdbx", "**/.env", "**/.env.*", "**/.netrc", "**/.pgpass", "**/.htpasswd",
    "**/.git-credentials",
    "**/.npmrc", "**/.pypirc", "**/.aws/credentials", "**/.docker/config.json", "**/.kube/config",
)  # fmt: skip
_HARMLESS = ("**/.env.example", "**/.env.sample", "**/.env.template", "**/.env.dist")
_FIX = "read it from the environment or a secret store, and revoke it if it was real"


def judge(case: Case) -> Iterator[Finding]:
    """Stop recognisable credentials; ask about values that are merely called like one, and files that hold them."""
    for file in case.written:
        lines = case.added(file)
        secrets = find_secrets("\n".join(text for _, text in lines))
        yield from _located(file, lines, secrets)
        if file.kind is ChangeKind.ADDED and resembles(_KEY_FILES, file.path) and not resembles(_HARMLESS, file.path):
            message = "Files of this name hold credentials"
            yield found("secrets/file", Severity.REVIEW, message, file.path, fix="keep it out of the repository")


def _located(file: FileChange, lines: tuple[tuple[int, str], ...], secrets: Iterator[Secret]) -> Iterator[Finding]:
    ends = _line_ends(lines)
    for secret in sorted(secrets, key=lambda secret: secret.start):
        number = lines[bisect_right(ends, secret.start)][0]
        severity = Severity.DENY if secret.is_certain else Severity.REVIEW
        message = f"What looks like a secret is added ({secret.kind})"
        yield found(f"secrets/{secret.kind}", severity, message, file.path, line=number, fix=_FIX)


def _line_ends(lines: tuple[tuple[int, str], ...]) -> list[int]:
    """For each added line, the offset in the joined text where the next one starts."""
    return list(accumulate(len(text) + 1 for _, text in lines))
