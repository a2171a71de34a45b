"""A repository's own policy: every refusal word for word, and each bound where it begins to bind."""

import pytest

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.config import Budget, GateLevel, Limits, RepoConfig
from deputy.domain.policy.decision import ApprovalRequirement, Severity
from deputy.policy.repo_policy import (
    REPO_POLICY_FILE,
    parse_repo_policy,
    repo_budget,
    repo_gates,
    repo_limits,
    repo_rules,
    tightened_repo,
)

HEAD = 'hidden = ["a"]\n\n[[rule]]\npaths = ["a"]\neffect = "deny"\n\n'  # six lines
RULE = '[[rule]]\npaths = ["b"]\n'
LOOK = "see docs/policy-tools.md for what it may hold"
KEYS = "a repository's own policy has rule, hidden, gate and limits, and can only tighten"
FORM = "'role:senior=1;role:billing-owner=1'"
NO_ALLOW = "a repository's own policy can't allow anything: write review or deny"


@pytest.mark.parametrize(
    ("text", "line", "why", "todo"),
    [
        (RULE, 7, "rule.2.effect: field required", "add it"),
        (RULE + 'effect = "allow"\n', 9, "rule.2.effect: input should be 'review' or 'deny'", NO_ALLOW),
        ('[[rule]]\neffect = "deny"\n', 7, 'rule.2: paths is missing: write paths = ["billing/**"]', LOOK),
        (RULE + 'effect = "deny"\nwho = "x"\n', 10, "rule.2.who: no such key", KEYS),
        ('[[rule]]\nact = "b"\n', 8, "rule.2.act: no such key", KEYS),
        (RULE + 'effect = "review"\n', 7, f"rule.2: a review needs who must agree: add need = {FORM}", LOOK),
        (RULE + 'effect = "review"\nneed = 1\n', 10, f"rule.2.need: write the need as text, such as {FORM}", LOOK),
        (
            RULE + 'effect = "review"\nneed = "x"\n',
            10,
            "rule.2.need: need 'x' is not of the form role:name=count",
            LOOK,
        ),
        (
            RULE + 'effect = "deny"\nneed = "role:a=1"\n',
            7,
            'rule.2: only a review has a need: remove it, or write effect = "review"',
            LOOK,
        ),
        (
            RULE + 'action = "run"\neffect = "deny"\n',
            7,
            "rule.2: run is asked about no file: remove paths",
            LOOK,
        ),
        (
            '[[rule]]\npaths = ["b", "/etc"]\neffect = "deny"\n',
            8,
            "rule.2.paths.2: glob '/etc' has an empty, '.' or '..' segment: write a path relative to the root",
            LOOK,
        ),
        (
            '[[rule]]\npaths = ["*a*b*c*d*"]\neffect = "deny"\n',
            8,
            "rule.2.paths.1: glob '*a*b*c*d*'… is too long or has more than 4 stars",
            LOOK,
        ),
        ('[gate.secrets]\nneed = "role:a=1"\n', 7, "gate.secrets.at_least: field required", "add it"),
        (
            '[gate.secrets]\nat_least = "advise"\n',
            8,
            "gate.secrets.at_least: input should be 'review' or 'deny'",
            LOOK,
        ),
        ("[limits]\nagent_turns = 0\n", 8, "limits.agent_turns: input should be greater than or equal to 1", LOOK),
        ("[limits]\nagent_turns = 1.5\n", 8, "limits.agent_turns: input should be a valid integer", LOOK),
        ("[limits]\nagent_cost = 0\n", 8, "limits.agent_cost: input should be greater than 0", LOOK),
        ("[limits]\nsandbox_cpus = 0.0\n", 8, "limits.sandbox_cpus: input should be greater than 0", LOOK),
        (
            "[limits]\nagent_retries_after_block = -1\n",
            8,
            "limits.agent_retries_after_block: input should be greater than or equal to 0",
            LOOK,
        ),
        (
            "at = 2026-01-01\n",
            0,
            "it holds a date, a monstrous number or a monstrous nesting",
            "write text, numbers and lists",
        ),
        (
            "[x\n",
            7,
            "this is not TOML: Expected ']' at the end of a table declaration (at line 7, column 3)",
            "correct the syntax",
        ),
    ],
)
def test_a_refusal_names_line_reason_and_remedy(text: str, line: int, why: str, todo: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        parse_repo_policy((HEAD + text).encode())
    place = f"{REPO_POLICY_FILE}:{line}" if line else REPO_POLICY_FILE
    assert refused.value.what == f"the repository's own policy {place} can't be used"
    assert (refused.value.why, refused.value.todo) == (why, todo)


def test_a_gate_that_is_none_is_refused_at_its_own_line() -> None:
    with pytest.raises(
        BadPolicy, match=rf"{REPO_POLICY_FILE}:9 can't be used: gate\.sercets: input should be 'paths', 'size'"
    ):
        parse_repo_policy((HEAD + '[gate.size]\nat_least = "deny"\n[gate.sercets]\nat_least = "deny"\n').encode())


def test_a_file_that_is_none_of_the_sort_is_refused_in_the_same_words() -> None:
    with pytest.raises(BadPolicy) as refused:
        parse_repo_policy(b"\n\xff")
    assert refused.value.what == f"the repository's own policy {REPO_POLICY_FILE}:2 can't be used"
    assert (refused.value.why, refused.value.todo) == ("this is not UTF-8 text", "save the file as UTF-8")
    with pytest.raises(BadPolicy) as refused:
        parse_repo_policy(b"#" * 65_537)
    assert refused.value.what == f"the repository's own policy {REPO_POLICY_FILE} can't be used"
    assert (refused.value.why, refused.value.todo) == ("it has more than 65,536 bytes", "shorten it")


def hidden(*globs: str) -> bytes:
    return f"hidden = {[*globs]!r}".replace("'", '"').encode()


def test_each_bound_binds_from_the_first_beyond_it() -> None:
    assert parse_repo_policy(b"#" * 65_536).hidden == ()
    assert len(parse_repo_policy(hidden(*(f"f{number}" for number in range(100)))).hidden) == 100
    longest, stars = "a" * 200, "*a*b*c*d"
    assert parse_repo_policy(hidden(longest, stars)).hidden == (longest, stars)
    assert parse_repo_policy(hidden("**/**/a*/b*")).hidden == ("**/**/a*/b*",)
    for globs in ([f"f{number}" for number in range(101)], ["a" * 201], ["*a*b*c*d*"], ["**/*a*b*c*d"]):
        with pytest.raises(BadPolicy):
            parse_repo_policy(hidden(*globs))


def test_a_rule_is_named_by_its_place_and_stands_at_its_line() -> None:
    run = '[[rule]]\naction = "run"\neffect = "deny"\nwhy = "frozen"\n'
    own = parse_repo_policy((HEAD + RULE + 'effect = "review"\nneed = "role:a=2"\n' + run).encode())
    first, second, third = repo_rules(own, "acme/shop")
    assert own.lines == (3, 7, 11)
    assert (first.id, first.line, first.subject, first.repo, first.path) == ("own-1", 3, "*", "acme/shop", "a")
    assert (second.id, second.line, second.path, second.needs) == (
        "own-2",
        7,
        "b",
        (ApprovalRequirement(role="role:a", count=2),),
    )
    assert (third.id, third.line, third.path, third.why) == ("own-3", 11, "**", "frozen")
    assert [rule.id for rule in repo_rules(own, "acme/shop", 5)] == ["own-6", "own-7", "own-8"]
    assert (first.ref.text, first.ref.file) == ("deny edit a", REPO_POLICY_FILE)
    assert (second.ref.text, second.ref.line) == ("review edit b, need 2 a", 7)
    assert third.ref.text == "deny run ** (frozen)"
    assert first.fields == ()
    assert first.matches("a", "a")
    assert first.matches("A", "a")


def test_hidden_paths_are_added_once() -> None:
    repo = RepoConfig(name="acme/shop", url="x", hidden=("a", "z"))
    assert tightened_repo(parse_repo_policy(hidden("z", "b")), repo).hidden == ("a", "z", "b")


@pytest.mark.parametrize(
    ("before", "floor", "after"),
    [
        (("advise", "advise"), "review", ("review", "review")),
        (("review", "advise"), "deny", ("deny", "deny")),
        (("deny", "advise"), "review", ("deny", "review")),
        (("deny", "deny"), "review", ("deny", "deny")),
        (("review", "review"), "review", ("review", "review")),
        (None, "review", ("deny", "review")),
        (None, "deny", ("deny", "deny")),
    ],
)
def test_a_floor_only_raises(before: tuple[str, str] | None, floor: str, after: tuple[str, str]) -> None:
    gates = {"binary": GateLevel(level=Severity(before[0]), at_least=Severity(before[1]))} if before else {}
    kept = GateLevel(level=Severity.ADVISE, needs=(ApprovalRequirement(role="role:x"),))
    own = parse_repo_policy(f'[gate.binary]\nat_least = "{floor}"\n'.encode())
    raised = repo_gates(own, {**gates, "size": kept})
    assert raised["size"] == kept
    assert (raised["binary"].level, raised["binary"].at_least) == after
    assert raised["binary"].needs == (ApprovalRequirement(role="role:senior"),)


def test_bounds_are_lowered_and_never_set() -> None:
    own = parse_repo_policy(
        b"[limits]\nagent_turns = 7\nrun_seconds = 9000\nagent_cost = 0.5\nagent_retries_after_block = 0\n"
    )
    limits = repo_limits(own, Limits())
    assert limits == Limits(agent_turns=7, agent_cost=0.5, agent_retries_after_block=0)
    budget = Budget(name="large", agent_turns=90, run_seconds=100)
    assert repo_budget(own, budget) == Budget(name="large", agent_turns=7, run_seconds=100)
