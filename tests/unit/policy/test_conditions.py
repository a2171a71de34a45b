"""Rules under conditions: what they answer, how they say so, and what they offer instead."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from deputy.domain.errors import NotFound
from deputy.domain.policy.conditions import Truth
from deputy.domain.policy.config import Condition, Counter, CounterOf, CounterPer
from deputy.domain.policy.decision import Action, ApprovalRequirement, Decision, Effect
from deputy.domain.policy.facts import UNKNOWN, Facts, FileSize, Footprint
from deputy.domain.tasks.request import TaskKind
from deputy.policy import EVERYWHERE, Bundle, explain, load
from deputy.policy.conditions.conditions import judge
from deputy.policy.conditions.counting import EvaluationContext
from deputy.policy.conditions.times import holds_at
from deputy.policy.files.model import MODEL

ALICE, SAM, CORA = "user:T0ACME/U0ALICE", "user:T0ACME/U0SAM", "user:T0ACME/U0CORA"
REPOS = '[repo."acme/shop"]\nurl = "shop.git"\n[repo."acme/site"]\nurl = "site.git"\n'
CONDITIONS = """
[condition.freeze]
title = "Release freeze"
starts = "2026-12-18 18:00"
ends = "2027-01-04 06:00"
timezone = "Europe/Berlin"

[condition.big]
title = "Large patch"
lines_over = 400

[condition.wide]
files_over = 2

[condition.much]
[condition.much.counter]
of = "lines"
per = "person"
days = 7
over = 300
paths = ["**/billing/**"]

[condition.busy]
[condition.busy.counter]
of = "tasks"
per = "person-and-repo"
days = 1
over = 2

[condition.nights]
title = "Night hours"
hours = "18:00-08:00"
timezone = "Europe/Berlin"

[condition.random]
channels = ["C0RANDOM", "C0FUN"]

[condition.rework]
kinds = ["refactor", "other"]

[condition.large]
budgets = ["large"]
"""
RULES = """\
p, a-edit, role:e, acme/*, edit, **, allow, -
p, a-run, role:e, acme/*, run, **, allow, -
p, a-ask, role:e, acme/*, request, **, allow, -, not:nights
p, d-freeze, role:e, acme/shop, edit, **, deny, -, freeze
p, r-big, role:e, acme/*, edit, **, review, role:s=1, big
p, d-wide, role:e, acme/*, edit, docs/**, deny, -, wide
p, d-much, role:e, acme/*, edit, **/billing/**, deny, -, much
p, d-busy, role:e, acme/*, run, **, deny, -, busy
p, d-random, role:e, acme/*, run, **, deny, -, random
p, r-rework, role:e, acme/*, run, **, review, role:s=1, rework
p, r-large, role:e, acme/*, run, **, review, role:s=2, large
p, a-audit, role:c, **, query-audit, **, allow, -, not:nights
g, user:T0ACME/U0ALICE, role:e, acme/*
g, user:T0ACME/U0SAM, role:s, acme/*
g, user:T0ACME/U0CORA, role:c, **
"""
BUDGETS = (
    "[limits]\nagent_turns = 40\n[budget.small]\nagent_turns = 9\n[budget.large]\nagent_turns = 99\nagent_cost = 8.5\n"
)
NOW = datetime(2026, 11, 20, 10, 30, 17, tzinfo=UTC)
FROZEN = datetime(2026, 12, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def bundle_of(rules: str = RULES, conditions: str = CONDITIONS) -> Bundle:
    texts = {"policy.csv": rules, "conditions.toml": conditions, "limits.toml": BUDGETS}
    return load({name: text.encode() for name, text in {**texts, "model.conf": MODEL, "repos.toml": REPOS}.items()})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundle_of()


def sized(**lines: int) -> tuple[FileSize, ...]:
    return tuple(FileSize(path=path.replace("__", "/"), lines=count) for path, count in lines.items())


def facts(**others: object) -> Facts:
    usual = {"at": NOW, "kind": "fix", "channel": "C0SHOP", "budget": "standard", "patch": (), "earlier": ()}
    return Facts.model_validate({**usual, **others})


def edit(bundle: Bundle, *paths: str, **others: object) -> Decision:
    return bundle.decide(ALICE, "acme/shop", Action.EDIT, paths or ("a.py",), facts(**others))


def run(bundle: Bundle, **others: object) -> Decision:
    return bundle.decide(ALICE, "acme/shop", Action.RUN, (), facts(patch=None, **others))


def past(
    days: float, *, lines: int = 100, who: str = ALICE, repo: str = "acme/shop", path: str = "billing/x"
) -> Footprint:
    files = (FileSize(path=path, lines=lines),)
    return Footprint(task="D-1", subject=who, repo=repo, at=NOW - days * DAY, out=NOW - days * DAY, files=files)


# ---- which rules apply ---------------------------------------------------------------------------------------------


def test_a_rule_applies_under_its_condition_only(bundle: Bundle) -> None:
    assert edit(bundle).effect is Effect.ALLOW
    assert edit(bundle, at=FROZEN).effect is Effect.DENY
    assert edit(bundle, patch=sized(a=400)).effect is Effect.ALLOW
    assert edit(bundle, patch=sized(a=400, b=1)).needs == (ApprovalRequirement(role="role:s"),)
    assert run(bundle, kind=TaskKind.OTHER, budget="large").needs == (ApprovalRequirement(role="role:s", count=2),)
    assert run(bundle, channel="C0FUN").effect is Effect.DENY


@pytest.mark.parametrize(
    ("at", "effect"),
    [
        ("2026-12-18T16:59:59+00:00", Effect.ALLOW),
        ("2026-12-18T17:00:00+00:00", Effect.DENY),
        ("2027-01-04T04:59:59+00:00", Effect.DENY),
        ("2027-01-04T06:00:00+01:00", Effect.ALLOW),
    ],
)
def test_a_freeze_begins_with_its_first_minute_and_ends_before_its_last(
    bundle: Bundle, at: str, effect: Effect
) -> None:
    assert edit(bundle, at=datetime.fromisoformat(at)).effect is effect


@pytest.mark.parametrize(
    ("days", "hours", "at", "holds"),
    [
        (("fri",), "18:00-08:00", "2026-11-20 18:00", True),
        (("fri",), "18:00-08:00", "2026-11-21 07:59", True),
        (("fri",), "18:00-08:00", "2026-11-21 08:00", False),
        (("fri",), "18:00-08:00", "2026-11-20 07:00", False),
        (("fri",), "18:00-08:00", "2026-11-21 18:30", False),
        (("fri",), "", "2026-11-20 00:00", True),
        (("fri",), "", "2026-11-21 00:00", False),
        ((), "09:00-17:00", "2026-11-22 16:59", True),
        ((), "09:00-17:00", "2026-11-22 17:00", False),
        (("sun",), "09:00-17:00", "2026-11-22 09:00", True),
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on(days: tuple[str, ...], hours: str, at: str, holds: bool) -> None:
    condition = Condition.model_validate({"name": "c", "days": days, "hours": hours})
    assert holds_at(condition, datetime.fromisoformat(f"{at}+00:00")) is holds


def test_the_clock_is_read_where_it_hangs() -> None:
    summer = Condition(name="c", hours="09:00-10:00", timezone="Europe/Berlin")
    assert holds_at(summer, datetime(2026, 7, 1, 7, 30, tzinfo=UTC))
    assert holds_at(summer, datetime(2026, 1, 1, 8, 30, tzinfo=UTC))
    assert not holds_at(summer, datetime(2026, 1, 1, 7, 30, tzinfo=UTC))


def test_what_the_time_is_must_say_its_zone() -> None:
    with pytest.raises(ValidationError):
        Facts(at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is refused


# ---- rolling counters ----------------------------------------------------------------------------------------------


def test_many_small_patches_are_one_large_one(bundle: Bundle) -> None:
    """Attack: a change too large for policy, split into many small tasks."""
    earlier: list[Footprint] = []
    effects = []
    for number in range(4):
        decision = edit(bundle, "billing/x", patch=sized(billing__x=100), earlier=tuple(earlier))
        effects.append(decision.effect)
        earlier.append(past(0.1 * (4 - number)))
    assert effects == [Effect.ALLOW, Effect.ALLOW, Effect.ALLOW, Effect.DENY]


@pytest.mark.parametrize(
    ("footprint", "counts"),
    [
        (past(6.99, lines=201), True),
        (past(7, lines=201), False),
        (past(1, lines=200), False),
        (past(1, lines=201, who=SAM), False),
        (past(1, lines=201, repo="acme/site"), True),
        (past(1, lines=201, path="docs/x"), False),
        (past(1, lines=201, path="src/Billing/x"), True),
        (past(1, lines=201, path="src/bil\u00adling./x"), True),
    ],
)
def test_a_counter_counts_whose_and_what_it_says(bundle: Bundle, footprint: Footprint, counts: bool) -> None:
    decision = edit(bundle, "billing/x", patch=sized(billing__x=100), earlier=(footprint,))
    assert (decision.effect is Effect.DENY) is counts


def test_a_path_class_is_folded_like_the_rules_that_forbid() -> None:
    capitals = bundle_of(conditions=CONDITIONS.replace('"**/billing/**"', '"**/Billing/**"'))
    for path in ("src/billing/x", "src/BILLING/x", "src/Billing/x"):
        assert edit(capitals, "billing/x", earlier=(past(1, lines=301, path=path),)).effect is Effect.DENY


def test_the_task_that_asks_is_counted_too(bundle: Bundle) -> None:
    assert run(bundle, earlier=(past(0.5),)).effect is Effect.ALLOW
    assert run(bundle, earlier=(past(0.5), past(0.9))).effect is Effect.DENY
    assert run(bundle, earlier=(past(0.5), past(0.9, repo="acme/site"))).effect is Effect.ALLOW


def test_the_bundle_says_how_far_back_its_counters_look(bundle: Bundle) -> None:
    assert bundle.longest_counter == 7 * DAY
    assert bundle.counts_files
    tasks = '[condition.busy.counter]\nof = "tasks"\nper = "person"\ndays = 0.5\nover = 1\n'
    narrow = bundle_of("p, a, role:e, **, run, **, allow, -, busy\n", tasks)
    assert narrow.longest_counter == 0.5 * DAY
    assert not narrow.counts_files
    assert bundle_of("p, a, role:e, **, edit, **, allow, -, busy\n", f'{tasks}paths = ["a/**"]\n').counts_files
    without = bundle_of("p, a, role:e, **, edit, **, allow, -\n", "")
    assert (without.longest_counter, without.counts_files) == (None, False)


# ---- what is not known ---------------------------------------------------------------------------------------------


def test_what_is_not_known_counts_against_who_asks(bundle: Bundle) -> None:
    assert bundle.decide(ALICE, "acme/shop", Action.EDIT, ("a.py",)).effect is Effect.DENY
    assert bundle.decide(ALICE, "acme/shop", Action.REQUEST).effect is Effect.DENY
    assert bundle.decide(CORA, EVERYWHERE, Action.QUERY_AUDIT).effect is Effect.DENY
    assert bundle.decide(CORA, EVERYWHERE, Action.QUERY_AUDIT, (), Facts(at=NOW)).effect is Effect.ALLOW


def test_early_questions_are_asked_again_so_they_wait_for_the_patch(bundle: Bundle) -> None:
    early = edit(bundle, "billing/x", "docs/y", patch=None, is_early=True)
    assert early.effect is Effect.ALLOW
    assert edit(bundle, "billing/x", patch=None, is_early=True, at=FROZEN).effect is Effect.DENY
    spent = (past(1, lines=301),)
    assert edit(bundle, "billing/x", patch=None, is_early=True, earlier=spent).effect is Effect.DENY


def test_what_is_known_in_part_may_be_enough(bundle: Bundle) -> None:
    """More than enough is counted already, whatever the patch; or it can't get to be too much, whenever that was."""
    spent = (past(1, lines=301),)
    known = edit(bundle, "billing/x", patch=None, earlier=spent)
    assert "at least 301, more than 300" in known.reason
    assert edit(bundle, "billing/x", at=None, kind="docs", patch=sized(billing__x=1)).rules[0].id == "d-freeze"
    assert "d-much" not in [rule.id for rule in edit(bundle, "billing/x", at=None, patch=sized(billing__x=1)).rules]


# ---- sentences -----------------------------------------------------------------------------------------------------


def test_the_reason_says_which_condition_made_it_so(bundle: Bundle) -> None:
    assert edit(bundle, at=FROZEN).reason == "rule d-freeze denies edit of a.py during Release freeze"
    earlier = (past(1, lines=312),)
    assert edit(bundle, "billing/x", patch=sized(billing__x=100), earlier=earlier).reason == (
        "rule d-much denies edit of billing/x (lines changed in **/billing/** by U0ALICE in 7 days: 412, more than 300)"
    )
    assert edit(bundle, patch=sized(a=500)).reason == (
        "rule r-big asks for review of edit of a.py (lines changed by the patch: 500, more than 400) by 1 s"
    )
    assert bundle.decide(ALICE, "acme/shop", Action.REQUEST, (), facts(at=NOW + DAY / 2)).reason == (
        f"no rule lets {ALICE} ask for work in acme/shop; rule a-ask would outside Night hours, but it is "
        "2026-11-20 23:30 Europe/Berlin"
    )
    assert edit(bundle, at=None).reason == "rule d-freeze denies edit of a.py (the time is not known)"


def test_explain_shows_how_every_condition_stood(bundle: Bundle) -> None:
    text = explain(edit(bundle, "a.py", at=FROZEN, patch=None))
    assert (
        "policy.csv:4  p, d-freeze, role:e, acme/shop, edit, **, deny, -, freeze\n│  │  └─ freeze holds: it is" in text
    )
    assert "└─ whether big holds is not known: lines changed by the patch: not known" in text
    idle = explain(edit(bundle))
    assert "policy.csv:4  does not apply: p, d-freeze" in idle
    assert "freeze does not hold: it is 2026-11-20 11:30 Europe/Berlin" in idle
    assert "no rule matches" not in explain(bundle.decide(ALICE, "acme/shop", Action.REQUEST))


def test_rules_that_do_not_apply_do_not_decide(bundle: Bundle) -> None:
    decision = edit(bundle)
    assert [rule.id for rule in decision.rules] == ["a-edit"]
    assert [rule.id for rule in decision.paths[0].rules] == ["a-edit"]
    assert [rule.id for rule in decision.paths[0].idle] == ["d-freeze", "r-big"]
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


# ---- offers --------------------------------------------------------------------------------------------------------


def test_a_freeze_offers_its_end(bundle: Bundle) -> None:
    offer = edit(bundle, at=FROZEN).counter_offer
    assert offer == "from 2027-01-04 06:00 Europe/Berlin you may edit a.py in acme/shop"


def test_a_large_patch_is_offered_to_be_smaller(bundle: Bundle) -> None:
    assert edit(bundle, patch=sized(a=500)).counter_offer == "with a patch of at most 400 lines it needs no such review"
    offer = edit(bundle, "docs/a", patch=sized(docs__a=1, docs__b=1, docs__c=1)).counter_offer
    assert offer == "with a patch of at most 2 files you may edit docs/a in acme/shop"


def test_a_counter_offers_what_is_left_and_when_more_is(bundle: Bundle) -> None:
    earlier = (past(6, lines=150), past(2, lines=100))
    assert edit(bundle, "billing/x", patch=sized(billing__x=100), earlier=earlier).counter_offer == (
        "with a patch of at most 50 lines, or from 2026-11-21 10:31 UTC you may edit billing/x in acme/shop"
    )


def test_a_counter_is_free_again_as_soon_as_it_is_not_over(bundle: Bundle) -> None:
    earlier = (past(6, lines=150), past(2, lines=200))
    offer = edit(bundle, "billing/x", patch=sized(billing__x=100), earlier=earlier).counter_offer
    assert offer == "from 2026-11-21 10:31 UTC you may edit billing/x in acme/shop"


def test_the_hours_offer_the_next_morning(bundle: Bundle) -> None:
    offer = bundle.decide(ALICE, "acme/shop", Action.REQUEST, (), facts(at=NOW + DAY / 2)).counter_offer
    assert offer == "from 2026-11-21 08:00 Europe/Berlin you may ask for work in acme/shop"


def test_other_channels_kinds_and_budgets_are_offered_where_they_help(bundle: Bundle) -> None:
    assert run(bundle, channel="C0FUN").counter_offer == (
        "in any channel but C0FUN or C0RANDOM you may have work run in acme/shop"
    )
    assert run(bundle, kind="other").counter_offer == (
        "for work of kind fix, test, docs, deps, format or ask it needs no such review"
    )
    # Nobody can ask for the class that recipes have.
    assert run(bundle, budget="large").counter_offer == "with the budget standard or small it needs no such review"
    here = bundle_of("p, a, role:e, **, run, **, allow, -, random\ng, user:T0ACME/U0ALICE, role:e, **\n", CONDITIONS)
    assert run(here).counter_offer == "in channel C0FUN or C0RANDOM you may have work run in acme/shop"


def test_the_size_that_is_offered_is_under_every_bound() -> None:
    """At most 400 lines may still be more than 100: only what is sure for every patch of that size is offered."""
    conditions = "[condition.big]\nlines_over = 400\n[condition.middle]\nlines_over = 100\n"
    rules = "p, a, role:e, **, edit, **, allow, -\np, d, role:e, **, edit, **, deny, -, big\n"
    rules += "p, e, role:e, **, edit, **, deny, -, middle\n" + RULES[RULES.index("\ng, ") + 1 :]
    asked = edit(bundle_of(rules, conditions), patch=sized(a=500))
    assert asked.counter_offer == "with a patch of at most 100 lines you may edit a.py in acme/shop"


def test_a_counter_of_paths_that_the_patch_leaves_alone_bars_no_size() -> None:
    rules = RULES.replace("p, d-much, role:e, acme/*, edit, **/billing/**", "p, d-much, role:e, acme/*, edit, **")
    asked = edit(bundle_of(rules), patch=sized(a=500), earlier=(past(1, lines=250),))
    assert asked.counter_offer == "with a patch of at most 400 lines it needs no such review"


def test_what_fails_in_one_part_fails_whatever_else_is_not_known() -> None:
    condition = Condition(name="c", kinds=(TaskKind.DOCS,), hours="08:00-09:00")
    held = judge("c", condition, EvaluationContext(ALICE, "acme/shop", facts(at=None)))
    assert (held.holding, held.facts) == (Truth.FAILS, ("the kind of work is fix",))


def test_values_of_a_fact_are_offered_together_where_they_are_as_good() -> None:
    conditions = '[condition.x]\nkinds = ["other"]\n[condition.y]\nkinds = ["docs", "ask", "deps", "format", "test"]\n'
    rules = "p, a, role:e, **, run, **, allow, -\np, d, role:e, **, run, **, deny, -, x\n"
    rules += "p, r, role:e, **, run, **, review, role:s=1, y\n" + RULES[RULES.index("\ng, ") + 1 :]
    asked = run(bundle_of(rules, conditions), kind="other")
    assert asked.counter_offer == "for work of kind fix or refactor you may have work run in acme/shop"


def test_a_patch_of_nothing_is_not_offered() -> None:
    conditions = "[condition.any]\nlines_over = 0\n"
    rules = "p, a, role:e, **, edit, **, allow, -\np, d, role:e, **, edit, **, deny, -, any\n"
    asked = edit(bundle_of(rules + RULES[RULES.index("\ng, ") + 1 :], conditions), patch=sized(a=3))
    assert "at most" not in asked.counter_offer


def test_what_says_nothing_never_holds() -> None:
    asked = EvaluationContext(ALICE, "acme/shop", facts())
    assert judge("c", Condition(name="c"), asked).holding is Truth.UNKNOWN
    assert judge("c", None, asked).holding is Truth.UNKNOWN


def test_where_one_change_is_not_enough_nothing_false_is_offered(bundle: Bundle) -> None:
    both = edit(bundle, "billing/x", at=FROZEN, patch=sized(billing__x=301)).counter_offer
    assert both == "nobody may edit in acme/shop as things stand: ask whoever keeps the policy"
    nowhere = bundle.decide(ALICE, "acme/shop", Action.EDIT, ("../x",), facts(at=FROZEN)).counter_offer
    assert "2027" not in nowhere


def test_nobody_is_named_who_may_not_either() -> None:
    shut = bundle_of(
        "p, a, role:e, **, run, **, allow, -\np, d, role:e, **, run, **, deny, -\n" + RULES[RULES.index("\ng, ") + 1 :]
    )
    asked = shut.decide(CORA, "acme/shop", Action.RUN, (), facts(patch=None))
    assert asked.counter_offer == "nobody may have work run in acme/shop: ask whoever keeps the policy"


def test_what_depends_on_the_unknown_says_so(bundle: Bundle) -> None:
    offer = bundle.decide(ALICE, "acme/shop", Action.REQUEST).counter_offer
    assert offer == "it depends on what is not known here: the time is not known"


# ---- budgets -------------------------------------------------------------------------------------------------------


def test_budget_classes_change_what_they_name(bundle: Bundle) -> None:
    assert [*bundle.budgets] == ["standard", "recipe", "small", "large"]
    assert bundle.limits_for("standard") == bundle.limits_for("recipe") == bundle.limits
    large = bundle.limits_for("large")
    assert (large.agent_turns, large.agent_cost, large.run_seconds) == (99, 8.5, bundle.limits.run_seconds)
    assert bundle.limits_for("small").agent_turns == 9
    with pytest.raises(NotFound, match="standard, recipe, small, large"):
        bundle.limits_for("huge")


def test_a_bundle_without_conditions_knows_none() -> None:
    assert (
        bundle_of("p, a, role:e, **, edit, **, allow, -\n", "")
        .decide(ALICE, "acme/shop", Action.EDIT, (), UNKNOWN)
        .rules
        == ()
    )


def test_a_patch_counts_from_when_it_went_out_and_a_request_from_when_it_was_made() -> None:
    old, new = NOW - 8 * DAY, NOW - DAY
    waited = Footprint(
        task="D-1", subject=ALICE, repo="acme/shop", at=old, out=new, files=(FileSize(path="a", lines=5),)
    )
    held = waited.model_copy(update={"out": None})
    asked = EvaluationContext(ALICE, "acme/shop", Facts(at=NOW, earlier=(waited, held)))
    lines = Counter(of=CounterOf.LINES, per=CounterPer.PERSON, days=7, over=1)
    assert asked.amounts(lines) == ((new, 5), (NOW, 5))  # what is on its way counts as of now
    tasks = Counter(of=CounterOf.TASKS, per=CounterPer.PERSON, days=7, over=1)
    assert asked.amounts(tasks) == ((old, 1), (old, 1))
