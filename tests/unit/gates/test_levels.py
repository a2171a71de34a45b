"""Levels, bars, caps, groups and short lists: what becomes of findings after the gates."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.changes.change import ChangeKind, FileChange, TreeChange
from deputy.domain.policy.config import Check, GateLevel
from deputy.domain.policy.decision import Action, Decision, Effect, Severity
from deputy.domain.review.evidence import CheckPhase, CheckResult, Evidence
from deputy.domain.review.finding import Finding
from deputy.domain.review.gates import GateName, Topic
from deputy.domain.review.scans import Scan
from deputy.domain.tasks.request import TaskKind
from deputy.gates import grouped, inspect, registry, report, shorten
from tests.support.examples import examples

SCANNED = Scan(scanners=("kingfisher 1.0",))
_ORDER = [Severity.ADVISE, Severity.REVIEW, Severity.DENY]
ALLOWED = Decision(effect=Effect.ALLOW, action=Action.EDIT, subject="user:T1/U1", repo="acme/shop", policy="p")


def _file(path: str, kind: ChangeKind = ChangeKind.ADDED) -> FileChange:
    old = "000000" if kind is ChangeKind.ADDED else "100644"
    return FileChange(path=path, kind=kind, old_mode=old, new_mode="100644", old_blob="a", new_blob="b")


def _change(*paths: str) -> TreeChange:
    files = tuple(_file(path) for path in paths)
    return TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=files)


def _result(phase: CheckPhase, *, passed: bool) -> CheckResult:
    check = Check(name="tests", run=("x",)).digest
    return CheckResult(
        name="tests", phase=phase, argv=("x",), check=check, exit_code=0, passed=passed, seconds=1, log="l", tests=1
    )


def _severities(level: GateLevel | None, *paths: str) -> set[Severity]:
    levels = {"paths": level} if level else {}
    found = inspect(_change(*paths), lambda side, path: b"x\n", None, levels, ())
    return {f.severity for f in found if f.gate == "paths"}


@pytest.mark.parametrize("own", ["a~1/x", "con/x"])
@pytest.mark.parametrize("level", Severity)
@pytest.mark.parametrize("floor", Severity)
def test_a_finding_is_held_between_floor_and_ceiling_and_the_floor_wins(
    own: str, level: Severity, floor: Severity
) -> None:
    (unbound,) = _severities(None, own)
    (bound,) = _severities(GateLevel(level=level, at_least=floor), own)
    assert bound is max(floor, min(level, unbound, key=_ORDER.index), key=_ORDER.index)


def test_a_raised_finding_gets_reviewers_and_a_lowered_one_loses_them() -> None:
    change = _change("con/x")
    for level, needs in ((Severity.REVIEW, 1), (Severity.ADVISE, 0)):
        found = inspect(change, lambda side, path: b"x\n", None, {"paths": GateLevel(level=level)}, ())
        assert [len(f.needs) for f in found if f.gate == "paths"] == [needs]


@pytest.mark.parametrize("rule", ["checks/missing", "secrets/not-scanned"])
def test_where_nobody_looked_no_level_helps(rule: str) -> None:
    levels = {gate.value: GateLevel(level=Severity.ADVISE) for gate in GateName}
    checks = (Check(name="tests", run=("x",), bar=Severity.ADVISE),)
    found = inspect(_change("a.txt"), lambda side, path: b"x\n", Evidence(), levels, checks)
    assert [f.severity for f in found if f.rule == rule] == [Severity.DENY]


@pytest.mark.parametrize("bar", Severity)
@pytest.mark.parametrize(
    ("results", "rule", "most"),
    [
        ((_result(CheckPhase.PATCH, passed=False),), "checks/failed", Severity.DENY),
        (
            (_result(CheckPhase.PATCH, passed=False), _result(CheckPhase.BASE, passed=False)),
            "checks/failed-before",
            Severity.REVIEW,
        ),
        (
            (_result(CheckPhase.PATCH, passed=True), _result(CheckPhase.BASE_TESTS, passed=False)),
            "checks/base-tests",
            Severity.DENY,
        ),
    ],
)
def test_a_checks_bar_is_the_most_its_failing_does(
    bar: Severity, results: tuple[CheckResult, ...], rule: str, most: Severity
) -> None:
    proof = Evidence(checks=results, scan=SCANNED)
    checks = (Check(name="tests", run=("x",), bar=bar),)
    found = inspect(_change("a.txt"), lambda side, path: b"x\n", proof, {}, checks)
    assert {f.rule: f.severity for f in found} == {rule: min(bar, most, key=_ORDER.index)}


def test_a_passing_check_is_silent_whatever_its_bar() -> None:
    proof = Evidence(checks=(_result(CheckPhase.PATCH, passed=True),), scan=SCANNED)
    checks = (Check(name="tests", run=("x",), bar=Severity.ADVISE),)
    assert inspect(_change("a.txt"), lambda side, path: b"x\n", proof, {}, checks) == ()


# --------------------------------------------------------------------------------------------------- many findings


def test_a_gate_stops_far_away_and_says_so_whatever_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry._MAX == 20_000
    monkeypatch.setattr(registry, "_MAX", 500)  # it takes as many files to go over it
    change = _change(*(f"con/{n}" for n in range(501)))
    levels = {"paths": GateLevel(level=Severity.ADVISE)}
    found = inspect(change, lambda side, path: b"x\n", None, levels, ())
    done = report(found, ALLOWED)
    here = [f for f in found if f.gate == "paths"]
    assert len(here) == 501
    assert [f.rule for f in here if f.severity is Severity.DENY] == ["paths/too-many"]
    assert len(done.findings) == len(found)
    assert len([f for f in shorten(done.findings) if f.gate == "paths"]) == 41


_FINDINGS = st.builds(
    Finding,
    gate=st.sampled_from([*GateName, "gates"]),
    severity=st.sampled_from(Severity),
    message=st.text(max_size=3),
    path=st.sampled_from(["a", "b"]),
    line=st.integers(0, 3),
)
_MANY = st.lists(_FINDINGS, max_size=30)


@settings(max_examples=examples(100), deadline=None)
@given(_MANY, st.integers(1, 5))
def test_a_short_list_hides_no_gate_and_nothing_worse_than_it_shows(findings: list[Finding], most: int) -> None:
    short = shorten(findings, per_gate=most)
    assert {f.gate for f in short} == {f.gate for f in findings}
    for gate in {f.gate for f in findings}:
        mine, shown = [f for f in findings if f.gate == gate], [f for f in short if f.gate == gate]
        assert len(shown) == min(len(mine), most + 1)
        ranks = sorted((_ORDER.index(f.severity) for f in mine), reverse=True)
        assert sorted((_ORDER.index(f.severity) for f in shown), reverse=True) == ranks[: len(shown)]
    assert shorten(findings, per_gate=most) == shorten(findings[::-1], per_gate=most)


@settings(max_examples=examples(100), deadline=None)
@given(_MANY)
def test_every_finding_is_in_one_group_in_the_order_of_importance(findings: list[Finding]) -> None:
    groups = grouped(findings)
    assert sorted(map(repr, findings)) == sorted(repr(f) for group in groups for f in group.findings)
    places = [[*Topic].index(group.topic) for group in groups]
    assert places == sorted(set(places))
    for group in groups:
        for finding in group.findings:
            assert (group.topic is Topic.STOPS) == (finding.severity is Severity.DENY)
            assert (group.topic is Topic.ADVICE) == (finding.severity is Severity.ADVISE)


def test_every_gate_has_a_topic_of_its_own_choice() -> None:
    assert {gate.topic for gate in GateName} == set(Topic) - {Topic.STOPS, Topic.ADVICE}
    assert GateName("public-api").topic is Topic.CALLERS
    (group,) = grouped([Finding(gate="dependencies", severity=Severity.REVIEW, message="m")])
    assert group.title == "Other people's code"


# ------------------------------------------------------------------------------------------------- hostile content

_NAMES = """pyproject.toml package.json package-lock.json uv.lock yarn.lock pnpm-lock.yaml go.mod go.sum Gemfile.lock
requirements.txt setup.cfg tests/test_a.py a/__init__.py a.py b.test.ts .gitattributes LICENSE x.csv seed.sql .npmrc
pip.conf Cargo.lock .github/workflows/x.yml a_test.go src/lib.rs"""
_WORDS = """[ ] { } " ' : = [[package]] name version "a@1": require ( \n \n \0 null dependencies packages: 1 GEM specs:
class def f( \\ h1: importers: {} [] [1] {"a":1} [[ "packages" resolution: -"""
_PATHS = st.one_of(st.text(max_size=20), st.sampled_from(_NAMES.split()))
_CONTENT = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from([*_WORDS.split(" "), "  ", "    "]), max_size=20).map(
        lambda parts: "".join(parts).encode()
    ),
)
_MODES = st.sampled_from(["000000", "100644", "100755", "120000", "160000", "040000"])
_FILES = st.lists(
    st.builds(FileChange, path=_PATHS, kind=st.sampled_from(ChangeKind), old_mode=_MODES, new_mode=_MODES,
              old_blob=st.just("a"), new_blob=st.just("b")),
    max_size=4, unique_by=lambda file: file.path,
)  # fmt: skip


@settings(max_examples=examples(300), deadline=None)
@given(_FILES, _CONTENT, _CONTENT, st.sampled_from(TaskKind))
def test_no_content_makes_the_gates_raise(files: list[FileChange], old: bytes, new: bytes, kind: TaskKind) -> None:
    change = TreeChange(repo="acme/shop", base="b", base_tree="t", tree="u", digest="d", files=tuple(files))
    found = inspect(
        change,
        lambda side, path: new if side == "head" else old,
        Evidence(scan=SCANNED),
        {},
        (),
        kind=kind,
        tree_paths=("a",),
    )
    for finding in found:
        assert finding.gate in {*GateName}
        assert finding.rule.startswith(f"{finding.gate}/")
        assert finding.message
        assert finding.fix
        assert finding.rule.partition("/")[2] != "failed" or finding.severity is Severity.DENY
    done = report(found, ALLOWED)
    assert type(done).model_validate_json(done.model_dump_json()) == done
