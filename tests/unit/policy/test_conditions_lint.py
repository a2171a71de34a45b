"""Each way to write a condition or a budget class wrongly: refused with its file and line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.errors import BadPolicy
from deputy.domain.policy.decision import Action
from deputy.policy import Level, Problem, lint, load
from deputy.policy.conditions.times import zone_of, zones
from deputy.policy.files.model import MODEL
from deputy.policy.lint.conditions import AFTER_THE_PATCH, WITHOUT_A_TASK
from tests.support.examples import examples

RULES = """\
p, a-eng, role:e, acme/*, edit, **, allow, -
p, d-c, role:e, acme/*, edit, **, deny, -, c
g, user:T1/U1, role:e, **
"""
FREEZE = '[condition.c]\nstarts = "2026-12-18 18:00"\n'
COUNTER = '[condition.c.counter]\nof = "lines"\nper = "person"\ndays = 7\nover = 5\n'


def files_of(conditions: str = FREEZE, rules: str = RULES, limits: str = "") -> dict[str, bytes]:
    texts = {"model.conf": MODEL, "policy.csv": rules, "repos.toml": '[repo."acme/shop"]\nurl = "s"\n'}
    return {
        name: text.encode() for name, text in {**texts, "conditions.toml": conditions, "limits.toml": limits}.items()
    }


def errors(files: dict[str, bytes]) -> list[Problem]:
    return [problem for problem in lint(files) if problem.severity is Level.ERROR]


def test_a_good_condition_is_good() -> None:
    assert lint(files_of()) == ()
    assert lint(files_of(COUNTER)) == ()
    assert load(files_of()).conditions["c"].starts == "2026-12-18 18:00"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[condition.c]\nstart = "2026-12-18 18:00"', 2, "unknown key 'start'"),
        ('[condition.c]\nkinds = ["fixes"]', 2, "kinds.0: input should be"),
        ('[condition.c]\nkinds = "fix"', 2, "kinds: input should be"),
        ("[condition.c]\nlines_over = 1.5", 2, "lines_over: input should be a valid integer"),
        ("[condition.c]\nlines_over = true", 2, "lines_over: input should be a valid integer"),
        ("[condition.c]\nlines_over = -1", 2, "lines_over = -1 is less than nothing"),
        ("[condition.c]\nfiles_over = -2", 2, "files_over = -2 is less than nothing"),
        ('[condition.c]\ntitle = "Nothing"', 1, "it says nothing"),
        ('[condition.c]\ntimezone = "Europe/Berlin"', 1, "it says nothing"),
        ("[condition.c]", 1, "it says nothing"),
        ("[condition.c]\nkinds = []", 1, "it says nothing"),
        ('[condition.c]\ntitle = "a\\u0007b"\nfiles_over = 1', 2, "control characters"),
        ('[condition.c]\ndays = ["monday"]', 2, "days.0: input should be"),
        ('[condition.c]\nhours = "18-08"', 2, "'18-08' are not hours"),
        ('[condition.c]\nhours = "25:00-08:00"', 2, "are not hours"),
        ('[condition.c]\nhours = "18:00-24:00"', 2, "are not hours"),
        ('[condition.c]\nhours = "08:00-08:00"', 2, "is no time at all"),
        ('[condition.c]\nhours = "08:00-09:00\\n"', 2, "are not hours"),
        ('[condition.c]\nhours = "٠8:00-09:00"', 2, "are not hours"),
        ('[condition.c]\nstarts = "2026-12-18"', 2, "is not a time of the form"),
        ('[condition.c]\nstarts = "2026-12-18T18:00"', 2, "is not a time of the form"),
        ('[condition.c]\nstarts = "2026-02-30 18:00"', 2, "day is out of range"),
        ('[condition.c]\nends = "0001-01-01 00:00"', 2, "is not a time of the form"),
        ('[condition.c]\nends = "9999-12-31 23:59"', 2, "is not a time of the form"),
        ("[condition.c]\nends = 2026-12-18", 0, "a date, inf or nan"),
        ('[condition.c]\nstarts = "2027-01-01 00:00"\nends = "2026-01-01 00:00"', 3, "but starts no earlier"),
        ('[condition.c]\nstarts = "2027-01-01 00:00"\nends = "2027-01-01 00:00"', 3, "but starts no earlier"),
        ('[condition.c]\nhours = "08:00-09:00"\ntimezone = "Europe/Atlantis"', 3, "no such time zone"),
        ('[condition.c]\nhours = "08:00-09:00"\ntimezone = ""', 3, "no such time zone"),
        ('[condition.c]\nfiles_over = 1\ntimezone = "CEST"', 3, "no such time zone"),
        ('[condition.c]\nchannels = ["#shop-dev"]', 2, "'#shop-dev' is no channel id"),
        ('[condition.c]\nchannels = ["C0SHOP", "shop"]', 2, "'shop' is no channel id"),
        ('[condition.c]\nbudgets = ["huge"]', 2, "no such budget as 'huge'"),
        (COUNTER.replace("over = 5", "over = -1"), 5, "over = -1 is less than nothing"),
        (COUNTER.replace("days = 7", "days = 0"), 4, "days = 0 is no time to look back"),
        (COUNTER.replace("days = 7", "days = -3.5"), 4, "days = -3.5 is no time"),
        (COUNTER.replace("days = 7", "days = 367"), 4, "days = 367 is no time"),
        (COUNTER.replace("days = 7", "days = inf"), 0, "a date, inf or nan"),
        (COUNTER.replace('"lines"', '"commits"'), 2, "counter.of: input should be"),
        (COUNTER.replace('"person"', '"team"'), 3, "counter.per: input should be"),
        (COUNTER.replace("days = 7\n", ""), 1, "counter.days is missing"),
        (COUNTER + 'paths = ["bill[ing]/**"]', 6, "uses '!', '['"),
        (COUNTER + 'paths = [""]', 6, "empty"),
        (COUNTER + 'path = ["a"]', 6, "unknown key 'counter.path'"),
        (COUNTER.replace('"lines"', '"tasks"').replace("over = 5", "over = 0"), 5, "always holds"),
        ('[condition.c]\nname = "d"\nfiles_over = 1', 1, "stands in the table's header"),
        ("[condition]\nc = 1", 2, "'c' is not a table"),
        ('condition = "c"', 1, "condition is not a table"),
        ("[conditions.c]\nfiles_over = 1", 1, "unknown key 'conditions'"),
    ],
)
def test_a_flawed_condition_is_refused_where_it_stands(text: str, line: int, message: str) -> None:
    files = files_of(text)
    found = [problem for problem in errors(files) if problem.file == "conditions.toml"]
    assert [problem.line for problem in found if message in problem.message] == [line], [*map(str, errors(files))]
    with pytest.raises(BadPolicy, match=r"conditions\.toml"):
        load(files)


@pytest.mark.parametrize("name", ["Freeze", "a_b", "not:c", "-", "a b", "é"])
def test_names_of_conditions_are_plain(name: str) -> None:
    found = errors(files_of(f'[condition."{name}"]\nfiles_over = 1\n'))
    assert any("can't be a name" in problem.message for problem in found)


def test_a_condition_that_no_rule_names_is_a_warning() -> None:
    (problem,) = lint(files_of(FREEZE + "\n[condition.other]\nfiles_over = 1\n"))
    assert (problem.file, problem.line, problem.severity) == ("conditions.toml", 4, Level.WARNING)
    assert problem.message == "no rule names the condition other"


# ---- rules that name conditions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("freeze", "no such condition as 'freeze'"),
        ("not:freeze", "no such condition as 'freeze'"),
        ("not:not:c", "when 'not:not:c' is no condition"),
        ("!c", "when '!c' is no condition"),
        ("Not:c", "when 'Not:c' is no condition"),
        ("C", "when 'C' is no condition"),
        ("not:", "when 'not:' is no condition"),
        ("", "an empty column"),
        ("c, more", "10 columns where a p line has 8 or 9"),
    ],
)
def test_a_rule_under_no_such_condition_is_refused(when: str, message: str) -> None:
    files = files_of(rules=f"{RULES}p, x, role:e, acme/*, edit, **, deny, -, {when}\n")
    assert [(problem.file, problem.line) for problem in errors(files)] == [("policy.csv", 4)]
    assert message in errors(files)[0].message


@pytest.mark.parametrize("when", ["c", "not:c", "-"])
def test_a_rule_under_a_condition_is_read(when: str) -> None:
    assert errors(files_of(rules=f"{RULES}p, x, role:e, acme/*, edit, src/**, allow, -, {when}\n")) == []


PATCH = ["[condition.c]\nlines_over = 1", "[condition.c]\nfiles_over = 1", COUNTER]
PATCH += [COUNTER.replace("lines", "files"), COUNTER.replace("lines", "tasks") + 'paths = ["a/**"]']
TASK = [
    '[condition.c]\nkinds = ["fix"]',
    '[condition.c]\nchannels = ["C0SHOP"]',
    '[condition.c]\nbudgets = ["standard"]',
    COUNTER.replace("lines", "tasks"),
]


@pytest.mark.parametrize("action", Action)
def test_what_could_never_be_known_is_refused(action: Action) -> None:
    rules = f"p, d-c, role:e, acme/*, {action}, **, deny, -, c\ng, user:T1/U1, role:e, **\n"
    for text in PATCH:
        assert bool(errors(files_of(text, rules))) is (action not in AFTER_THE_PATCH)
    for text in TASK:
        assert bool(errors(files_of(text, rules))) is (action in WITHOUT_A_TASK)
    assert errors(files_of(FREEZE, rules)) == []


def test_a_broken_condition_is_reported_once() -> None:
    found = errors(files_of("[condition.c]\nlinesover = 1\n"))
    assert [problem.file for problem in found] == ["conditions.toml"]


# ---- time zones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/../Europe/Berlin",
        "Europe",
        "",
        ".",
        "Europe/Berlin\x00",
        "localtime",
        "posixrules",
        "zone.tab",
        "tzdata.zi",
        "Factory",
        "europe/berlin",
        "Europe\\Berlin",
        "right/UTC",
    ],
)
def test_a_time_zone_is_a_name_never_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="no such time zone"):
        zone_of(name)


def test_every_known_zone_can_be_read() -> None:
    assert {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"} <= zones()
    assert all(zone_of(name).key == name for name in zones())


@settings(max_examples=examples(200), deadline=None)
@given(st.text(max_size=30))
def test_no_text_is_a_path_to_a_time_zone(name: str) -> None:
    if name not in zones():
        with pytest.raises(ValueError, match="no such time zone"):
            zone_of(name)


# ---- budgets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[budget.large]\nagent_turn = 5", 2, "unknown key 'agent_turn'"),
        ("[budget.large]\nagent_turns = 0", 1, "agent_turns = 0 leaves nothing"),
        ('[budget.large]\nagent_cost = "8"', 2, "agent_cost: input should be a valid number"),
        ("[budget.large]\nsandbox_memory = 5", 2, "unknown key 'sandbox_memory'"),
        ("[budget.standard]\nagent_turns = 5", 1, "the budget standard is what [limits] says"),
        ("[budget.recipe]\nrun_seconds = 5", 1, "the budget recipe is what [limits] says"),
        ("[budget.Large]\nagent_turns = 5", 1, "can't be the name of a budget"),
        ("[budget]\nlarge = 5", 2, "'large' is not a table"),
        ("[budgets.large]\nagent_turns = 5", 1, "unknown key 'budgets'"),
    ],
)
def test_a_flawed_budget_is_refused_where_it_stands(text: str, line: int, message: str) -> None:
    (problem,) = errors(files_of(limits=text))
    assert (problem.file, problem.line) == ("limits.toml", line)
    assert message in problem.message


def test_a_budget_is_read_beside_the_limits() -> None:
    bundle = load(files_of(limits="[limits]\nrun_seconds = 7\n[budget.large]\nagent_turns = 99\n"))
    assert (bundle.limits.run_seconds, bundle.limits_for("large").agent_turns) == (7, 99)


# ---- the model -----------------------------------------------------------------------------------------------------


def test_the_model_of_a_version_without_conditions_still_loads() -> None:
    former = MODEL.replace("path, facts", "path").replace("need, when", "need")
    former = former.replace(" && whenMatch(r.facts, p.when, p.eft)", "")
    (problem,) = lint({**files_of(), "model.conf": former.encode()})
    assert (problem.file, problem.severity) == ("model.conf", Level.WARNING)
    half = MODEL.replace(" && whenMatch(r.facts, p.when, p.eft)", "")
    assert errors({**files_of(), "model.conf": half.encode()})


@settings(max_examples=examples(150), deadline=None)
@given(
    st.sampled_from(["conditions.toml", "limits.toml"]), st.binary(max_size=60) | st.text(max_size=40).map(str.encode)
)
def test_no_bytes_break_the_lint(name: str, content: bytes) -> None:
    files = {**files_of(), name: content}
    if errors(files):
        with pytest.raises(BadPolicy):
            load(files)
    else:
        load(files)
