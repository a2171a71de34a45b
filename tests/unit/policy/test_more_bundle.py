"""What a bundle offers beside answers: what must not be read, who is who, and each fact of a condition by itself."""

from datetime import UTC, datetime

import pytest

from deputy.domain.changes.folding import fold
from deputy.domain.errors import NotFound
from deputy.domain.policy.approval_requirements import merge_requirements, requirements_text
from deputy.domain.policy.conditions import ConditionResult, Truth
from deputy.domain.policy.config import Condition, Counter, CounterOf, CounterPer
from deputy.domain.policy.decision import Action, ApprovalRequirement, Effect
from deputy.domain.policy.facts import Facts, FileSize
from deputy.domain.tasks.request import TaskKind
from deputy.policy import EVERYWHERE, Bundle, digest_of, load, parse_repo_policy
from deputy.policy.conditions.conditions import applies, judge, looks_at_the_patch, says_something
from deputy.policy.conditions.counting import EvaluationContext
from deputy.policy.core.index import PathIndex
from deputy.policy.core.rules import Rule, patterns
from deputy.policy.files.model import MODEL
from deputy.policy.files.requirements import parse_requirements

ALICE, SAM, CORA = "user:T0ACME/U0ALICE", "user:T0ACME/U0SAM", "user:T0ACME/U0CORA"
REPOS = """\
[repo."acme/shop"]
url = "shop.git"
aliases = ["shop", "Store"]
hidden = ["keys/**"]
[repo."acme/site"]
url = "site.git"
hidden = ["site-keys/**"]
"""
CONDITIONS = '[condition.nights]\nhours = "18:00-08:00"\n[condition.fun]\nchannels = ["C0FUN"]\n'
RULES = """\
p, a-edit, role:engineer, acme/*, edit, **, allow, -
p, a-read, role:engineer, acme/*, read, **, allow, -
p, d-pay, role:engineer, acme/*, read, Payroll/**, deny, -
p, r-law, role:engineer, acme/shop, read, legal/**, review, role:senior=1
p, d-dark, role:engineer, acme/shop, read, dark/**, deny, -, nights
p, d-same, role:engineer, acme/shop, read, legal/**, deny, -, not:nights
p, d-site, role:engineer, acme/site, read, drafts/**, deny, -
p, d-edit, role:engineer, acme/shop, edit, infra/**, deny, -
p, d-cora, user:T0ACME/U0CORA, acme/shop, read, sealed/**, deny, -
g, user:T0ACME/U0ALICE, role:engineer, acme/*
g, user:T0ACME/U0SAM, role:senior, acme/shop
"""
NOON = Facts(at=datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
NIGHT = Facts(at=datetime(2026, 11, 20, 23, 0, tzinfo=UTC))


def bundle_of(rules: str = RULES, **others: str) -> Bundle:
    texts = {"model.conf": MODEL, "policy.csv": rules, "repos.toml": REPOS, "conditions.toml": CONDITIONS}
    return load({name: text.encode() for name, text in {**texts, **others}.items()})


# ---- what must not be read -----------------------------------------------------------------------------------------


def test_what_a_denied_or_reviewed_reading_is_about_must_not_be_read() -> None:
    bundle = bundle_of()
    assert bundle.unreadable(ALICE, "acme/shop", NOON) == ("Payroll/**", "payroll/**", "legal/**")
    assert bundle.unreadable(ALICE, "acme/shop", NIGHT) == ("Payroll/**", "payroll/**", "legal/**", "dark/**")
    assert bundle.unreadable(ALICE, "acme/site", NOON) == ("Payroll/**", "payroll/**", "drafts/**")
    assert bundle.unreadable(CORA, "acme/shop", NOON) == ("sealed/**",)
    assert bundle.unreadable(SAM, "acme/shop", NOON) == ()


def test_what_is_not_known_keeps_from_reading_unless_it_is_early() -> None:
    bundle = bundle_of()
    assert "dark/**" in bundle.unreadable(ALICE, "acme/shop")
    assert "dark/**" not in bundle.unreadable(ALICE, "acme/shop", Facts(is_early=True))


def test_a_repository_keeps_its_own_from_being_read() -> None:
    own = parse_repo_policy(b'[[rule]]\npaths = ["Mine/**"]\naction = "read"\neffect = "deny"\n')
    tightened = bundle_of().with_own(own, "shop")
    assert tightened.unreadable(SAM, "acme/shop", NOON) == ("Mine/**", "mine/**")
    assert tightened.unreadable(SAM, "acme/site", NOON) == ()


def test_a_repositorys_own_policy_is_about_that_one_only() -> None:
    own = parse_repo_policy(
        b'hidden = ["mine/**"]\n[[rule]]\npaths = ["x"]\neffect = "deny"\n[gate.size]\nat_least = "deny"\n'
        b"[limits]\nagent_turns = 3\n"
    )
    before = bundle_of()
    after = before.with_own(own, "acme/shop")
    assert [repo.hidden for repo in after.repos] == [("keys/**", "mine/**"), ("site-keys/**",)]
    assert after.gates["size"].at_least == "deny"
    assert (after.limits.agent_turns, after.limits_for("recipe").agent_turns) == (3, 3)
    assert [rule.id for rule in after.own] == ["own-1"]
    assert [rule.id for rule in after.rules_for(SAM, "acme/shop", Action.EDIT)] == ["own-1"]
    assert after.rules_for(SAM, "acme/site", Action.EDIT) == after.rules_for(SAM, "acme/shop", Action.READ) == ()
    assert (before.own, before.digest) == ((), after.digest)


# ---- names ---------------------------------------------------------------------------------------------------------


def test_a_name_that_nobody_has_says_which_there_are() -> None:
    bundle = bundle_of()
    assert bundle.repo("STORE").name == bundle.repo("ACME/Shop").name == "acme/shop"
    with pytest.raises(NotFound) as missing:
        bundle.repo("stor")
    assert str(missing.value) == (
        "No repository 'stor': policies/repos.toml knows acme/shop, acme/site. Name one of these."
    )
    with pytest.raises(NotFound) as missing:
        bundle.limits_for("huge")
    assert str(missing.value) == (
        "No budget class 'huge': policies/limits.toml knows standard, recipe. Name one of these."
    )


def test_no_two_bundles_have_the_same_digest() -> None:
    several = [
        {},
        {"a": b""},
        {"b": b""},
        {"a": b"b"},
        {"ab": b""},
        {"a": b"", "b": b""},
        {"a": b"1:0\nb"},
        {"a": b"x", "b": b"y"},
        {"a": b"y", "b": b"x"},
    ]
    assert len({digest_of(files) for files in several}) == len(several)
    assert digest_of({"a": b"x", "b": b"y"}) == digest_of({"b": b"y", "a": b"x"})
    # Audit trails name bundles by it: what it is of must not change.
    assert digest_of({"a": b"x"}) == "42e0714a0042b585a2deef2b74397ac920f254619c47ad307188800e74777fcd"


def test_the_engine_knows_people_roles_and_repositories() -> None:
    engine = bundle_of().engine
    assert engine.people == (ALICE, CORA, SAM)
    assert [engine.knows(repo) for repo in ("acme/shop", EVERYWHERE, "acme/none", "")] == [True, True, False, False]
    assert engine.holders("role:engineer", "acme/site") == (ALICE,)
    assert engine.holders("role:senior", "acme/site") == ()
    assert engine.roles(ALICE, "acme/none") == engine.roles("role:engineer", "acme/shop") == frozenset()
    assert [rule.id for rule in engine.rules_of_anyone("acme/site", Action.READ)] == ["a-read", "d-pay", "d-site"]
    assert [rule.id for rule in engine.rules_for(CORA, "acme/shop", Action.READ)] == ["d-cora"]
    assert [rule.id for rule in engine.rules_for(ALICE, "acme/site", Action.READ)] == ["a-read", "d-pay", "d-site"]
    assert engine.rules_for("role:engineer", "acme/shop", Action.READ) == ()
    assert engine.rules_for(ALICE, "acme/none", Action.READ) == ()


@pytest.mark.parametrize(
    ("path", "facts", "allowed"),
    [
        ("a.py", NOON, True),
        ("Payroll/x", NOON, False),
        ("payroll/x", NOON, False),
        ("PAYROLL/x", NOON, False),
        ("../a", NOON, False),
        ("dark/x", NOON, True),
        ("dark/x", NIGHT, False),
        ("dark/x", Facts(), False),
        ("dark/x", Facts(is_early=True), True),
    ],
)
def test_casbin_itself_answers_the_same(path: str, facts: Facts, allowed: bool) -> None:
    bundle = bundle_of(RULES.replace("p, r-law", "# p, r-law"))
    assert bundle.engine.enforce(ALICE, "acme/shop", Action.READ, path, facts) is allowed
    answer = bundle.decide(ALICE, "acme/shop", Action.READ, (path,), facts)
    assert (answer.effect is Effect.ALLOW) is allowed


# ---- which rules speak of a path -----------------------------------------------------------------------------------

GLOBS = ("**", "*y", "**/*y", "*.py", "**/x.", "x. ", "*. ", "a/a", "A/**", "b/*/c", "?.md", "*\u017f", "**/*.PY")
PATHS = ("y", "a/y", "a.py", "x.", "x", "x. ", "a/a", "A/b", "b/q/c", "z.md", "as", "a\u017f", "a/b.PY", "a", "q")


def rule_of(line: int, glob: str, effect: Effect = Effect.DENY) -> Rule:
    exact, folded = patterns(glob, effect)
    return Rule(f"r{line}", line, (), "role:e", "**", Action.EDIT, glob, effect, (), exact, folded)


@pytest.mark.parametrize("effect", [Effect.DENY, Effect.ALLOW])
@pytest.mark.parametrize("path", PATHS)
def test_the_index_finds_what_trying_all_would_find_in_file_order(path: str, effect: Effect) -> None:
    rules = [rule_of(line, glob, effect) for line, glob in enumerate(GLOBS, start=1)]
    for order in (rules, rules[::-1]):
        found = PathIndex(order).matching(path)
        assert [rule.line for rule in found] == [rule.line for rule in rules if rule.matches(path, fold(path))]


def test_two_rules_are_told_in_file_order_wherever_they_are_filed() -> None:
    first, second = rule_of(1, "src/a.py"), rule_of(2, "**")
    assert PathIndex([first, second]).matching("src/a.py") == (first, second)
    assert PathIndex([second, first]).matching("src/a.py") == (first, second)


def test_a_rule_is_found_once_where_a_name_is_shorter_than_an_end() -> None:
    short, long = rule_of(1, "*y"), rule_of(2, "*.py")
    assert PathIndex([short, long]).matching("y") == (short,)
    assert PathIndex([short, long]).matching("a.py") == (short, long)


# ---- conditions ----------------------------------------------------------------------------------------------------

COUNTER = Counter(of=CounterOf.TASKS, per=CounterPer.PERSON, days=1, over=0)


def judged(condition: Condition, when: str = "c", **facts: object) -> ConditionResult:
    return judge(when, condition, EvaluationContext(ALICE, "acme/shop", Facts.model_validate(facts)))


@pytest.mark.parametrize(
    ("condition", "facts", "holding", "clause"),
    [
        ({"kinds": ("docs",)}, {"kind": "docs"}, "holds", "the kind of work is docs"),
        ({"kinds": ("docs",)}, {"kind": "fix"}, "fails", "the kind of work is fix"),
        ({"kinds": ("docs",)}, {}, "unknown", "the kind of work is not known"),
        ({"channels": ("C0A",)}, {"channel": "C0A"}, "holds", "the channel is C0A"),
        ({"channels": ("C0A",)}, {"channel": "C0B"}, "fails", "the channel is C0B"),
        ({"channels": ("C0A",)}, {}, "unknown", "the channel is not known"),
        ({"budgets": ("large",)}, {"budget": "large"}, "holds", "the budget is large"),
        ({"budgets": ("large",)}, {"budget": "small"}, "fails", "the budget is small"),
        ({"budgets": ("large",)}, {}, "unknown", "the budget is not known"),
        ({"hours": "18:00-08:00"}, {"at": "2026-11-20T23:00:00Z"}, "holds", "it is 2026-11-20 23:00 UTC"),
        ({"hours": "18:00-08:00"}, {"at": "2026-11-20T12:00:00Z"}, "fails", "it is 2026-11-20 12:00 UTC"),
        ({"hours": "18:00-08:00"}, {}, "unknown", "the time is not known"),
        ({"files_over": 1}, {"patch": ("a", "b")}, "holds", "files changed by the patch: 2, more than 1"),
        ({"files_over": 2}, {"patch": ("a", "b")}, "fails", "files changed by the patch: 2, not more than 2"),
        ({"files_over": 0}, {"patch": ()}, "fails", "files changed by the patch: 0, not more than 0"),
        ({"files_over": 1}, {}, "unknown", "files changed by the patch: not known"),
        ({"lines_over": 9}, {"patch": ("a",)}, "holds", "lines changed by the patch: 10, more than 9"),
        ({"lines_over": 10}, {"patch": ("a",)}, "fails", "lines changed by the patch: 10, not more than 10"),
        ({"counter": COUNTER}, {}, "holds", "tasks by U0ALICE in 1 day: at least 1, more than 0"),
        (
            {"counter": COUNTER.model_copy(update={"over": 1})},
            {},
            "unknown",
            "tasks by U0ALICE in 1 day: not known, at least 1",
        ),
    ],
)
def test_each_fact_holds_fails_or_is_not_known(
    condition: dict[str, object], facts: dict[str, object], holding: str, clause: str
) -> None:
    if "patch" in facts:
        paths = facts["patch"]
        assert isinstance(paths, tuple)
        facts = {**facts, "patch": tuple(FileSize(path=path, lines=10) for path in paths)}
    held = judged(Condition.model_validate({"name": "c", **condition}), **facts)
    assert (held.holding, held.facts) == (holding, (clause,))
    assert held.is_time is ("hours" in condition)


@pytest.mark.parametrize(
    ("per", "of", "paths", "days", "clause"),
    [
        ("person", "lines", ("a/**", "b"), 0.5, "lines changed in a/**, b by U0ALICE in 0.5 days"),
        ("repo", "files", (), 7, "files changed in acme/shop in 7 days"),
        ("person-and-repo", "tasks", (), 1, "tasks by U0ALICE in acme/shop in 1 day"),
        ("everybody", "tasks", ("a",), 2, "tasks in a by everybody in 2 days"),
    ],
)
def test_a_counter_says_what_it_counts(per: str, of: str, paths: tuple[str, ...], days: float, clause: str) -> None:
    counter = Counter(of=CounterOf(of), per=CounterPer(per), days=days, over=3, paths=paths)
    (said,) = judged(Condition(name="c", counter=counter), patch=(), earlier=(), at=NOON.at).facts
    assert said.partition(":")[0] == clause


@pytest.mark.parametrize(
    ("condition", "when", "phrase"),
    [
        (Condition(name="c", title="Night hours", hours="18:00-08:00"), "c", "during Night hours"),
        (Condition(name="c", title="Night hours", hours="18:00-08:00"), "not:c", "outside Night hours"),
        (Condition(name="c", channels=("C0A",)), "c", "under c"),
        (Condition(name="c", channels=("C0A",)), "not:c", "unless under c"),
        (Condition(name="c", hours="18:00-08:00", channels=("C0A",)), "c", "under c"),
    ],
)
def test_a_condition_is_named_within_a_sentence(condition: Condition, when: str, phrase: str) -> None:
    held = judged(condition, when)
    assert (held.phrase, held.when, held.holding) == (phrase, when, Truth.UNKNOWN)


def test_not_turns_what_is_known_around() -> None:
    night = Condition(name="c", hours="18:00-08:00", kinds=(TaskKind.DOCS,))
    known = judged(night, "not:c", at=NOON.at)
    assert (known.holding, known.facts) == (Truth.HOLDS, ("it is 2026-11-20 12:00 UTC",))
    assert judged(night, "not:c", at=NIGHT.at).facts == ("the kind of work is not known",)
    assert judged(night, "not:c", at=NIGHT.at, kind="docs").holding is Truth.FAILS


def test_a_condition_that_nobody_defined_is_not_known() -> None:
    held = judge("gone", None, EvaluationContext(ALICE, "acme/shop", NOON))
    assert (held.phrase, held.holding) == ("under gone", Truth.UNKNOWN)
    assert (held.facts, held.is_time) == (("there is no such condition",), False)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("is_early", [False, True])
def test_what_is_not_known_is_held_against_who_asks_unless_it_is_early(effect: Effect, is_early: bool) -> None:
    asked = EvaluationContext(ALICE, "acme/shop", Facts(is_early=is_early))
    held = ConditionResult(when="c", phrase="under c", holding=Truth.UNKNOWN)
    assert applies(held, effect, asked) is ((effect is Effect.ALLOW) is is_early)
    assert applies(held.model_copy(update={"holding": Truth.HOLDS}), effect, asked)
    assert not applies(held.model_copy(update={"holding": Truth.FAILS}), effect, asked)


@pytest.mark.parametrize(
    ("condition", "says", "patch"),
    [
        ({}, False, False),
        ({"kinds": ("docs",)}, True, False),
        ({"channels": ("C0A",)}, True, False),
        ({"budgets": ("large",)}, True, False),
        ({"starts": "2026-12-18 18:00"}, True, False),
        ({"ends": "2026-12-18 18:00"}, True, False),
        ({"days": ("mon",)}, True, False),
        ({"files_over": 0}, True, True),
        ({"lines_over": 0}, True, True),
        ({"counter": COUNTER}, True, False),
        ({"counter": COUNTER.model_copy(update={"paths": ("a",)})}, True, True),
        ({"counter": COUNTER.model_copy(update={"of": CounterOf.FILES})}, True, True),
    ],
)
def test_what_a_condition_looks_at(condition: dict[str, object], says: bool, patch: bool) -> None:
    found = Condition.model_validate({"name": "c", **condition})
    assert (says_something(found), looks_at_the_patch(found)) == (says, patch)


# ---- needs ---------------------------------------------------------------------------------------------------------


def test_needs_are_read_merged_and_said() -> None:
    senior, legal = ApprovalRequirement(role="role:senior", count=20), ApprovalRequirement(role="role:legal", count=2)
    assert parse_requirements(" role:senior = 20 ; role:legal=2 ") == (legal, senior)
    assert merge_requirements(
        (ApprovalRequirement(role="role:legal", count=2), senior, ApprovalRequirement(role="role:legal"))
    ) == (legal, senior)
    assert requirements_text((legal, senior)) == "2 legal and 20 senior"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("role:a=21", "need 'role:a=21' asks for 21 people: a whole number from 1 to 20 is meant"),
        ("role:a=0", "need 'role:a=0' asks for 0 people: a whole number from 1 to 20 is meant"),
        ("role:a=", "need 'role:a=' asks for no people: a whole number from 1 to 20 is meant"),
        ("role:a=01", "need 'role:a=01' asks for 01 people: a whole number from 1 to 20 is meant"),
        ("role:a", "need 'role:a' is not of the form role:name=count"),
        ("-", "need '-' is not of the form role:name=count"),
        ("user:T1/U1=1", "need 'user:T1/U1=1' is not of the form role:name=count"),
        ("role:a=1;role:b=1;role:a=2", "need names role:a twice"),
    ],
)
def test_what_is_no_need_says_so(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        parse_requirements(text)
    assert str(refused.value) == message
