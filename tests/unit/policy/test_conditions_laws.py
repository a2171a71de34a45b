"""Laws of conditions: against Casbin's slow answer, against a slow reading of the docs, and of what is not known."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deputy.domain.changes.folding import fold
from deputy.domain.changes.globs import matches_any
from deputy.domain.policy.conditions import Truth
from deputy.domain.policy.config import Condition, Counter, CounterOf, CounterPer, Weekday
from deputy.domain.policy.decision import Action, Effect
from deputy.domain.policy.facts import UNKNOWN, Facts, FileSize, Footprint
from deputy.domain.tasks.request import TaskKind
from deputy.policy.conditions.conditions import judge
from deputy.policy.conditions.counting import EvaluationContext
from deputy.policy.core.csv_rules import read_lines
from deputy.policy.core.deciding import Question, answer, consider
from deputy.policy.core.engine import RuleEngine
from deputy.policy.offers.alternatives import Alternative, alternatives
from tests.support.examples import examples

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
USERS = ("user:T1/U1", "user:T1/U2")
REPOS = ("acme/shop", "beta/x")
PATHS = ("a/x.py", "Secrets/k", "secrets/k", "b/billing/y.py")
CLASSES = (("secrets/**",), ("**/billing/**", "a/**"), ())
WORST = (Effect.ALLOW, Effect.REVIEW, Effect.DENY)

some = st.sampled_from
instants = st.integers(-200, 400).map(lambda hours: NOON + timedelta(hours=hours, minutes=hours % 60))
sizes = st.dictionaries(some(PATHS), st.integers(0, 12), max_size=4).map(
    lambda found: tuple(FileSize(path=path, lines=lines) for path, lines in found.items())
)
waits = st.none() | st.integers(0, 100).map(lambda hours: timedelta(hours=hours, minutes=hours % 7))
footprints = st.builds(
    lambda at, wait, **fields: Footprint(task="D-1", at=at, out=None if wait is None else at + wait, **fields),
    at=instants,
    wait=waits,
    subject=some(USERS),
    repo=some(REPOS),
    files=sizes,
)
full_facts = st.builds(
    Facts,
    at=instants,
    kind=some(TaskKind),
    channel=some(("C1A", "C2A", "C3A")),
    budget=some(("standard", "large")),
    patch=sizes,
    earlier=st.lists(footprints, max_size=4).map(tuple),
)
counters = st.builds(
    Counter,
    of=some(CounterOf),
    per=some(CounterPer),
    days=some((0.5, 3.0, 7.0)),
    over=st.integers(0, 20),
    paths=some(CLASSES),
)
hours = some(("18:00-08:00", "09:00-17:30", "00:00-12:00", "22:00-00:00"))
PARTS = {
    "kinds": st.lists(some(TaskKind), min_size=1, max_size=4).map(tuple),
    "channels": st.lists(some(("C1A", "C2A")), min_size=1, max_size=2, unique=True).map(tuple),
    "budgets": st.just(("large",)),
    "days": st.lists(some(Weekday), min_size=1, max_size=5, unique=True).map(tuple),
    "hours": hours,
    "starts": some(("2026-11-19 12:00", "2026-11-22 00:00")),
    "ends": some(("2026-11-23 06:30", "2026-12-01 00:00")),
    "files_over": st.integers(0, 3),
    "lines_over": st.integers(0, 25),
    "counter": counters,
}


@st.composite
def conditions(draw: st.DrawFn, name: str) -> Condition:
    keys = draw(st.lists(some(sorted(PARTS)), min_size=1, max_size=3, unique=True))
    zone = draw(some(("UTC", "Europe/Berlin", "America/New_York")))
    return Condition(name=name, timezone=zone, **{key: draw(PARTS[key]) for key in keys})


NAMES = ("c0", "c1", "c2")
whens = some(("-", *NAMES, *(f"not:{name}" for name in NAMES)))
effects = some(("allow, -", "allow, -", "deny, -", "review, role:a=1", "review, role:b=2;role:a=1"))
globs = some(("**", "**", "secrets/**", "**/billing/**", "**/*.py", "a/*"))
rules = st.tuples(some(("role:a", "role:b", *USERS)), some(("**", "acme/*")), st.just("edit"), globs, effects, whens)
grants = st.tuples(some((*USERS, "role:a")), st.just("role:b"), some(("**", "acme/*"))) | st.tuples(
    some(USERS), st.just("role:a"), st.just("**")
)
Lines = tuple[list[tuple[str, ...]], list[tuple[str, ...]], tuple[Condition, ...]]
bundles = st.tuples(
    st.lists(rules, min_size=1, max_size=7),
    st.lists(grants, min_size=1, max_size=4),
    st.tuples(*(conditions(name) for name in NAMES)),
)
quick = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def engine_of(bundle: Lines, extra: tuple[str, ...] = ()) -> RuleEngine:
    text = [f"p, r{number}, {', '.join(rule)}" for number, rule in enumerate(bundle[0])]
    lines = read_lines("\n".join([*text, *(f"g, {', '.join(grant)}" for grant in bundle[1]), *extra]).encode())
    assert not lines.problems
    return RuleEngine(lines.rules, lines.grants, REPOS, {each.name: each for each in bundle[2]})


def ask(engine: RuleEngine, subject: str, repo: str, facts: Facts, paths: tuple[str, ...] = PATHS) -> list[Effect]:
    """The effect of the whole, then of each path."""
    question = Question(subject, repo, Action.EDIT, paths, facts)
    decision = answer(question, engine.rules_for(subject, repo, Action.EDIT), "")
    return [decision.effect, *(path.effect for path in decision.paths)]


def is_worse_or_same(effects: list[Effect], than: list[Effect]) -> bool:
    return all(WORST.index(one) >= WORST.index(other) for one, other in zip(effects, than, strict=True))


@settings(quick, max_examples=examples(120))
@given(bundles, st.lists(full_facts, min_size=2, max_size=3), st.data())
def test_our_answer_is_casbins_answer(bundle: Lines, known: list[Facts], data: st.DataObject) -> None:
    """About 10,000 questions: every user, repository and path; facts known, known in part, asked early, or unknown."""
    engine = engine_of(bundle)
    asked = [*known, blank(known[0], data), blank(known[1], data).model_copy(update={"is_early": True}), UNKNOWN]
    for subject, repo, facts in product(USERS, REPOS, asked):
        rules = engine.rules_for(subject, repo, Action.EDIT)
        for path in answer(Question(subject, repo, Action.EDIT, PATHS, facts), rules, "").paths:
            permitted = engine.enforce(subject, repo, Action.EDIT, path.path, facts)
            assert permitted == (path.effect is not Effect.DENY)
            assert (path.effect is Effect.REVIEW) == (
                permitted and any(rule.effect is Effect.REVIEW for rule in path.rules)
            )


def blank(facts: Facts, data: st.DataObject) -> Facts:
    """The same with some facts not known."""
    names = data.draw(st.sets(some(("at", "kind", "channel", "budget", "patch", "earlier")), min_size=1))
    return facts.model_copy(update=dict.fromkeys(names))


@settings(quick, max_examples=examples(150))
@given(bundles, full_facts, st.data())
def test_learning_a_fact_never_surprises(bundle: Lines, known: Facts, data: st.DataObject) -> None:
    engine, less = engine_of(bundle), blank(known, data)
    early = less.model_copy(update={"is_early": True})
    for subject, repo in product(USERS, REPOS):
        final = ask(engine, subject, repo, known)
        assert is_worse_or_same(ask(engine, subject, repo, less), final)
        assert is_worse_or_same(final, ask(engine, subject, repo, early))


@settings(quick, max_examples=examples(120))
@given(bundles, rules, st.lists(full_facts, min_size=1, max_size=3), st.data())
def test_a_new_deny_or_review_never_widens(
    bundle: Lines, rule: tuple[str, ...], known: list[Facts], data: st.DataObject
) -> None:
    eft = data.draw(some(("deny, -", "review, role:a=3")))
    before = engine_of(bundle)
    after = engine_of(bundle, (f"p, new, {', '.join((*rule[:4], eft, rule[5]))}",))
    for subject, repo, facts in product(USERS, REPOS, [*known, blank(known[0], data), UNKNOWN]):
        assert is_worse_or_same(ask(after, subject, repo, facts), ask(before, subject, repo, facts))


@settings(quick, max_examples=examples(80))
@given(bundles, st.lists(full_facts, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_order_never_matters(bundle: Lines, known: list[Facts], random: object) -> None:
    one, shuffled = engine_of(bundle), (list(bundle[0]), list(bundle[1]), bundle[2])
    for part in shuffled[:2]:
        random.shuffle(part)  # type: ignore[attr-defined]
    other = engine_of(shuffled)
    for subject, repo, facts in product(USERS, REPOS, known):
        assert ask(one, subject, repo, facts) == ask(other, subject, repo, facts)


@settings(quick, max_examples=examples(50))
@given(bundles, full_facts)
def test_a_stranger_gets_nothing_under_any_facts(bundle: Lines, known: Facts) -> None:
    engine = engine_of(bundle)
    for subject in ("user:T2/U1", "role:a", ""):
        for facts in (
            known,
            known.model_copy(update={"is_early": True}),
            UNKNOWN.model_copy(update={"is_early": True}),
        ):
            assert {*ask(engine, subject, "acme/shop", facts)} == {Effect.DENY}


# ---- what a condition means ----------------------------------------------------------------------------------------


def meaning(condition: Condition, subject: str, repo: str, facts: Facts) -> Iterator[bool]:
    """Each part of a condition, as docs/policy.md says it, when all facts are known."""
    patch, at = facts.patch or (), facts.at or NOON
    if condition.kinds:
        yield facts.kind in condition.kinds
    if condition.channels:
        yield facts.channel in condition.channels
    if condition.budgets:
        yield facts.budget in condition.budgets
    zone = ZoneInfo(condition.timezone)
    if condition.starts:
        yield at >= datetime.fromisoformat(condition.starts).replace(tzinfo=zone).astimezone(UTC)
    if condition.ends:
        yield at < datetime.fromisoformat(condition.ends).replace(tzinfo=zone).astimezone(UTC)
    if condition.days or condition.hours:
        yield any(begin <= at < end for begin, end in spans(condition, zone, at))
    if condition.files_over is not None:
        yield len(patch) > condition.files_over
    if condition.lines_over is not None:
        yield sum(file.lines for file in patch) > condition.lines_over
    if condition.counter:
        yield count(condition.counter, subject, repo, facts) > condition.counter.over


def spans(condition: Condition, zone: ZoneInfo, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time around a moment that days and hours mean, one by one."""
    first, last = (condition.hours or "00:00-00:00").split("-")
    for ahead in range(-9, 10):
        day: date = at.astimezone(zone).date() + timedelta(days=ahead)
        if condition.days and day.strftime("%a").lower() not in condition.days:
            continue
        until = day if first < last else day + timedelta(days=1)
        yield (
            datetime.combine(day, time.fromisoformat(first), zone).astimezone(UTC),
            datetime.combine(until, time.fromisoformat(last), zone).astimezone(UTC),
        )


def count(counter: Counter, subject: str, repo: str, facts: Facts) -> int:
    mine = {
        CounterPer.PERSON: lambda f: f.subject == subject,
        CounterPer.REPO: lambda f: f.repo == repo,
        CounterPer.PERSON_AND_REPO: lambda f: (f.subject, f.repo) == (subject, repo),
        CounterPer.EVERYBODY: lambda _: True,
    }[counter.per]
    at = facts.at or NOON
    # A request counts from when it was made; a patch from when it went out, and as of now until then.
    is_request = counter.of is CounterOf.TASKS and not counter.paths
    moments = [(f.at if is_request else f.out or at, f.files) for f in facts.earlier or () if mine(f)]
    recent = [files for moment, files in moments if at - moment < timedelta(days=counter.days)]
    folded = [fold(glob) for glob in counter.paths]
    total = 0
    for files in (*recent, facts.patch or ()):
        inside = [
            file
            for file in files
            if not counter.paths or matches_any(counter.paths, file.path) or matches_any(folded, fold(file.path))
        ]
        if counter.of is CounterOf.TASKS:
            total += 1 if inside or not counter.paths else 0
        else:
            total += len(inside) if counter.of is CounterOf.FILES else sum(file.lines for file in inside)
    return total


def half_a_day_later(**counter: object) -> tuple[Condition, Facts]:
    """A task at noon, and another half a day and some minutes after it: over the edge of the counter's days or not."""
    asked = NOON + timedelta(hours=12, minutes=12)
    known = Counter.model_validate({"per": CounterPer.PERSON, "days": 0.5, "over": 1, **counter})
    files = (FileSize(path="Secrets/k", lines=0),)
    earlier = Footprint(task="D-1", subject=USERS[0], repo=REPOS[0], at=NOON, files=files)
    facts = Facts(at=asked, kind=TaskKind.FIX, channel="C1A", budget="standard", patch=files, earlier=(earlier,))
    return Condition(name="c", counter=known), facts


# A patch that is still on its way counts as of now, however long ago it was asked for.
@example(*half_a_day_later(of="tasks", paths=("secrets/**",)), USERS[0], REPOS[0])
@example(*half_a_day_later(of="files", paths=("secrets/**",)), USERS[0], REPOS[0])
@example(*half_a_day_later(of="tasks"), USERS[0], REPOS[0])
@settings(quick, max_examples=examples(400))
@given(conditions("c"), full_facts, some(USERS), some(REPOS))
def test_a_condition_means_what_the_docs_say(condition: Condition, facts: Facts, subject: str, repo: str) -> None:
    expected = all(meaning(condition, subject, repo, facts))
    asked = EvaluationContext(subject, repo, facts)
    assert judge("c", condition, asked).holding is (Truth.HOLDS if expected else Truth.FAILS)
    assert judge("not:c", condition, asked).holding is (Truth.FAILS if expected else Truth.HOLDS)


@settings(quick, max_examples=examples(200))
@given(conditions("c"), full_facts, st.data())
def test_what_is_said_of_a_condition_in_part_known_stays_true(
    condition: Condition, known: Facts, data: st.DataObject
) -> None:
    less = judge("c", condition, EvaluationContext(USERS[0], REPOS[0], blank(known, data)))
    full = judge("c", condition, EvaluationContext(USERS[0], REPOS[0], known))
    assert less.holding in {full.holding, Truth.UNKNOWN}
    assert less.facts
    assert full.facts


# ---- offers --------------------------------------------------------------------------------------------------------


@settings(quick, max_examples=examples(300))
@given(bundles, full_facts, st.data())
def test_what_is_offered_is_permitted(bundle: Lines, known: Facts, data: st.DataObject) -> None:
    engine = engine_of(bundle)
    facts = blank(known, data) if data.draw(st.booleans()) else known
    for subject, repo in product(USERS, REPOS):
        rules = engine.rules_for(subject, repo, Action.EDIT)
        question = Question(subject, repo, Action.EDIT, PATHS[:3], facts)
        seen = consider(question, rules)
        effect = seen.decision("").effect
        wanted = {Effect.DENY: (Effect.ALLOW, Effect.REVIEW), Effect.REVIEW: (Effect.ALLOW,)}.get(effect)
        for offer in alternatives(seen, wanted, ("standard", "large")) if wanted else ():
            again = answer(replace(question, facts=taken_up(offer, facts, data)), rules, "")
            assert again.effect in wanted, offer.text


def taken_up(offer: Alternative, facts: Facts, data: st.DataObject) -> Facts:
    """The facts of somebody who does what was offered: any patch within the bounds, if it was about its size."""
    if offer.asked.most is None:
        return offer.asked.facts
    files, lines = offer.asked.most
    touched = (facts.patch or tuple(FileSize(path=path, lines=0) for path in PATHS))[:files]
    left, patch = lines if lines is not None else 40, []
    for file in touched:
        size = data.draw(st.integers(0, left))
        patch.append(FileSize(path=file.path, lines=size))
        left -= size
    return facts.model_copy(update={"patch": tuple(patch)})
