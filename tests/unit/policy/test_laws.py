"""Laws of policy, held against Casbin's own slow answer and against a slow matcher, on random small bundles."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.changes.folding import fold
from deputy.domain.policy.decision import Action, Decision, Effect
from deputy.policy.core.csv_rules import Lines, read_lines
from deputy.policy.core.deciding import Question, answer, plain
from deputy.policy.core.engine import RuleEngine
from deputy.policy.core.index import PathIndex
from deputy.policy.core.rules import Rule, flaw
from tests.support.examples import examples

REPOS = ("acme/shop", "acme/pay-api", "beta/x")
USERS = ("user:T1/U1", "user:T1/U2")
ROLES = ("role:a", "role:b", "role:c")
SEGMENTS = st.sampled_from(
    ["a", "B", "b", "auth", "x.py", ".env", ".env.local", "Secrets", "secrets", "ﬁ.py", "a:b.py", "x.py::s", "b."]
)
PLAIN = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
PATHS = st.lists(SEGMENTS | st.just("a\\b.py"), min_size=1, max_size=4).map("/".join)
WILD = st.sampled_from(["*", "**", "?", "*.py", ".env*", "se*ts", "auth", "a", "secrets", "x.py", "ﬁ.py", "b"])
GLOBS = st.lists(WILD, min_size=1, max_size=4).map("/".join)
REPO_GLOBS = st.sampled_from(["**", "acme/*", "acme/shop", "acme/pay-*", "*/x", "*"])
EFFECTS = st.sampled_from(["allow, -", "allow, -", "deny, -", "review, role:a=1", "review, role:b=2;role:a=1"])
ACTIONS = st.sampled_from(["edit", "read"])
RULES = st.tuples(st.sampled_from(ROLES + USERS), REPO_GLOBS, ACTIONS, GLOBS, EFFECTS).map(", ".join)
# Roles only point forward, so that there are no circles.
GRANTS = st.one_of(
    st.tuples(st.sampled_from(USERS), st.sampled_from(ROLES), REPO_GLOBS),
    st.tuples(st.just("role:a"), st.sampled_from(ROLES[1:]), REPO_GLOBS),
    st.tuples(st.just("role:b"), st.just("role:c"), REPO_GLOBS),
).map(", ".join)


def lines_of(rules: list[str], grants: list[str]) -> Lines:
    text = "\n".join([*(f"p, r{n}, {rule}" for n, rule in enumerate(rules)), *(f"g, {grant}" for grant in grants)])
    lines = read_lines(text.encode())
    assert not lines.problems
    return lines


def engine_of(lines: Lines) -> RuleEngine:
    return RuleEngine(lines.rules, lines.grants, REPOS)


def ask(engine: RuleEngine, subject: str, repo: str, paths: tuple[str, ...]) -> Decision:
    return answer(Question(subject, repo, Action.EDIT, paths), engine.rules_for(subject, repo, Action.EDIT), "digest")


BUNDLES = st.tuples(st.lists(RULES, max_size=8), st.lists(GRANTS, max_size=6))


@settings(max_examples=examples(150), deadline=None)
@given(BUNDLES, st.sampled_from(USERS), st.sampled_from(REPOS), st.lists(PATHS, min_size=1, max_size=4))
def test_our_answer_is_casbins_answer(
    bundle: tuple[list[str], list[str]], subject: str, repo: str, paths: list[str]
) -> None:
    engine = engine_of(lines_of(*bundle))
    for path in ask(engine, subject, repo, tuple(paths)).paths:
        permitted = engine.enforce(subject, repo, Action.EDIT, path.path)
        assert permitted == (path.effect is not Effect.DENY)
        reviewing = any(rule.effect is Effect.REVIEW for rule in path.rules)
        assert (path.effect is Effect.REVIEW) == (permitted and reviewing)


_WORST = (Effect.ALLOW, Effect.REVIEW, Effect.DENY)


@settings(max_examples=examples(100), deadline=None)
@given(BUNDLES, st.sampled_from(ROLES + USERS), REPO_GLOBS, GLOBS, st.lists(PATHS, min_size=1, max_size=4))
def test_a_new_deny_never_widens(
    bundle: tuple[list[str], list[str]], who: str, where: str, glob: str, paths: list[str]
) -> None:
    rules, grants = bundle
    before = engine_of(lines_of(rules, grants))
    after = engine_of(lines_of([*rules, f"{who}, {where}, edit, {glob}, deny, -"], grants))
    for subject in USERS:
        for repo in REPOS:
            old, new = ask(before, subject, repo, tuple(paths)), ask(after, subject, repo, tuple(paths))
            for was, now in zip(old.paths, new.paths, strict=True):
                assert now.effect in {was.effect, Effect.DENY}
            assert _WORST.index(new.effect) >= _WORST.index(old.effect)


@settings(max_examples=examples(100), deadline=None)
@given(BUNDLES, st.randoms(use_true_random=False), st.lists(PATHS, min_size=1, max_size=4))
def test_order_never_matters(bundle: tuple[list[str], list[str]], random: object, paths: list[str]) -> None:
    rules, grants = [*map(str, bundle[0])], list(bundle[1])
    numbered = [f"p, r{n}, {rule}" for n, rule in enumerate(rules)]
    shuffled = [*numbered, *(f"g, {grant}" for grant in grants)]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = engine_of(lines_of(rules, grants))
    other = engine_of(read_lines("\n".join(shuffled).encode()))
    for subject in USERS:
        a, b = ask(one, subject, "acme/shop", tuple(paths)), ask(other, subject, "acme/shop", tuple(paths))
        assert (a.effect, a.needs) == (b.effect, b.needs)
        assert {rule.id for rule in a.rules} == {rule.id for rule in b.rules}


@settings(max_examples=examples(50), deadline=None)
@given(BUNDLES, st.sampled_from(["user:T1/U9", "user:T2/U1", "role:a", "", "*"]), st.lists(PATHS, max_size=3))
def test_a_stranger_gets_nothing(bundle: tuple[list[str], list[str]], subject: str, paths: list[str]) -> None:
    engine = engine_of(lines_of(*bundle))
    decision = ask(engine, subject, "acme/shop", tuple(paths))
    assert decision.effect is Effect.DENY
    assert decision.rules == ()
    assert engine.roles(subject, "acme/shop") == frozenset() or subject == "role:a"


# ---- matching ------------------------------------------------------------------------------------------------------


def slow_segment(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slow_segment(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and slow_segment(pattern[1:], text[1:])


def slow_match(pattern: list[str], path: list[str]) -> bool:
    """The definition, word by word, without expressions."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(slow_match(pattern[1:], path[n:]) for n in range(len(path) + 1))
    return bool(path) and slow_segment(pattern[0], path[0]) and slow_match(pattern[1:], path[1:])


def rule_of(glob: str, effect: str) -> Rule:
    return lines_of([f"role:a, **, edit, {glob}, {effect}"], []).rules[0]


@settings(max_examples=examples(300))
@given(GLOBS, PATHS)
def test_a_rule_matches_what_the_definition_says(glob: str, path: str) -> None:
    exact = slow_match(glob.split("/"), path.split("/"))
    folded = slow_match(fold(glob).split("/"), fold(path).split("/"))
    assert rule_of(glob, "allow, -").matches(path, fold(path)) == exact
    assert rule_of(glob, "deny, -").matches(path, fold(path)) == (exact or folded)


ODD = st.text(st.sampled_from("aA.ſK ß:\u00b4\u0301İ/ ﬁ℀\u200d"), min_size=1, max_size=8)


@settings(max_examples=examples(200))
@given(st.lists(st.tuples(st.one_of(GLOBS, PLAIN), EFFECTS), max_size=12), st.one_of(PATHS, ODD))
def test_the_index_misses_nothing(globs: list[tuple[str, str]], path: str) -> None:
    rules = lines_of([f"role:a, **, edit, {glob}, {effect}" for glob, effect in globs], []).rules
    expected = [rule.id for rule in rules if rule.matches(path, fold(path))]
    assert [rule.id for rule in PathIndex(rules).matching(path)] == expected


@pytest.mark.parametrize(
    ("glob", "path"),
    [("**/*.py", "a/x.py"), ("*.env", "x.env"), ("℀", "℀"), ("a?", "a1"), ("src/*/b*", "src/x/bc"), ("x.*", "x.py")],
)
def test_every_kind_of_glob_is_found_in_the_index(glob: str, path: str) -> None:
    rules = lines_of([f"role:a, **, edit, {glob}, {effect}" for effect in ("allow, -", "deny, -")], []).rules
    assert PathIndex(rules).matching(path) == rules
    assert PathIndex(rules).matching("other/path.txt") == ()


@given(st.text(max_size=12))
def test_any_text_is_answered_and_only_plain_paths_are_allowed(path: str) -> None:
    engine = engine_of(lines_of(["role:a, **, edit, **, allow, -"], ["user:T1/U1, role:a, **"]))
    decision = ask(engine, "user:T1/U1", "acme/shop", (path,))
    assert (decision.effect is Effect.ALLOW) == (flaw(plain(path)) is None and not path.startswith("/"))
    if decision.effect is Effect.ALLOW:
        assert not {"..", ""} & set(plain(path).split("/"))
