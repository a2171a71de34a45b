"""Past questions asked again: what differs, in which direction, and what can't be compared."""

from datetime import UTC, datetime

from deputy.domain.policy.decision import Action
from deputy.domain.policy.facts import Facts
from deputy.policy import Bundle, Past, Question, load, simulate
from deputy.policy.compare.differences import Direction
from deputy.policy.core.ascii_tree import drawn
from deputy.policy.files.model import MODEL

ALICE = "user:T0ACME/U0ALICE"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PEOPLE = f"g, {ALICE}, role:engineer, acme/*\ng, user:T0ACME/U0SAM, role:senior, acme/*\n"
ALLOW = "p, a-edit, role:engineer, acme/*, edit, **, allow, -\np, a-run, role:engineer, acme/*, run, **, allow, -\n"


def bundle_of(rules: str) -> Bundle:
    conditions = b'[condition.weekend]\ndays = ["sat", "sun"]\n'
    files = {"model.conf": MODEL, "policy.csv": rules + PEOPLE, "repos.toml": '[repo."acme/shop"]\nurl = "s.git"\n'}
    return load({**{name: text.encode() for name, text in files.items()}, "conditions.toml": conditions})


OLD = bundle_of(ALLOW)


def past(*paths: str, old: Bundle | None = OLD, at: datetime = NOON, task: str = "D-A") -> Past:
    facts = Facts(at=at)
    edit = Question(ALICE, "acme/shop", Action.EDIT, paths, facts)
    return Past(task, at, "f" * 64, old, (Question(ALICE, "acme/shop", Action.RUN, (), facts), edit))


def test_only_the_paths_that_differ_are_named() -> None:
    new = bundle_of(ALLOW + "p, r, role:engineer, acme/*, edit, b/**, review, role:senior=1\n")
    (found,) = simulate([past("a", "b/c")], new).redecided
    assert (found.paths, found.direction) == (("b/c",), Direction.TIGHTER)
    assert str(found) == "D-A  2026-06-01  U0ALICE: edit of b/c in acme/shop: allowed → review by 1 senior (rule r)"


def test_what_permits_more_comes_first_and_totals_count_tasks() -> None:
    strict = bundle_of(ALLOW + "p, d, role:engineer, acme/*, edit, b/**, deny, -\n")
    new = bundle_of(ALLOW + "p, d, role:engineer, acme/*, run, **, deny, -\n")
    text = str(simulate([past("b/c", old=strict)], new))
    assert text.index("Permitted more (1)") < text.index("Permitted less (1)")
    assert text.endswith("1 task, 2 questions asked again: 1 task would be decided otherwise.")


def test_the_facts_are_those_of_then() -> None:
    new = bundle_of(ALLOW + "p, d, role:engineer, acme/*, edit, **, deny, -, weekend\n")
    saturday = datetime(2026, 6, 6, 12, 0, tzinfo=UTC)
    found = simulate([past("a", task="D-MON"), past("a", at=saturday, task="D-SAT")], new).redecided
    assert [each.task for each in found] == ["D-SAT"]


def test_a_repository_that_is_gone_denies() -> None:
    gone = bundle_of(ALLOW)
    other = load({**gone.files, "repos.toml": b'[repo."acme/site"]\nurl = "s.git"\n'})
    assert "no rule allows it" in str(simulate([past("a")], other).redecided[0])


def test_a_task_whose_bundle_is_lost_is_named_not_compared() -> None:
    found = simulate([past("a", old=None)], OLD)
    assert (found.redecided, found.lost, found.questions) == ((), (("D-A", "f" * 64),), 0)
    assert "can't be loaded any more, so it is not compared" in str(found)


def test_a_tree_is_drawn_from_indentation() -> None:
    assert drawn("root\n  a\n    b\n      c\n  d\n    e") == "root\n├─ a\n│  └─ b\n│     └─ c\n└─ d\n   └─ e"
    assert drawn("") == ""
