"""The report: the stricter of gates and policy, every need of either, and a digest of all that."""

from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.decision import Action, ApprovalRequirement, Decision, Effect, Severity
from deputy.domain.review.finding import Finding, GateReport
from deputy.gates import GATES, inspect, report, shorten
from tests.support.examples import examples

_ORDER = [Effect.ALLOW, Effect.REVIEW, Effect.DENY]


def _decision(effect: Effect, *needs: ApprovalRequirement) -> Decision:
    return Decision(
        effect=effect, action=Action.EDIT, subject="user:T0ACME/U0ALICE", repo="acme/shop", policy="p", needs=needs
    )


_NEEDS = st.builds(ApprovalRequirement, role=st.sampled_from(["role:senior", "role:security"]), count=st.integers(1, 3))
_FINDINGS = st.builds(
    Finding,
    gate=st.sampled_from(sorted(GATES)),
    severity=st.sampled_from(Severity),
    message=st.text(max_size=5),
    path=st.sampled_from(["a", "b"]),
    needs=st.lists(_NEEDS, max_size=2).map(tuple),
)
_DECISIONS = st.builds(_decision, st.sampled_from(Effect))


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(_FINDINGS, max_size=4), _DECISIONS, st.randoms(use_true_random=False))
def test_order_never_matters(findings: list[Finding], decision: Decision, random: object) -> None:
    shuffled = findings.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert report(shuffled, decision) == report(findings, decision)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(_FINDINGS, max_size=4), _FINDINGS, _DECISIONS)
def test_one_more_finding_never_widens(findings: list[Finding], more: Finding, decision: Decision) -> None:
    before, after = report(findings, decision), report([*findings, more], decision)
    assert _ORDER.index(after.effect) >= _ORDER.index(before.effect) >= _ORDER.index(decision.effect)
    assert after.digest != before.digest
    if before.effect is Effect.REVIEW and findings and before.needs:
        counts = {need.role: need.count for need in after.needs}
        real = {need.role: need.count for f in findings if f.severity is Severity.REVIEW for need in f.needs}
        assert all(counts.get(role, 0) >= count for role, count in real.items())


def test_needs_merge_as_the_maximum_per_role() -> None:
    findings = [
        Finding(
            gate="paths",
            severity=Severity.REVIEW,
            message="m",
            needs=(ApprovalRequirement(role="role:senior", count=2),),
        ),
        Finding(
            gate="size", severity=Severity.ADVISE, message="m", needs=(ApprovalRequirement(role="role:boss", count=1),)
        ),
    ]
    done = report(
        findings,
        _decision(Effect.REVIEW, ApprovalRequirement(role="role:senior"), ApprovalRequirement(role="role:security")),
    )
    assert done.needs == (
        ApprovalRequirement(role="role:security", count=1),
        ApprovalRequirement(role="role:senior", count=2),
    )


def test_a_smaller_need_does_not_lower_a_greater_one() -> None:
    finding = Finding(
        gate="paths", severity=Severity.REVIEW, message="m", needs=(ApprovalRequirement(role="role:senior"),)
    )
    done = report([finding], _decision(Effect.REVIEW, ApprovalRequirement(role="role:senior", count=2)))
    assert done.needs == (ApprovalRequirement(role="role:senior", count=2),)


def test_a_review_always_needs_somebody() -> None:
    assert report([], _decision(Effect.REVIEW)).needs == (ApprovalRequirement(role="role:senior"),)
    assert report([], _decision(Effect.ALLOW)).needs == ()


def test_the_digest_speaks_of_the_decision_too_and_survives_storage() -> None:
    one, other = report([], _decision(Effect.ALLOW)), report([], _decision(Effect.DENY))
    assert one.digest != other.digest
    assert GateReport.model_validate_json(one.model_dump_json()) == one


def test_everything_found_is_reported_and_readers_get_the_worst() -> None:
    files = tuple(_file(f"con/{number}") for number in range(300))
    change = TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=files)
    found = inspect(change, lambda side, path: b"x\n", None, {}, ())
    assert len([f for f in found if f.rule == "paths/windows"]) == 300
    short = [f for f in shorten(found) if f.gate == "paths"]
    assert len(short) == 41
    more = next(f for f in short if f.rule == "paths/more")
    assert more.message == "260 more findings of this gate are not listed here"
    assert more.severity is Severity.DENY


def _file(path: str) -> FileChange:
    return FileChange(
        path=path, kind=ChangeKind.MODIFIED, old_mode="100644", new_mode="100644", old_blob="a", new_blob="b"
    )


def test_each_side_of_each_file_is_read_once() -> None:
    files = tuple(_file(f"src/package{number % 50}/module{number}.py") for number in range(300))
    change = TreeChange(repo="acme/shop", base="b", base_tree="bt", tree="t", digest="d", files=files)
    base = "".join(f"value_{number} = compute({number})\n" for number in range(100))
    sides = {
        "base": base.encode(),
        "head": (base + "".join(f"more_{n} = 'token: größe {n}'\n" for n in range(10))).encode(),
    }
    read: list[tuple[str, str]] = []

    def count(side: str, path: str) -> bytes:
        read.append((side, path))
        return sides[side]

    inspect(change, count, None, {}, (), tree_paths=change.paths)
    # However many gates look at it.
    changed = [(side, path) for side, path in read if path.startswith("src/")]
    assert len(changed) == len(set(changed)) <= 2 * len(files)
