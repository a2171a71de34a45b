"""What changes for whom: every kind of difference, its direction, its words; and what is not told twice."""

# ruff: noqa: E501 - a line of policy is one line

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import Facts
from deputy.policy import Bundle, compare, load
from deputy.policy.compare.differences import Difference, Direction
from deputy.policy.files.model import MODEL
from tests.support.examples import examples

ALICE, SAM = "user:T0ACME/U0ALICE", "user:T0ACME/U0SAM"
PEOPLE = f"g, {ALICE}, role:engineer, acme/*\ng, {SAM}, role:engineer, acme/*\ng, {SAM}, role:senior, acme/*\n"
RULES = """\
p, a-edit, role:engineer, acme/*, edit, **, allow, -
p, r-bill, role:engineer, acme/*, edit, **/billing/**, review, role:senior=1
p, d-env, role:engineer, acme/*, edit, **/.env*, deny, -
p, a-run, role:engineer, acme/*, run, **, allow, -
p, d-freeze, role:engineer, acme/*, run, **, deny, -, freeze
"""
REPOS = """\
[repo."acme/shop"]
url = "shop.git"
hidden = ["secrets/**"]
env = { TOKEN = "hush" }
[[repo."acme/shop".checks]]
name = "tests"
kind = "tests"
run = ["pytest"]
[repo."acme/site"]
url = "site.git"
"""
FILES = {
    "policy": RULES + PEOPLE,
    "repos": REPOS,
    "conditions": '[condition.freeze]\ntitle = "Release freeze"\nstarts = "2026-12-18 18:00"\nends = "2027-01-04 08:00"\n',
    "gates": '[gate.size]\nlevel = "deny"\nneed = "role:senior=1"\n',
    "limits": "[limits]\nagent_turns = 40\nrun_seconds = 100\n[budget.large]\nagent_turns = 80\n",
    "prices": "[price.m]\ninput = 1\noutput = 2\n",
}


def bundle_of(**changed: str) -> Bundle:
    texts = {**FILES, **changed}
    files = {f"{name}.toml": text for name, text in texts.items() if name != "policy"}
    return load(
        {name: text.encode() for name, text in {**files, "policy.csv": texts["policy"], "model.conf": MODEL}.items()}
    )


OLD = bundle_of()


def differences(name: str, *change: str, old: Bundle = OLD) -> list[Difference]:
    text = FILES[name]
    for before, after in zip(change[::2], change[1::2], strict=True):
        assert before in text
        text = text.replace(before, after)
    return list(compare(old, bundle_of(**{name: text})).differences)


def test_the_same_bundle_does_not_differ() -> None:
    assert compare(OLD, OLD).differences == ()
    assert "Nothing that decides differs." in str(compare(OLD, OLD))


def test_a_review_that_becomes_a_denial_is_one_line() -> None:
    rule = "p, r-bill, role:engineer, acme/*, edit, **/billing/**, review, role:senior=1"
    found = differences("policy", rule, "p, d-bill, role:engineer, acme/*, edit, **/billing/**, deny, -")
    assert [str(each) for each in found] == [
        "engineer (U0ALICE, U0SAM) in acme/shop, acme/site: edit of **/billing/**: review by 1 senior → denied (rule d-bill)"
    ]
    assert found[0].direction is Direction.TIGHTER
    assert (found[0].users, found[0].repos, found[0].globs) == (
        (ALICE, SAM),
        ("acme/shop", "acme/site"),
        ("**/billing/**",),
    )


CHANGES = [
    ("policy", ("p, d-env, role:engineer, acme/*, edit, **/.env*, deny, -\n", ""), "wider", "denied → allowed (rule a-edit)"),
    ("policy", ("role:senior=1", "role:senior=2"), "tighter", "review by 1 senior → review by 2 senior"),
    ("policy", ("role:senior=1", "role:engineer=1"), "wider", "review by 1 senior → review by 1 engineer"),
    ("policy", ("**/billing/**", "billing/**"), "wider", "edit of **/billing/**: review by 1 senior → allowed"),
    ("policy", ("deny, -, freeze", "deny, -"), "tighter", "run: allowed → denied (rule d-freeze)"),
    ("policy", (", run, **, deny, -, freeze", ", edit, **, deny, -, freeze"), "wider", "run, under Release freeze: denied → allowed"),
    ("policy", (PEOPLE, PEOPLE + "g, user:T0ACME/U0BOB, role:senior, acme/shop\n"), "wider", "U0BOB in acme/shop: becomes senior"),
    ("policy", (f"g, {SAM}, role:senior, acme/*\n", f"g, {SAM}, role:senior, acme/shop\n"), "tighter", "U0SAM in acme/site: is no longer senior"),
    ("repos", ('hidden = ["secrets/**"]\n', ""), "wider", "acme/shop: secrets/**: hidden from sandboxes → may be read there"),
    ("repos", ('"secrets/**"', '"secrets/**", "private/**"'), "tighter", "private/**: may be read in sandboxes → hidden there"),
    ("repos", ('url = "site.git"', 'url = "other.git"'), "other", "acme/site, url: site.git → other.git"),
    ("repos", ('[repo."acme/site"]\nurl = "site.git"\n', ""), "tighter", "acme/site: gone: no work may be asked for"),
    ("repos", ('run = ["pytest"]', 'run = ["true"]'), "other", "check tests: run differs"),
    ("repos", ('run = ["pytest"]', 'run = ["pytest"]\nbar = "advise"'), "wider", "stops the patch → is only shown"),
    ("repos", ('name = "tests"', 'name = "all"'), "wider", "check tests: gone"),
    ("repos", ("hush", "quiet"), "other", "acme/shop, env: other variables or values"),
    ("gates", ('"deny"', '"review"'), "wider", "gate size, at most: deny → review"),
    ("gates", ('"deny"', '"deny"\nat_least = "review"'), "tighter", "gate size, at least: advise → review"),
    ("gates", ("senior=1", "senior=2"), "tighter", "gate size, reviewed by: 1 senior → 2 senior"),
    ("limits", ("run_seconds = 100", "run_seconds = 200"), "wider", "limits, run_seconds: 100 → 200"),
    ("limits", ("[limits]", "[limits]\nhold_seconds = 5"), "other", "limits, hold_seconds"),
    ("limits", ("[limits]", "[limits]\ntotal_cpus = 4"), "tighter", "limits, total_cpus: no bound → 4.0"),
    ("limits", ("80", "60"), "tighter", "budget large, agent_turns: 80 → 60"),
    ("limits", ("[budget.large]", "[budget.small]\nagent_turns = 1\n[budget.large]"), "wider", "budget small: new"),
    ("conditions", ("2026-12-18", "2026-12-20"), "other", "condition freeze, starts: 2026-12-18 18:00 → 2026-12-20 18:00"),
    ("prices", ("input = 1", "input = 3"), "other", "price m, input: 1.0 → 3.0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "direction", "said"), CHANGES)
def test_each_kind_of_difference_has_its_direction_and_words(
    name: str, change: tuple[str, ...], direction: str, said: str
) -> None:
    found = differences(name, *change)
    assert any(said in str(each) and each.direction == direction for each in found), [
        f"{e.direction} {e}" for e in found
    ]
    assert all("hush" not in str(each.facts()) and "quiet" not in str(each.facts()) for each in found)


def test_a_limit_is_not_told_again_for_each_budget() -> None:
    assert len(differences("limits", "run_seconds = 100", "run_seconds = 200")) == 1


def test_what_permits_more_comes_first() -> None:
    text = str(
        compare(OLD, bundle_of(policy=RULES.replace("senior=1", "senior=2").replace("**/.env*", ".env") + PEOPLE))
    )
    assert text.index("Permits more (1)") < text.index("Permits less (1)")


def test_where_two_globs_meet_is_told_when_it_follows_from_neither() -> None:
    rules = "p, a, role:engineer, acme/*, edit, src/**, allow, -\n"
    old = bundle_of(policy=rules + "p, b, role:engineer, acme/*, edit, **/*.md, allow, -\n" + PEOPLE)
    new = bundle_of(
        policy=rules.replace("src/**", "src/*.py") + "p, b, role:engineer, acme/*, edit, **/*.md, allow, -\n" + PEOPLE
    )
    found = compare(old, new).differences
    assert len(found) == 1
    assert found[0].globs == ("src/**",)


GLOBS = st.sampled_from(["**", "a/**", "**/b/**", "*.py", "a/b", "**/*.py", "a/*"])
LINES = st.tuples(GLOBS, st.sampled_from(["allow, -", "deny, -", "review, role:senior=1", "deny, -, freeze"]))
SETS = st.lists(LINES, max_size=4).map(
    lambda lines: "".join(
        f"p, r{n}, role:engineer, acme/*, edit, {glob}, {rest}\n" for n, (glob, rest) in enumerate(lines)
    )
)


@settings(max_examples=examples(150), deadline=None)
@given(SETS, SETS, st.sampled_from(["a/b", "x", "a/b/c", "q.py", "a/q.py", "z/b/q.py"]))
def test_no_changed_answer_goes_untold(before: str, after: str, path: str) -> None:
    """Whatever single path changes its answer without a condition, the comparison is not empty."""
    rest = "p, keep, role:engineer, acme/*, request, **, deny, -, freeze\n" + PEOPLE
    old, new = bundle_of(policy=before + rest), bundle_of(policy=after + rest)
    calm = Facts.model_validate({"at": "2026-06-01T12:00:00Z"})
    was, now = (each.decide(ALICE, "acme/shop", Action.EDIT, (path,), calm).effect for each in (old, new))
    if was is not now:
        found = compare(old, new).differences
        assert found
        is_wider = (was, now) in {
            (Effect.DENY, Effect.ALLOW),
            (Effect.DENY, Effect.REVIEW),
            (Effect.REVIEW, Effect.ALLOW),
        }
        assert any(each.direction is (Direction.WIDER if is_wider else Direction.TIGHTER) for each in found)
