"""Each way to write a policy wrongly: refused with the file, the line, what is wrong and what to write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.decision import Action, Effect
from deputy.policy import Level, Problem, lint, load, run_cases
from deputy.policy.files.model import MODEL
from tests.support.examples import examples

POLICY = """\
p, a-eng, role:engineer, acme/*, edit, **, allow, -
g, user:T0ACME/U0ALICE, role:engineer, acme/*
g, user:T0ACME/U0SAM, role:senior, **
"""
REPOS = """\
[repo."acme/shop"]
url = "shop.git"
aliases = ["shop"]

[[repo."acme/shop".checks]]
name = "tests"
kind = "tests"
run = ["pytest"]
"""
RECIPE = """\
[recipe.rename]
title = "Rename"
kind = "refactor"
patterns = ['rename (?P<old>\\w+)']
commands = [["rename", "{old}"]]
[recipe.rename.arguments]
old = '[a-z]+'
"""


def files_of(policy: str = POLICY, **others: str) -> dict[str, bytes]:
    texts = {"model.conf": MODEL, "policy.csv": policy, "repos.toml": REPOS}
    texts |= {f"{name}.toml": text for name, text in others.items()}
    return {name: text.encode() for name, text in texts.items()}


def only(files: dict[str, bytes]) -> Problem:
    problems = lint(files)
    assert len(problems) == 1, [str(problem) for problem in problems]
    assert problems[0].fix
    return problems[0]


def test_the_clean_bundle_is_clean() -> None:
    assert lint(files_of(recipes=RECIPE)) == ()


TRAPS = [
    ("p, x, role:senior, **, edit, **, Deny, -", "no such effect as 'Deny'"),
    ("p, x, role:senior, **, edit, **, permit, -", "no such effect as 'permit'"),
    ("pp, x, role:senior, **, edit, **, deny, -", "a line of kind 'pp'"),
    ("P, x, role:senior, **, edit, **, deny, -", "a line of kind 'P'"),
    ("p2, x, role:senior, **, edit, **, deny, -", "a line of kind 'p2'"),
    ("g2, user:T1/U1, role:senior, **", "a line of kind 'g2'"),
    ("p, x, role:senior, **, edit, **, deny", "7 columns where a p line has 8"),
    ("p, x, role:senior, **, edit, **, deny, -, -, more", "10 columns where a p line has 8 or 9"),
    ("p, x, role:senior, **, edit, **, deny, -, more", "no such condition as 'more'"),
    ("p, x, role:senior, **, edit, , deny, -", "an empty column"),
    ("g, user:T1/U1, role:senior", "3 columns where a g line has 4"),
    ("g, user:T1/U1, role:senior, **, 2026-01-01", "5 columns where a g line has 4"),
    ("p, a-eng, role:senior, **, edit, **, deny, -", "id a-eng is taken by line 1"),
    ("p, X!, role:senior, **, edit, **, deny, -", "id 'X!' is not a name"),
    ("p, x, senior, **, edit, **, deny, -", "subject 'senior' is neither a role nor a user"),
    ("p, x, *, **, edit, **, deny, -", "subject '*' is neither a role nor a user"),
    ("p, x, user:U0ALICE, **, edit, **, deny, -", "subject 'user:U0ALICE' is neither"),
    ("p, x, Role:senior, **, edit, **, deny, -", "subject 'Role:senior' is neither"),
    ("g, alice, role:senior, **", "subject 'alice' is neither"),
    ("g, user:T1/U1, senior, **", "'senior' is given, but only roles can be given"),
    ("g, role:senior, user:T1/U1, **", "'user:T1/U1' is given, but only roles can be given"),
    ("p, x, role:senior, **, Edit, **, deny, -", "no such action as 'Edit'"),
    ("p, x, role:senior, **, *, **, deny, -", "no such action as '*'"),
    ("p, x, role:senior, **, edit, src/[ab], deny, -", "glob 'src/[ab]' uses"),
    ("p, x, role:senior, **, edit, src/**x, deny, -", "'**' inside a segment"),
    ("p, x, role:senior, **, edit, /etc/**, deny, -", "empty, '.' or '..' segment"),
    ("p, x, role:senior, **, edit, ../**, deny, -", "empty, '.' or '..' segment"),
    ("p, x, role:senior, acme//shop, edit, **, deny, -", "empty, '.' or '..' segment"),
    ("p, x, role:senior, **, edit, **, review, -", "a review that names nobody who could give it"),
    ("p, x, role:senior, **, edit, **, deny, role:senior=1", "need 'role:senior=1' on a rule that is no review"),
    ("p, x, role:senior, **, edit, **, review, role:senior", "not of the form role:name=count"),
    ("p, x, role:senior, **, edit, **, review, senior=1", "not of the form role:name=count"),
    ("p, x, role:senior, **, edit, **, review, role:senior=0", "asks for 0 people"),
    ("p, x, role:senior, **, edit, **, review, role:senior=-1", "asks for -1 people"),
    ("p, x, role:senior, **, edit, **, review, role:senior=1;", "not of the form role:name=count"),
    ("p, x, role:senior, **, edit, **, review, role:senior=1;role:senior=2", "names role:senior twice"),
    ("p, x, role:senior, **, edit, '**', deny, -", "quotes, spaces or invisible characters"),
    ("p, x, role:senior, **, edit, my docs/**, deny, -", "quotes, spaces or invisible characters"),
    ("p, x, role:senior, **, edit, sec\u200brets/**, deny, -", "quotes, spaces or invisible characters"),
    ("p, x, role:senior, **, edit, **, deny, - # why", "need '- # why'"),
    ("p, x, role:senior, acme/sohp, edit, **, deny, -", "'acme/sohp' is no repository of repos.toml"),
    ("g, user:T1/U1, role:senior, acme/sohp", "'acme/sohp' is no repository of repos.toml"),
]


@pytest.mark.parametrize(("line", "message"), TRAPS)
def test_a_flawed_line_is_refused_and_named(line: str, message: str) -> None:
    files = files_of(f"{POLICY}{line}\n")
    problem = only(files) if "# why" not in line else lint(files)[0]
    assert (problem.file, problem.line, problem.severity) == ("policy.csv", 4, Level.ERROR)
    if "# why" not in line:
        assert message in problem.message
    with pytest.raises(BadPolicy, match=r"policy\.csv:4"):
        load(files)


def test_a_flawed_line_never_takes_part() -> None:
    """Casbin would skip a ``Deny`` and let the allow stand; the whole bundle is refused instead."""
    with pytest.raises(BadPolicy):
        load(files_of(POLICY + "p, d, role:engineer, acme/*, edit, **, Deny, -\n"))


def test_all_problems_are_collected() -> None:
    policy = POLICY + "pp, x\np, y, senior, **, edit, **, deny, -\n"
    assert [(problem.file, problem.line) for problem in lint(files_of(policy, limits="x = 1"))] == [
        ("limits.toml", 1),
        ("policy.csv", 4),
        ("policy.csv", 5),
    ]


@pytest.mark.parametrize("name", ["model.conf", "policy.csv", "repos.toml"])
def test_a_missing_file_is_refused(name: str) -> None:
    files = {key: content for key, content in files_of().items() if key != name}
    assert any(problem.file == name and problem.message == "the file is missing" for problem in lint(files))
    with pytest.raises(BadPolicy, match=name):
        load(files)


def test_an_empty_bundle_is_refused_in_one_readable_error() -> None:
    with pytest.raises(BadPolicy) as raised:
        load({})
    assert "model.conf: the file is missing" in str(raised.value)
    assert "deputy policy lint" in str(raised.value)


def test_a_misspelt_file_is_refused_and_a_stray_one_is_a_warning() -> None:
    assert "no such policy file" in only({**files_of(), "gate.toml": b""}).message
    stray = only({**files_of(), "notes.txt": b""})
    assert stray.severity is Level.WARNING
    assert "warning: " in str(stray)
    assert only({**files_of(), "tests/people.txt": b""}).severity is Level.WARNING


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (MODEL.replace(" && !some(where (p.eft == deny))", ""), 11),
        (MODEL.replace("r.act == p.act", "true"), 14),
        (MODEL.replace("pathMatch", "globMatch"), 14),
        (MODEL + "m2 = true\n", 15),
        ("\n".join(MODEL.split("\n")[:-2]), 0),
    ],
)
def test_the_model_may_not_drift(text: str, line: int) -> None:
    problem = only({**files_of(), "model.conf": text.encode()})
    assert (problem.file, problem.line) == ("model.conf", line)


def test_the_models_comments_and_spacing_may_differ() -> None:
    spaced = "# why\n\n" + MODEL.replace(" = ", "  =  ")
    assert lint({**files_of(), "model.conf": spaced.encode()}) == ()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\xef\xbb\xbf" + POLICY.encode()])
def test_what_is_not_plain_text_is_refused(content: bytes) -> None:
    assert any(
        problem.file == "policy.csv" and problem.line == 1 for problem in lint({**files_of(), "policy.csv": content})
    )


def test_windows_line_ends_are_fine() -> None:
    assert lint({**files_of(), "policy.csv": POLICY.replace("\n", "\r\n").encode()}) == ()


# ---- people --------------------------------------------------------------------------------------------------------


def test_roles_in_a_circle_are_refused() -> None:
    problems = lint(files_of(POLICY + "g, role:senior, role:lead, **\ng, role:lead, role:senior, **\n"))
    assert problems
    assert all("circle" in problem.message and problem.severity is Level.ERROR for problem in problems)


def test_roles_deeper_than_casbin_follows_are_refused() -> None:
    chain = "".join(f"g, role:r{n}, role:r{n + 1}, **\n" for n in range(12))
    assert any(
        "steps up" in problem.message for problem in lint(files_of(POLICY + "g, user:T1/U1, role:r0, **\n" + chain))
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p, x, role:ghost, **, edit, **, deny, -", "nobody has role:ghost, so rule x speaks of nobody"),
        ("g, role:ghost, role:senior, **", "nobody has role:ghost, so this line gives role:senior to nobody"),
        (
            "p, x, role:engineer, **, edit, **, review, role:senior=2",
            "role:senior=2 can't be met in acme/shop: 1 of them",
        ),
        ("p, x, role:engineer, **, edit, **, review, role:legal=1", "role:legal=1 can't be met in acme/shop: nobody"),
        ("p, x, role:senior, other/*, edit, **, deny, -", "'other/*' is no repository"),
    ],
)
def test_a_doubtful_line_is_a_warning_and_loads(line: str, message: str) -> None:
    files = files_of(f"{POLICY}{line}\n")
    problem = only(files)
    assert (problem.line, problem.severity) == (4, Level.WARNING)
    assert message in problem.message
    assert load(files).warnings == (problem,)


# ---- the TOML files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (('url = "shop.git"', 'uri = "shop.git"'), 0, "unknown key 'uri'"),
        (('url = "shop.git"\n', ""), 0, "url is missing"),
        (('url = "shop.git"', "url = 7"), 2, "url: input should be a valid string"),
        (('url = "shop.git"', 'url = ""'), 2, "url is empty"),
        (('aliases = ["shop"]', 'aliases = ["my shop"]'), 3, "'my shop' can't be a name"),
        (('aliases = ["shop"]', 'aliases = ["shop", "shop"]'), 0, "already means acme/shop"),
        (('"acme/shop"', '"shop"'), 0, "'shop' is not a full name"),
        (("[repo", "[rpeo"), 0, "unknown key 'rpeo'"),
        (('url = "shop.git"', 'url = "shop.git'), 2, "this is not TOML"),
        (('url = "shop.git"', "url = 2026-01-01"), 0, "a date"),
        (('url = "shop.git"', 'url = "shop.git"\nhidden = ["/etc"]'), 3, "glob '/etc'"),
        (('url = "shop.git"', 'url = "shop.git"\nname = "x"'), 0, "stands in the table's header"),
        (('kind = "tests"', 'kind = "test"'), 5, "no such kind as 'test'"),
        (('run = ["pytest"]', "run = []"), 5, "run is empty"),
        (('run = ["pytest"]', 'run = "pytest"'), 8, "run: input should be a valid"),
        (('run = ["pytest"]', 'run = ["pytest"]\ntimeout = 0'), 5, "leaves no time"),
        (('run = ["pytest"]', 'run = ["pytest"]\ntests = ["te[st]s"]'), 9, "glob 'te[st]s'"),
    ],
)
def test_repos_are_read_strictly(change: tuple[str, str], line: int, message: str) -> None:
    files = {**files_of(), "repos.toml": REPOS.replace(*change).encode()}
    problems = [problem for problem in lint(files) if problem.file == "repos.toml"]
    assert [problem for problem in problems if message in problem.message], [str(problem) for problem in lint(files)]
    assert not line or any(problem.line == line for problem in problems), [str(problem) for problem in problems]
    with pytest.raises(BadPolicy):
        load(files)


def test_two_repositories_cannot_share_a_name() -> None:
    other = '[repo."acme/other"]\nurl = "o.git"\naliases = ["SHOP"]\n'
    problem = only({**files_of(), "repos.toml": (REPOS + other).encode()})
    assert "'SHOP' already means acme/shop" in problem.message
    assert problem.line == 9


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gates", '[gate.sercets]\nlevel = "deny"', "no such gate as 'sercets'"),
        ("gates", '[gate.secrets]\nlevel = "block"', "level: input should be"),
        ("gates", '[gate.secrets]\nlevel = "review"', "asks for review of nobody"),
        ("gates", '[gate.secrets]\nlevel = "advise"\nneed = "role:senior=1"', "only advises"),
        ("gates", '[gate.secrets]\nlevel = "review"\nneed = "senior"', "not of the form"),
        ("gates", '[gate.secrets]\nlevel = "review"\nneeds = "role:senior=1"', "write need ="),
        ("gates", "[gate]\nsecrets = 1", "'secrets' is not a table"),
        ("gates", "gate = 1", "gate is not a table"),
        ("limits", "[limits]\nrun_second = 5", "unknown key 'run_second'"),
        ("limits", "[limits]\nrun_seconds = -5", "run_seconds = -5 leaves nothing"),
        ("limits", '[limits]\nrun_seconds = "5"', "run_seconds: input should be a valid integer"),
        ("limits", "run_seconds = 5", "unknown key 'run_seconds'"),
        ("limits", "limits = 5", "'limits' is not a table"),
        ("prices", "[price.x]\ninput = 1", "output is missing"),
        ("prices", "[price.x]\ninput = -1\noutput = 1", "input = -1 is not an amount"),
        ("prices", "[price.x]\ninput = nan\noutput = 1", "a date, inf or nan"),
        ("recipes", RECIPE.replace("(?P<old>", "(?P<old"), "is not a regular expression"),
        ("recipes", RECIPE.replace("(?P<old>", "(?P<older>"), "group 'older' is no argument"),
        ("recipes", RECIPE.replace("{old}", "{new}"), "placeholder {new} is not declared"),
        ("recipes", RECIPE.replace('"rename", "{old}"', '"{old}"'), "a placeholder names the program"),
        ("recipes", RECIPE.replace('"rename", "{old}"', '"/bin/sh", "-c", "rename {old}"'), "text in a shell"),
        ("recipes", RECIPE.replace('[["rename", "{old}"]]', "[[]]"), "no command, or an empty one"),
        ("recipes", RECIPE.replace("['rename (?P<old>\\w+)']", "[]"), "no pattern"),
        ("recipes", RECIPE.replace("title", "titel"), "unknown key 'titel'"),
    ],
)
def test_the_other_files_are_read_strictly(name: str, text: str, message: str) -> None:
    problems = [problem for problem in lint(files_of(**{name: text})) if problem.severity is Level.ERROR]
    assert any(problem.file == f"{name}.toml" and message in problem.message for problem in problems), problems
    with pytest.raises(BadPolicy):
        load(files_of(**{name: text}))


def test_a_gate_that_nobody_can_review_is_a_warning() -> None:
    problem = only(files_of(gates='\n[gate.size]\nlevel = "review"\nneed = "role:legal=1"'))
    assert (problem.file, problem.line, problem.severity) == ("gates.toml", 2, Level.WARNING)


def test_values_arrive_as_written() -> None:
    bundle = load(
        files_of(
            recipes=RECIPE,
            gates='[gate.size]\nlevel = "review"\nneed = "role:senior=1"',
            limits="[limits]\nrun_seconds = 7",
            prices="[price.'a.b']\ninput = 1\noutput = 2.5",
        )
    )
    assert bundle.gates["size"].needs[0].role == "role:senior"
    assert (bundle.limits.run_seconds, bundle.limits.agent_turns) == (7, 40)
    assert bundle.prices["a.b"].output == 2.5
    assert bundle.recipes[0].commands == (("rename", "{old}"),)


# ---- cases ---------------------------------------------------------------------------------------------------------


def cases_of(text: str) -> dict[str, bytes]:
    return {**files_of(), "tests/a.toml": text.encode()}


def test_a_case_that_comes_out_differently_is_named() -> None:
    who = 'who = "user:T0ACME/U0ALICE", repo = "acme/shop", act = "edit", path = "a"'
    files = cases_of(
        f'case = [{{ {who}, expect = "allow", rule = "a-eng" }}, {{ {who}, expect = "deny" }}, '
        f'{{ {who}, expect = "allow", rule = "nope", need = "role:senior=1" }}]'
    )
    good, wrong, other = run_cases(load(files), files)
    assert good.passed
    assert (wrong.number, wrong.decision.action, wrong.decision.effect) == (2, Action.EDIT, Effect.ALLOW)
    assert wrong.failure == "expected deny, got allow because rule a-eng allows edit of a"
    assert "expected rule nope to decide, but a-eng did" in other.failure
    assert "expected the need role:senior=1, got none" in other.failure


BAD_NEED = 'case = [{ who = "user:T1/U1", repo = "a/b", act = "run", expect = "review", need = "senior" }]'


@pytest.mark.parametrize(
    "text", ["case = [", "case = []", "", 'case = [{ who = "x" }]', "cases = 1", "\ufeff", BAD_NEED]
)
def test_cases_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(BadPolicy, match=r"tests/a\.toml"):
        run_cases(load(files_of()), cases_of(text))


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from(["model.conf", "policy.csv", "repos.toml", "gates.toml", "limits.toml"]), st.binary(max_size=60))
def test_no_bytes_break_the_lint(name: str, content: bytes) -> None:
    files = {**files_of(), name: content}
    problems = lint(files)
    try:
        load(files)
    except BadPolicy:
        assert any(problem.severity is Level.ERROR for problem in problems)
    else:
        assert not any(problem.severity is Level.ERROR for problem in problems)


@pytest.mark.parametrize("rest", ["docs/**, allow, -", "**, allow, -, soon"])
def test_an_allow_of_reading_some_things_is_refused_because_it_would_hide_nothing(rest: str) -> None:
    policy = f"{POLICY}p, a-docs, role:engineer, acme/*, read, {rest}\n"
    found = lint(files_of(policy, conditions='[condition.soon]\nstarts = "2026-12-01 00:00"\n'))
    assert any("keeps nobody from reading the rest" in problem.message for problem in found)
