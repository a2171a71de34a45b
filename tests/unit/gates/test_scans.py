"""What the gates make of what scanners saw, and of what nobody looked at."""

import pytest

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.decision import Severity
from deputy.domain.review.evidence import Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.review.scans import NOT_AUDITED, TOO_LARGE, Scan, Sighting
from deputy.gates import secrets
from deputy.gates.execution import runs_on_its_own
from deputy.gates.framework.patch_under_review import PatchUnderReview
from tests.support.planted import github_token

LOOKED = ("kingfisher 2.14.0", "zizmor 1.32.0")
PATH, WORKFLOW = "shop/x.py", ".github/workflows/ci.yml"


def case(
    scan: Scan | None,
    files: dict[str, str] | None = None,
    *,
    mode: str = "100644",
    kind: ChangeKind = ChangeKind.ADDED,
    has_proof: bool = True,
) -> PatchUnderReview:
    contents = {PATH: "a = 1\nb = 2\n"} if files is None else files
    changes = tuple(
        FileChange(path=path, kind=kind, old_mode="000000", new_mode=mode, old_blob="", new_blob="1")
        for path in contents
    )
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", files=changes, digest="d")
    proof = Evidence(scan=scan) if has_proof else None
    return PatchUnderReview(change, lambda side, path: contents[path].encode(), proof)


def seen(rule: str, line: int = 1, path: str = PATH, *, certain: bool = True, by: str = "kingfisher") -> Sighting:
    return Sighting(scanner=by, rule=rule, path=path, line=line, message="what it is", is_certain=certain)


def rules(findings: list[Finding]) -> list[tuple[str, Severity, int]]:
    return [(finding.rule, finding.severity, finding.line) for finding in findings]


def credentials(scan: Scan | None, **options: object) -> list[tuple[str, Severity, int]]:
    return rules([*secrets.judge(case(scan, **options))])  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------------- secrets


def test_a_certain_sighting_stops_and_an_uncertain_one_asks() -> None:
    scan = Scan(scanners=LOOKED, sightings=(seen("some-key"), seen("other", 2, certain=False)))
    assert credentials(scan) == [
        ("secrets/kingfisher-some-key", Severity.DENY, 1),
        ("secrets/kingfisher-other", Severity.REVIEW, 2),
    ]


def test_what_both_see_on_a_line_is_said_once_and_the_worst_counts() -> None:
    ours = {PATH: f"t = '{github_token()}'\npassword = 'hush-hush-1'\n"}
    scan = Scan(
        scanners=LOOKED, sightings=(seen("github-pat", 1), seen("guess", 1, certain=False), seen("some-key", 2))
    )
    assert credentials(scan, files=ours) == [
        ("secrets/github-token", Severity.DENY, 1),
        ("secrets/kingfisher-some-key", Severity.DENY, 2),
    ]


def test_a_sighting_without_a_line_or_in_an_unknown_path_is_not_lost() -> None:
    scan = Scan(scanners=LOOKED, sightings=(seen("a", 0), seen("b", 0), seen("c", 1, "elsewhere")))
    assert len(credentials(scan)) == 3


def test_a_rule_is_called_by_letters_of_ours() -> None:
    scan = Scan(scanners=LOOKED, sightings=(seen("Some.Key/1 \u202e x"),))
    assert credentials(scan)[0][0] == "secrets/kingfisher-some-key-1-x"


@pytest.mark.parametrize("scanners", [("kingfisher 2.14.0",), ("detect-secrets 1.5.0",)])
def test_one_scanner_of_credentials_is_enough(scanners: tuple[str, ...]) -> None:
    assert credentials(Scan(scanners=scanners, failed=("other: broke",))) == []


@pytest.mark.parametrize(
    "scan",
    [
        None,
        Scan(),
        Scan(scanners=("zizmor 1.32.0",)),
        Scan(scanners=("kingfisherman 1",)),
        Scan(failed=("kingfisher: x",)),
    ],
)
def test_a_patch_that_nobody_looked_at_is_stopped(scan: Scan | None) -> None:
    assert credentials(scan) == [("secrets/not-scanned", Severity.DENY, 0)]


def test_the_reasons_are_told() -> None:
    failed = ("kingfisher: it is not installed", "detect-secrets: it broke")
    (finding,) = secrets.judge(case(Scan(failed=failed)))
    assert all(reason in finding.message for reason in failed)


def test_nothing_to_look_at_needs_no_look() -> None:
    assert credentials(None, files={}) == []
    assert credentials(None, mode="120000") == []
    assert credentials(None, mode="160000") == []
    assert credentials(None, kind=ChangeKind.DELETED) == []
    assert credentials(None, kind=ChangeKind.MODE) == []


def test_without_any_proof_another_gate_stops_the_patch() -> None:
    assert credentials(None, has_proof=False) == []


def test_what_was_too_large_is_asked_about_and_does_not_cover_the_rest() -> None:
    large = Sighting(scanner="deputy", rule=TOO_LARGE, path=PATH)
    asked = ("secrets/too-large-to-scan", Severity.REVIEW, 0)
    assert credentials(Scan(sightings=(large,))) == [asked]
    both = {PATH: "a\n", "b.py": "b\n"}
    assert credentials(Scan(sightings=(large,)), files=both) == [asked, ("secrets/not-scanned", Severity.DENY, 0)]


# ---------------------------------------------------------------------------------------------------------- workflows


def audited(scan: Scan | None) -> list[Finding]:
    return [*runs_on_its_own.judge(case(scan, {WORKFLOW: "on: push\n"}))][1:]


def test_what_zizmor_saw_is_asked_about_with_what_to_do() -> None:
    sightings = (seen("unpinned-uses", 3, WORKFLOW, by="zizmor"), seen("new-rule", 4, WORKFLOW, by="zizmor"))
    found = audited(Scan(scanners=LOOKED, sightings=sightings))
    assert rules(found) == [
        ("runs-on-its-own/zizmor-unpinned-uses", Severity.REVIEW, 3),
        ("runs-on-its-own/zizmor-new-rule", Severity.REVIEW, 4),
    ]
    assert [finding.fix for finding in found] == [
        "pin the action to a full commit digest",
        "see docs.zizmor.sh/audits/#new-rule",
    ]


def test_what_zizmor_saw_is_no_credential_and_the_other_way_round() -> None:
    sightings = (seen("unpinned-uses", 3, WORKFLOW, by="zizmor"), seen("github-pat", 1, WORKFLOW))
    scan = Scan(scanners=LOOKED, sightings=sightings)
    assert [name for name, *_ in credentials(scan, files={WORKFLOW: "on: push\n"})] == ["secrets/kingfisher-github-pat"]
    assert [finding.rule for finding in audited(scan)] == ["runs-on-its-own/zizmor-unpinned-uses"]


def test_that_nobody_audited_a_workflow_is_asked_about() -> None:
    (broke,) = audited(Scan(scanners=LOOKED[:1], failed=("zizmor: it took longer than 60 s",)))
    assert (broke.rule, broke.severity) == ("runs-on-its-own/not-audited", Severity.REVIEW)
    assert "60 s" in broke.message
    (unread,) = audited(Scan(scanners=LOOKED, sightings=(seen(NOT_AUDITED, 0, WORKFLOW, by="zizmor"),)))
    assert (unread.rule, unread.path) == ("runs-on-its-own/not-audited", WORKFLOW)
    assert audited(Scan(scanners=LOOKED, failed=("kingfisher: it broke",))) == []
