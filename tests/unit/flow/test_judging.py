"""What the host knows and no gate can: which paths no sandbox has ever seen."""

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import RepoConfig
from deputy.domain.policy.decision import Action, Decision, Effect, Severity
from deputy.flow.delivery.gate_evaluation import blind_changes
from deputy.gates import report

REPO = RepoConfig(name="acme/shop", url="shop", hidden=("secrets/**", "**/.env*"))


def change(*paths: str) -> TreeChange:
    files = tuple(
        FileChange(
            path=path,
            kind=ChangeKind.ADDED,
            old_mode="000000",
            new_mode="100644",
            old_blob="0" * 40,
            new_blob="1" * 40,
        )
        for path in paths
    )
    return TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=files)


@pytest.mark.parametrize("path", ["secrets/prod.env", "Secrets/prod.env", "app/.env.local"])
def test_a_hidden_path_stops_the_patch_whatever_policy_says(path: str) -> None:
    (finding,) = blind_changes(change("app/a.py", path), REPO)
    assert (finding.severity, finding.path) == (Severity.DENY, path)
    allowed = Decision(effect=Effect.ALLOW, action=Action.EDIT, subject="user:T1/U1", repo="acme/shop", policy="p")
    assert report([finding], allowed).effect is Effect.DENY


def test_other_paths_are_no_concern_of_it() -> None:
    assert blind_changes(change("app/a.py", "docs/secrets.md"), REPO) == ()
