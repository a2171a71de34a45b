"""The line: who is next, in examples and in words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from deputy.domain.policy.config import Limits
from deputy.scheduling import (
    PATIENCE,
    Lack,
    Line,
    QueuePosition,
    ResourceRequest,
    Run,
    Wait,
    fair_order,
    line,
    never_fits,
    place_words,
    unschedulable_words,
    wait_words,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GIB = 1024**3
SMALL, LARGE = ResourceRequest(1, GIB), ResourceRequest(6, 6 * GIB)
LIMITS = Limits(active_total=4, active_per_repo=3)


def run(
    task: str, repo: str = "acme/shop", claim: ResourceRequest = SMALL, *, minutes: float = 1, since: float = 0
) -> Run:
    """``a2`` is Alice's second task; the first letter is the person. ``minutes`` ago it was asked for."""
    asked = NOW - timedelta(minutes=minutes) + timedelta(seconds=int(task[1:] or 0))
    return Run(task, task[0], repo, claim, asked, NOW - timedelta(minutes=since or minutes))


def order(waiting: Sequence[str], active: dict[str, int] | None = None, **served: float) -> list[str]:
    """The order; ``served`` is how many minutes ago somebody was."""
    times = {person: NOW - timedelta(minutes=minutes) for person, minutes in served.items()}
    return [r.task for r in fair_order([run(task) for task in waiting], active or {}, times)]


def test_people_take_turns_however_many_tasks_each_has() -> None:
    assert order(["a1", "a2", "a3", "a4", "b1", "c1"]) == ["a1", "b1", "c1", "a2", "a3", "a4"]


def test_who_has_least_under_way_is_next() -> None:
    assert order(["a1", "b1"], {"a": 2, "b": 1}) == ["b1", "a1"]
    assert order(["a1", "a2", "b1"], {"b": 1}) == ["a1", "b1", "a2"]


def test_of_equals_who_was_served_longest_ago_is_next_and_never_is_longest() -> None:
    assert order(["a1", "b1", "c1"], a=1, b=5) == ["c1", "b1", "a1"]


def test_of_equals_who_asked_first_is_next() -> None:
    assert order(["b9", "a5", "c7"]) == ["a5", "c7", "b9"]


def test_who_has_one_under_way_comes_before_who_is_about_to_have_one() -> None:
    assert order(["a1", "a2", "b1"], {"b": 1}, b=0.1) == ["a1", "b1", "a2"]


def test_a_busy_repository_lets_others_overtake() -> None:
    busy = [run(f"x{n}") for n in range(3)]
    found = line([run("a1"), run("b1", "acme/site")], busy, LIMITS, {}, NOW)
    assert found.starts == ("b1",)
    assert found.spots == (QueuePosition("a1", 1, Wait(Lack.TOTAL, "", 4, 4)),)
    roomy = LIMITS.model_copy(update={"active_total": 9})
    assert line([run("a1")], busy, roomy, {}, NOW).spots == (
        QueuePosition("a1", 1, Wait(Lack.REPO, "acme/shop", 3, 3)),
    )


def test_a_large_claim_is_overtaken_for_a_while_and_then_by_nobody() -> None:
    limits = LIMITS.model_copy(update={"total_cpus": 8.0, "total_memory": 32 * GIB, "active_per_repo": 9})
    under_way = [run("x1", claim=ResourceRequest(4, GIB))]

    def at(minutes: float) -> Line:
        waiting = [run("a1", claim=LARGE, minutes=minutes), run("b1", minutes=0.5)]
        return line(waiting, under_way, limits, {}, NOW)

    patience = PATIENCE / timedelta(minutes=1)
    assert at(patience - 0.1).starts == ("b1",)
    held = at(patience)
    assert held.starts == ()
    assert [(spot.task, spot.number) for spot in held.spots] == [("a1", 1), ("b1", 2)]
    assert held.spots[0].wait == Wait(Lack.CPUS, "", 4, 8, 6)
    assert held.spots[1].wait == Wait(None, behind="a1")


def test_a_run_that_is_back_in_line_has_its_patience_anew() -> None:
    limits = LIMITS.model_copy(update={"total_cpus": 8.0})
    waiting = [run("a1", claim=LARGE, minutes=60, since=1), run("b1")]
    assert line(waiting, [run("x1", claim=ResourceRequest(4, GIB))], limits, {}, NOW).starts == ("b1",)


def test_who_waits_for_a_repository_holds_nobody_up() -> None:
    limits = LIMITS.model_copy(update={"total_cpus": 8.0})
    under_way = [run(f"x{n}", claim=ResourceRequest(1, GIB)) for n in range(3)]
    waiting = [run("a1", claim=LARGE, minutes=60), run("b1", "acme/site")]
    assert line(waiting, under_way, limits, {}, NOW).starts == ("b1",)


def test_what_never_fits_is_named_and_holds_nobody_up() -> None:
    limits = LIMITS.model_copy(update={"total_cpus": 4.0})
    found = line([run("a1", claim=LARGE, minutes=60), run("b1")], [], limits, {}, NOW)
    assert found == Line(("b1",), (), ("a1",))


def test_tenths_of_a_core_add_up() -> None:
    limits = LIMITS.model_copy(update={"total_cpus": 0.3})
    found = line([run(f"a{n}", claim=ResourceRequest(0.1, 1)) for n in range(4)], [], limits, {}, NOW)
    assert found.starts == ("a0", "a1", "a2")


def test_the_place_counts_those_who_really_wait() -> None:
    waiting = [run("a1"), run("a2"), run("b1"), run("c1", "acme/site")]
    found = line(waiting, [run("x1"), run("x2"), run("x3", "acme/docs")], LIMITS, {}, NOW)
    assert found.starts == ("a1",)
    assert [(s.task, s.number, s.wait.own) for s in found.spots] == [("b1", 1, 0), ("c1", 2, 0), ("a2", 3, 0)]
    assert found.spot("c1") == found.spots[1]
    assert found.spot("a1") is None


# ------------------------------------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *[(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th")],
        *[(21, "21st"), (102, "102nd"), (111, "111th"), (113, "113th"), (1003, "1003rd")],
    ],
)
def test_places_in_words(number: int, words: str) -> None:
    assert place_words(QueuePosition("a", number, Wait(Lack.TOTAL))) == f"{words} in line"


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(Lack.TOTAL, "", 4, 4), "4 runs are under way, the limit is 4."),
        (Wait(Lack.TOTAL, "", 1, 1), "1 run is under way, the limit is 1."),
        (Wait(Lack.REPO, "acme/shop", 3, 3), "acme/shop has 3 under way, the limit is 3."),
        (Wait(Lack.CPUS, "", 7.5, 8, 2), "It needs 2 cores, and 0.5 of 8 are free."),
        (Wait(Lack.CPUS, "", 7, 8, 1.5), "It needs 1.5 cores, and 1 of 8 is free."),
        (Wait(Lack.CPUS, "", 9, 8, 1), "It needs 1 core, and 0 of 8 are free."),
        (Wait(Lack.MEMORY, "", 14 * GIB, 16 * GIB, 6 * GIB), "It needs 6 GiB of memory, and 2 GiB of 16 GiB is free."),
        (Wait(None, behind="D-LARGE"), "D-LARGE needs more room, has waited for long, and goes first."),
        (
            Wait(Lack.TOTAL, "", 4, 4, own=1),
            "4 runs are under way, the limit is 4; another task of the same person goes first.",
        ),
        (
            Wait(Lack.TOTAL, "", 4, 4, own=2),
            "4 runs are under way, the limit is 4; 2 other tasks of the same person go first.",
        ),
    ],
)
def test_waits_in_words(wait: Wait, words: str) -> None:
    assert wait_words(wait) == words


def test_what_can_never_start_says_why_and_what_to_do() -> None:
    tight = LIMITS.model_copy(update={"total_cpus": 4.0, "total_memory": 4 * GIB})
    assert unschedulable_words("acme/shop", SMALL, tight) == ""
    assert unschedulable_words("acme/shop", LARGE, tight) == (
        "Work in acme/shop can't be started here: its sandbox takes 6 cores, and all runs together may use 4 "
        "(`total_cpus`). Ask who keeps the policy to raise that limit, or to set a smaller `sandbox.cpus` for "
        "acme/shop."
    )
    memory = unschedulable_words("acme/shop", ResourceRequest(1, 6 * GIB), tight)
    assert "takes 6 GiB of memory, and all runs together may use 4 GiB (`total_memory`)" in memory
    assert "`sandbox.memory`" in memory
    assert never_fits(LARGE, LIMITS) is None
