"""A repository's own policy can only tighten: its grammar has no words to permit, and the law says what comes of it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.config import GateLevel, Limits
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect, Severity
from deputy.domain.review.gates import GateName
from deputy.gates.framework.verdict import DEFAULT_REQUIREMENTS
from deputy.policy import Bundle, explain, load
from deputy.policy.files.model import MODEL
from deputy.policy.repo_policy import GATE_DEFAULT, REPO_POLICY_FILE, parse_repo_policy
from tests.support.examples import examples

ALICE, SAM = "user:T0ACME/U0ALICE", "user:T0ACME/U0SAM"
RULES = """\
p, a-edit, role:engineer, acme/*, edit, **, allow, -
p, a-ask, role:engineer, acme/*, request, **, allow, -
p, a-run, role:engineer, acme/*, run, **, allow, -
p, r-bill, role:engineer, acme/*, edit, **/billing/**, review, role:senior=2
p, d-env, role:engineer, **, edit, **/.env*, deny, -
g, user:T0ACME/U0ALICE, role:engineer, acme/*
g, user:T0ACME/U0SAM, role:senior, acme/*
g, user:T0ACME/U0BOB, role:senior, acme/*
"""
REPOS = """\
[repo."acme/shop"]
url = "shop.git"
hidden = ["secrets/**"]
[repo."acme/site"]
url = "site.git"
"""
GATES = '[gate.size]\nlevel = "review"\nneed = "role:senior=1"\n[gate.suppressions]\nlevel = "advise"\n'
LIMITS = "[limits]\nagent_turns = 20\n[budget.large]\nagent_turns = 90\n"
OWN = """\
hidden = ["private/**"]

[[rule]]
paths = ["migrations/**", "schema.sql"]
effect = "review"
need = "role:dba=1"
why = "the database is shared"

[[rule]]
paths = ["legal/**"]
effect = "deny"

[gate.suppressions]
at_least = "review"
need = "role:dba=1"

[limits]
agent_turns = 10
run_seconds = 1_000_000
"""


def bundle_of(rules: str = RULES, gates: str = GATES) -> Bundle:
    files = {"model.conf": MODEL, "policy.csv": rules, "repos.toml": REPOS, "gates.toml": gates, "limits.toml": LIMITS}
    return load({name: text.encode() for name, text in files.items()})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundle_of()


@pytest.fixture(scope="module")
def tightened(bundle: Bundle) -> Bundle:
    return bundle.with_own(parse_repo_policy(OWN.encode()), "acme/shop")


# ---- what it does --------------------------------------------------------------------------------------------------


def test_it_adds_reviews_and_denials_for_everybody(tightened: Bundle) -> None:
    review = tightened.decide(ALICE, "acme/shop", Action.EDIT, ["migrations/0001.sql"])
    assert (review.effect, review.needs) == (Effect.REVIEW, (ApprovalRequirement(role="role:dba"),))
    assert tightened.decide(ALICE, "acme/shop", Action.EDIT, ["Legal/terms.md"]).effect is Effect.DENY
    both = tightened.decide(ALICE, "acme/shop", Action.EDIT, ["migrations/a", "billing/a"])
    assert both.needs == (ApprovalRequirement(role="role:dba"), ApprovalRequirement(role="role:senior", count=2))


def test_another_repository_is_not_touched(bundle: Bundle, tightened: Bundle) -> None:
    assert tightened.decide(ALICE, "acme/site", Action.EDIT, ["legal/terms.md"]).effect is Effect.ALLOW
    assert tightened.repo("acme/site") == bundle.repo("acme/site")


def test_its_reviews_allow_nothing_by_themselves(tightened: Bundle) -> None:
    assert tightened.decide("user:T0ACME/U0GUS", "acme/shop", Action.EDIT, ["schema.sql"]).effect is Effect.DENY


def test_answers_name_its_file_and_line(tightened: Bundle) -> None:
    decision = tightened.decide(ALICE, "acme/shop", Action.EDIT, ["schema.sql"])
    rule = next(rule for rule in decision.rules if rule.id == "own-2")
    assert (rule.file, rule.line) == (REPO_POLICY_FILE, 3)
    assert f"{REPO_POLICY_FILE}:3  review edit schema.sql, need 1 dba (the database is shared)" in explain(decision)
    denied = tightened.decide(ALICE, "acme/shop", Action.EDIT, ["legal/a"])
    assert "rule own-3 denies edit of legal/a" in denied.reason
    assert f"{REPO_POLICY_FILE}:9" in explain(denied)


def test_offers_know_its_rules(tightened: Bundle) -> None:
    assert "legal/**" in tightened.decide(ALICE, "acme/shop", Action.EDIT, ["legal/a"]).counter_offer


def test_hidden_gates_and_limits_are_tightened(bundle: Bundle, tightened: Bundle) -> None:
    assert tightened.repo("acme/shop").hidden == ("secrets/**", "private/**")
    gate = tightened.gates["suppressions"]
    assert (gate.level, gate.at_least) == (Severity.REVIEW, Severity.REVIEW)
    assert gate.needs == (ApprovalRequirement(role="role:dba"), ApprovalRequirement(role="role:senior"))
    assert tightened.limits.agent_turns == 10
    assert tightened.limits.run_seconds == bundle.limits.run_seconds
    assert tightened.limits_for("large").agent_turns == 10
    assert bundle.limits_for("large").agent_turns == 90
    assert tightened.digest == bundle.digest


def test_naming_reviewers_never_drops_those_who_are_asked_by_default(bundle: Bundle) -> None:
    own = parse_repo_policy(b'[gate.binary]\nat_least = "review"\nneed = "role:intern=1"\n')
    assert "binary" not in bundle.gates
    assert GATE_DEFAULT == DEFAULT_REQUIREMENTS
    assert {*DEFAULT_REQUIREMENTS} < {*bundle.with_own(own, "acme/shop").gates["binary"].needs}


def test_a_rule_on_an_action_without_files_needs_no_paths(bundle: Bundle) -> None:
    own = parse_repo_policy(b'[[rule]]\naction = "run"\neffect = "deny"\nwhy = "frozen"\n')
    assert bundle.with_own(own, "acme/shop").decide(ALICE, "acme/shop", Action.RUN).effect is Effect.DENY


def test_an_empty_file_changes_nothing(bundle: Bundle) -> None:
    assert bundle.with_own(parse_repo_policy(b""), "acme/shop") == bundle


# ---- what it refuses -----------------------------------------------------------------------------------------------

REVIEW = '[[rule]]\npaths = ["a"]\neffect = "review"\n'


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('[[rule]]\npaths = ["a"]\neffect = "allow"\n', ":3", "can't allow anything: write review or deny"),
        ('[[rule]]\npaths = ["a"]\neffect = "Deny"\n', ":3", "can't allow anything"),
        ('[[rule]]\npaths = ["a"]\n\n[[rule]]\neffect = "deny"\n', ":1", "rule.1.effect: field required"),
        (REVIEW, ":1", "a review needs who must agree"),
        (REVIEW + 'need = "senior"\n', ":4", "not of the form"),
        (REVIEW + "need = 1\n", ":4", "write the need as text"),
        ('[[rule]]\npaths = ["a"]\neffect = "deny"\nneed = "role:a=1"\n', ":1", "only a review has a need"),
        ('[[rule]]\neffect = "deny"\n', ":1", "paths is missing"),
        ('[[rule]]\naction = "run"\neffect = "review"\nneed = "role:a=1"\n', ":1", "run comes before there is a patch"),
        ('[[rule]]\naction = "approve"\neffect = "deny"\n', ":1", "approve is not asked about"),
        ('[[rule]]\naction = "run"\npaths = ["src/**"]\neffect = "deny"\n', ":1", "run is asked about no file"),
        ('[[rule]]\npaths = ["/etc"]\neffect = "deny"\n', ":2", "glob '/etc'"),
        ('[[rule]]\npaths = ["*a*a*a*a*a*a*a*a*"]\neffect = "deny"\n', ":2", "more than 4 stars"),
        ('[[rule]]\npaths = ["a"]\neffect = "deny"\nsubject = "role:x"\n', ":4", "no such key"),
        ('allow = ["**"]\n', ":1", "allow: no such key"),
        ("visible = true\n", ":1", "visible: no such key"),
        ('hidden = "a"\n', ":1", "hidden: input should be a valid"),
        ('hidden = ["!secrets"]\n', ":1", "uses '!'"),
        ('[gate.secrets]\nlevel = "advise"\n', ":2", "gate.secrets.level: no such key"),
        ('[gate.secrets]\nat_least = "advise"\n', ":2", "input should be 'review' or 'deny'"),
        ('[gate.sercets]\nat_least = "deny"\n', ":1", "gate.sercets"),
        ("[limits]\nagent_turns = 0\n", ":2", "greater than or equal to 1"),
        ("[limits]\nagent_cost = inf\n", "", "monstrous number"),
        ("[limits]\nhold_seconds = 1\n", ":2", "no such key"),
        ("[repo.x]\nchecks = []\n", ":1", "repo: no such key"),
        ("rule = [\n", ":2", "this is not TOML"),
        ("x = " + "[" * 5000, "", "can't be used"),
        ("x = " + "9" * 5000, "", "monstrous number"),
        ("at = 2026-01-01\n", "", "a date"),
        ("#" * 70_000, "", "more than 65,536 bytes"),
        ("[[rule]]\n" * 60, "", "rule"),
    ],
)
def test_what_it_may_not_say_is_refused_with_its_line(text: str, place: str, message: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        parse_repo_policy(text.encode())
    assert f"{REPO_POLICY_FILE}{place}" in str(refused.value)
    assert message in str(refused.value)
    assert refused.value.todo


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadPolicy, match="UTF-8"):
        parse_repo_policy(b"\xff\xfe")


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=300) | st.text("[]{}=\"'\n rule.gate#,aé", max_size=300).map(str.encode))
def test_reading_ends_in_a_policy_or_in_one_sentence(content: bytes) -> None:
    with suppress(BadPolicy):
        assert parse_repo_policy(content).limits is not None


# ---- the law -------------------------------------------------------------------------------------------------------

_WORST = (Effect.ALLOW, Effect.REVIEW, Effect.DENY)
_HARDER = (Severity.ADVISE, Severity.REVIEW, Severity.DENY)
GLOBS = st.lists(st.sampled_from(["**", "*", "a", "b", "billing", ".env", "*.py"]), min_size=1, max_size=3).map(
    "/".join
)
PATHS = st.lists(st.sampled_from(["a", "b", "billing", "A", ".env", "x.py"]), min_size=1, max_size=3).map("/".join)
NEEDS = st.sampled_from(["role:senior=1", "role:senior=3", "role:dba=1;role:senior=1"])
EFFECTS = st.one_of(st.just('effect = "deny"'), NEEDS.map(lambda need: f'effect = "review"\nneed = "{need}"'))
FILE_RULES = st.tuples(GLOBS, EFFECTS).map(lambda pair: f'[[rule]]\npaths = ["{pair[0]}"]\n{pair[1]}\n')
EARLY = st.tuples(st.sampled_from(["request", "run"]), st.just('effect = "deny"'))
LATE = st.tuples(st.sampled_from(["deliver", "change-ci", "add-dependency"]), EFFECTS)
OTHER_RULES = (EARLY | LATE).map(lambda pair: f'[[rule]]\naction = "{pair[0]}"\n{pair[1]}\n')
FLOORS = st.dictionaries(
    st.sampled_from(["size", "suppressions", "binary"]), st.sampled_from(["review", "deny"])
).flatmap(
    lambda floors: NEEDS.map(
        lambda need: "".join(
            f'[gate.{name}]\nat_least = "{floor}"\nneed = "{need}"\n' for name, floor in floors.items()
        )
    )
)
LOWER = st.dictionaries(st.sampled_from(["agent_turns", "run_seconds", "sandbox_memory"]), st.integers(1, 10**10)).map(
    lambda bounds: "".join(["[limits]\n", *(f"{name} = {value}\n" for name, value in bounds.items())])
)
OWNS = st.tuples(
    st.lists(GLOBS, max_size=2).map(lambda globs: f"hidden = {[*globs]!r}\n".replace("'", '"')),
    st.lists(FILE_RULES | OTHER_RULES, max_size=4).map("".join),
    FLOORS,
    LOWER,
).map("".join)
GATE_LEVELS = st.sampled_from(
    ["", GATES, '[gate.binary]\nlevel = "deny"\nat_least = "review"\nneed = "role:legal=1"\n']
)
RULE_SETS = st.lists(
    st.tuples(GLOBS, st.sampled_from(["allow, -", "deny, -", "review, role:senior=2", "review, role:legal=1"])),
    max_size=3,
).map(
    lambda rules: RULES + "".join(f"p, x{n}, role:engineer, acme/*, edit, {a}, {b}\n" for n, (a, b) in enumerate(rules))
)


def effective_needs(level: GateLevel | None) -> set[tuple[str, int]]:
    """Whom a gate asks, as ``gates.inspection`` reads its level."""
    needs = (level.needs if level else ()) or DEFAULT_REQUIREMENTS
    return {(need.role, count) for need in needs for count in range(1, need.count + 1)}


def bounds(bundle: Bundle) -> list[Limits]:
    return [bundle.limits, *(bundle.limits_for(name) for name in sorted(bundle.budgets))]


@settings(max_examples=examples(400), deadline=None)
@given(RULE_SETS, GATE_LEVELS, OWNS, st.lists(PATHS, min_size=1, max_size=5), st.sampled_from(Action))
def test_the_tightened_bundle_is_never_wider(
    rules: str, gates: str, text: str, paths: list[str], action: Action
) -> None:
    before = bundle_of(rules, gates)
    after = before.with_own(parse_repo_policy(text.encode()), "acme/shop")
    for who in (ALICE, SAM, "user:T9/U9"):
        for repo in ("acme/shop", "acme/site"):
            old, new = before.decide(who, repo, action, paths), after.decide(who, repo, action, paths)
            for was, now in zip((old, *old.paths), (new, *new.paths), strict=True):
                assert _WORST.index(now.effect) >= _WORST.index(was.effect)
            counts = {need.role: need.count for need in new.needs}
            assert new.effect is Effect.DENY or all(counts.get(n.role, 0) >= n.count for n in old.needs)
            assert repo == "acme/shop" or (old.effect, old.needs) == (new.effect, new.needs)
    for repo in ("acme/shop", "acme/site"):
        assert {*before.repo(repo).hidden} <= {*after.repo(repo).hidden}
        assert before.repo(repo).checks == after.repo(repo).checks
    for name in GateName:
        was_level, now_level = before.gates.get(name), after.gates.get(name)
        assert effective_needs(was_level) <= effective_needs(now_level)
        for attribute in ("level", "at_least"):
            fallback = Severity.DENY if attribute == "level" else Severity.ADVISE
            old_level, new_level = (getattr(level, attribute, fallback) for level in (was_level, now_level))
            assert _HARDER.index(new_level) >= _HARDER.index(old_level)
    for one, other in zip(bounds(before), bounds(after), strict=True):
        # None is no bound at all.
        limits = ((getattr(one, field), getattr(other, field)) for field in Limits.model_fields)
        assert all(was is None or (now is not None and now <= was) for was, now in limits)
    assert before.budgets.keys() == after.budgets.keys()


def test_two_versions_of_the_file_add_up(tightened: Bundle) -> None:
    twice = tightened.with_own(parse_repo_policy(b'[[rule]]\npaths = ["docs/**"]\neffect = "deny"\n'), "acme/shop")
    decision = twice.decide(ALICE, "acme/shop", Action.EDIT, ["docs/a", "legal/a"])
    assert [rule.id for rule in decision.rules] == ["own-4", "own-3"]
