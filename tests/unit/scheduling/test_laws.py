"""The line: what holds whoever waits for whatever. Each law is stated in docs/queue.md."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from deputy.domain.policy.config import Limits
from deputy.scheduling import PATIENCE, Lack, Line, ResourceRequest, Room, Run, fair_order, line, never_fits, people
from tests.support.examples import examples

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEOPLE, REPOS = "abcd", ("acme/shop", "acme/site", "acme/docs")
TICK = timedelta(seconds=10)
MAX_TICKS = 12  # the longest run of the simulation

seconds = st.integers(0, 900).map(lambda ago: NOW - timedelta(seconds=ago))
claims = st.builds(ResourceRequest, st.sampled_from([0.5, 1.0, 2.0, 4.0, 6.0, 9.0]), st.sampled_from([1, 2, 4, 8]))
limits = st.builds(
    Limits,
    active_total=st.integers(1, 6),
    active_per_repo=st.integers(1, 4),
    total_cpus=st.none() | st.sampled_from([4.0, 8.0]),
    total_memory=st.none() | st.sampled_from([4, 8]),
)
some_runs = st.lists(
    st.builds(
        lambda person, repo, claim, asked, since: Run("", person, repo, claim, min(asked, since), since),
        st.sampled_from(PEOPLE),
        st.sampled_from(REPOS),
        claims,
        seconds,
        seconds,
    ),
    max_size=14,
).map(lambda runs: [replace(run, task=f"{run.person}{number}") for number, run in enumerate(runs)])
times = st.dictionaries(st.sampled_from(PEOPLE), seconds)


@st.composite
def states(draw: st.DrawFn) -> tuple[list[Run], list[Run], Limits, dict[str, datetime]]:
    """Those who wait, those under way within the limits, the limits, and when people were served."""
    bounds, everybody = draw(limits), draw(some_runs)
    room = Room(bounds, ())
    for run in everybody[: draw(st.integers(0, 6))]:
        room = room.plus(run) if room.lack(run) is None else room
    waiting = [run for run in everybody if run not in room.runs]
    return waiting, list(room.runs), bounds, draw(times)


def by_id(runs: Sequence[Run]) -> dict[str, Run]:
    return {run.task: run for run in runs}


def places(found: Line) -> dict[str, int]:
    return {spot.task: spot.number for spot in found.spots}


def started(found: Line, waiting: Sequence[Run], now: datetime = NOW) -> tuple[list[Run], dict[str, datetime]]:
    """The runs that start, and when each person was served by it, in order."""
    known = by_id(waiting)
    runs = [known[task] for task in found.starts]
    return runs, {run.person: now + timedelta(microseconds=number) for number, run in enumerate(runs)}


@given(states(), st.randoms())
def test_the_line_does_not_depend_on_the_order_of_what_it_is_given(state, random) -> None:  # type: ignore[no-untyped-def]
    waiting, running, bounds, served = state
    first = line(waiting, running, bounds, served, NOW)
    random.shuffle(waiting)
    random.shuffle(running)
    assert line(waiting, running, bounds, served, NOW) == first


@given(states())
def test_everybody_starts_or_has_a_place_or_is_told_that_it_never_fits(state) -> None:  # type: ignore[no-untyped-def]
    waiting, running, bounds, served = state
    found = line(waiting, running, bounds, served, NOW)
    told = [*found.starts, *(spot.task for spot in found.spots), *found.hopeless]
    assert sorted(told) == sorted(run.task for run in waiting)
    assert [spot.number for spot in found.spots] == list(range(1, len(found.spots) + 1))
    assert set(found.hopeless) == {run.task for run in waiting if never_fits(run.claim, bounds)}


@given(states())
def test_no_limit_is_ever_exceeded(state) -> None:  # type: ignore[no-untyped-def]
    waiting, running, bounds, served = state
    starts, _ = started(line(waiting, running, bounds, served, NOW), waiting)
    after = [*running, *starts]
    assert len(after) <= bounds.active_total
    assert all(sum(run.repo == repo for run in after) <= bounds.active_per_repo for repo in REPOS)
    assert sum(run.claim.cpus for run in after) <= (bounds.total_cpus or 1e9)
    assert sum(run.claim.memory for run in after) <= (bounds.total_memory or 1e9)


@given(states(), st.integers(1, 6))
def test_limits_that_were_lowered_start_nothing_more(state, total: int) -> None:  # type: ignore[no-untyped-def]
    waiting, running, bounds, served = state
    lowered = bounds.model_copy(update={"active_total": total})
    found = line(waiting, running, lowered, served, NOW)
    assert len(found.starts) <= max(0, total - len(running))


@given(states())
def test_nothing_that_fits_waits_unless_somebody_ahead_has_waited_too_long(state) -> None:  # type: ignore[no-untyped-def]
    waiting, running, bounds, served = state
    found = line(waiting, running, bounds, served, NOW)
    starts, _ = started(found, waiting)
    room, known = Room(bounds, (*running, *starts)), by_id(waiting)
    holders = set()
    for spot in found.spots:
        run = known[spot.task]
        if room.lack(run) is None:
            assert spot.wait.lack is None
            assert spot.wait.behind in holders
        if NOW - run.since >= PATIENCE:
            holders.add(run.task)


@given(states())
def test_nobodys_first_waits_for_more_than_one_of_anybody_else(state) -> None:  # type: ignore[no-untyped-def]
    waiting, running, _, served = state
    active = people(running)
    order = fair_order(waiting, active, served)
    for number, run in enumerate(order):
        ahead, own = people(order[:number]), active.get(run.person, 0)
        own += ahead.get(run.person, 0)
        for other in set(PEOPLE) - {run.person}:
            assert ahead.get(other, 0) <= max(0, own - active.get(other, 0) + 1)


@given(states())
def test_each_persons_own_tasks_keep_their_order(state) -> None:  # type: ignore[no-untyped-def]
    waiting, running, _, served = state
    order = fair_order(waiting, people(running), served)
    for person in PEOPLE:
        own = [(run.asked, run.task) for run in order if run.person == person]
        assert own == sorted(own)


# ---- a place moves back only when somebody with a better claim comes


@given(states(), st.data())
def test_when_somebody_leaves_the_line_no_place_moves_back(state, data) -> None:  # type: ignore[no-untyped-def]
    waiting, running, _, served = state
    full = Limits(active_total=max(1, len(running)), active_per_repo=99)
    running = running or [Run("x", "x", "acme/x", ResourceRequest(1, 1), NOW, NOW)]
    gone = data.draw(st.sets(st.sampled_from([run.task for run in waiting]))) if waiting else set()
    before = places(line(waiting, running, full, served, NOW))
    after = places(line([run for run in waiting if run.task not in gone], running, full, served, NOW))
    assert all(after[task] <= before[task] for task in after)


@given(states())
def test_when_runs_have_started_nothing_more_starts(state) -> None:  # type: ignore[no-untyped-def]
    """Places are counted anew then: no law says who moves back, for what has started counts for its person."""
    waiting, running, bounds, served = state
    found = line(waiting, running, bounds, served, NOW)
    starts, times = started(found, waiting)
    left = [run for run in waiting if run.task not in {*found.starts, *found.hopeless}]
    again = line(left, [*running, *starts], bounds, {**served, **times}, NOW)
    assert again.starts == ()
    assert {spot.task for spot in again.spots} == {spot.task for spot in found.spots}


@given(states(), st.sampled_from(PEOPLE), st.sampled_from(REPOS), claims)
def test_a_newcomer_moves_others_back_by_one_place_at_most(state, person, repo, claim) -> None:  # type: ignore[no-untyped-def]
    waiting, running, _, served = state
    active, new = people(running), Run("new", person, repo, claim, NOW, NOW)
    before = [run.task for run in fair_order(waiting, active, served)]
    after = [run.task for run in fair_order([*waiting, new], active, served)]
    assert [task for task in after if task != "new"] == before


@given(states(), st.data())
def test_when_a_run_ends_nobodys_place_moves_back_by_more_than_one(state, data) -> None:  # type: ignore[no-untyped-def]
    """Its person has less under way, so each of their tasks has a better claim by one; they themselves only gain."""
    waiting, running, _, served = state
    if not running:
        return
    ended = data.draw(st.sampled_from(running))
    before = {r.task: n for n, r in enumerate(fair_order(waiting, people(running), served))}
    left = [run for run in running if run is not ended]
    after = {r.task: n for n, r in enumerate(fair_order(waiting, people(left), served))}
    for run in waiting:
        assert after[run.task] <= before[run.task] + (run.person != ended.person)


# ---- nobody starves


@settings(max_examples=examples(60), deadline=None)
@given(
    limits,
    st.sampled_from(PEOPLE[:3]),
    claims,
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(PEOPLE), st.sampled_from(REPOS), claims, st.integers(1, 12))),
)
def test_nobody_starves_however_the_others_ask(bounds, victim, claim, pattern) -> None:  # type: ignore[no-untyped-def]
    """One asks once; everybody else goes on asking for whatever suits them, for ever. It starts all the same.

    The bound: its person's earlier runs end, every other person is served at most once before it, and then, when its
    patience is over, what is under way ends.
    """
    if never_fits(claim, bounds):
        return
    mine = Run("z", victim, REPOS[0], claim, NOW, NOW)
    waiting, ends, served = [mine], dict[Run, int](), dict[str, datetime]()
    patience = int(PATIENCE / TICK)
    for tick in range((2 + len(PEOPLE)) * MAX_TICKS + patience + 2 * MAX_TICKS):
        now = NOW + tick * TICK
        ends = {run: end for run, end in ends.items() if end > tick}
        for number, (count, person, repo, size, length) in enumerate(pattern):
            if person != victim and len([run for run in waiting if run.person == person]) < 3:
                waiting += [
                    Run(f"{tick}.{number}.{n}.{length}", person, repo, size, now, now)
                    for n in range(count)
                    if not never_fits(size, bounds)
                ]
        found = line(waiting, list(ends), bounds, served, now)
        starts, times = started(found, waiting, now)
        served |= times
        for run in starts:
            ends[run] = tick + (int(run.task.rpartition(".")[2]) if "." in run.task else 1)
        waiting = [run for run in waiting if run.task not in found.starts]
        if mine not in waiting:
            return
    raise AssertionError("it never started")


def test_without_patience_a_large_claim_would_starve() -> None:
    """The simulation can tell: small tasks that follow each other without a gap keep a large one out."""
    bounds = Limits(active_total=4, active_per_repo=4, total_cpus=8.0)
    small = [Run(f"s{n}", "b", "acme/site", ResourceRequest(4, 1), NOW, NOW) for n in range(2)]
    mine = Run("z", "a", "acme/shop", ResourceRequest(6, 1), NOW, NOW)
    assert line([mine, small[1]], [small[0]], bounds, {}, NOW).starts == ("s1",)
    late = NOW + PATIENCE
    found = line([mine, replace(small[1], since=late)], [small[0]], bounds, {}, late)
    assert found.starts == ()
    assert found.spots[0].wait.lack is Lack.CPUS
