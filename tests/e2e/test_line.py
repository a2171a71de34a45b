"""More is asked for than can run: turns are fair, cards say places and move up, limits hold once they are written."""

import json
import re
from collections.abc import Iterator

import pytest

from deputy.domain.events import EventName
from tests.e2e.conftest import ALICE, BEN, BOT, CHANNEL, NAP, NOTE, SUE, RunningDeputy, running
from tests.support.line_watch import most_at_once

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

SHORT_NAP = "can you just nap for 5 seconds in `tiny`"
FULL = "2 runs are under way, the limit is 2"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    with running(tmp_path_factory.mktemp("line"), limits={"active_total": 2, "active_per_repo": 2}) as yard:
        yield yard


@pytest.fixture
def two_at_once(shared: RunningDeputy) -> Iterator[RunningDeputy]:
    shared.is_well()
    yield shared
    shared.is_well()


def limit(yard: RunningDeputy, **changed: float) -> None:
    """Write limits into the policy of the running Deputy."""
    file = yard.site.policies / "limits.toml"
    text = file.read_text()
    for name, value in changed.items():
        line = f"{name} = {value}\n"
        text, found = re.subn(rf"^{name} = .*\n", line, text, flags=re.MULTILINE)
        text = text if found else text.replace("[limits]\n", f"[limits]\n{line}", 1)
    file.write_text(text)


def started(yard: RunningDeputy) -> list[str]:
    return [event.task for event in yard.events(name=EventName.RUN_STARTED)]


def test_people_take_turns_and_their_cards_say_where_they_are(two_at_once: RunningDeputy) -> None:
    yard, alice = two_at_once, []
    for place in ("Working", "Working", "1st in line", "2nd in line", "3rd in line"):
        alice.append(yard.ask(SHORT_NAP))
        yard.until(alice[-1], place)
    assert FULL in yard.card(alice[2]).text
    assert f"{FULL}; 2 other tasks of the same person go first." in yard.card(alice[4]).text
    ben = yard.ask(NOTE, BEN)
    yard.until(ben, "1st in line")  # he has nothing under way, she has two
    assert f"{FULL}." in yard.card(ben).text
    yard.until(alice[2], "2nd in line")  # brought up to date although nobody touched it
    yard.until(ben, "*Delivered*", 60)
    for thread in alice:
        yard.until(thread, "*Delivered*", 60)
    ids = {yard.task(thread).id: name for thread, name in zip([*alice, ben], "12345b", strict=True)}
    order = "".join(ids[task] for task in started(yard) if task in ids)
    assert order == "12b345"
    assert most_at_once(yard) == 2
    cards = [m.text for thread in [*alice, ben] for m in yard.slack.thread(CHANNEL, thread) if m.user == BOT]
    assert not any("in line" in text for text in cards)


def test_a_place_that_is_given_up_is_given_on_and_a_roomier_limit_holds_at_once(two_at_once: RunningDeputy) -> None:
    yard = two_at_once
    busy = [yard.ask(NAP) for _ in range(2)]
    for thread in busy:
        yard.until(thread, "sleep 60")
    sue = yard.ask(NAP, SUE)
    yard.until(sue, "1st in line")  # nothing of hers ever ran
    ben = yard.ask(NAP, BEN)
    yard.until(ben, "2nd in line")
    alice = yard.ask(NAP)
    yard.until(alice, "3rd in line")
    waiting = yard.task(ben).id

    # Everywhere the same place.
    assert f"{waiting}: 2nd in line. " in yard.slack.command(BEN, CHANNEL, "/deputy status")
    assert f"{FULL}." in yard.slack.command(BEN, CHANNEL, f"/deputy status {waiting}")
    listed = {row["id"]: row for row in json.loads(yard.cli("task", "list", "--json"))}
    assert listed[waiting]["in_line"]["place"] == 2
    assert f"in_line: 2nd in line. {FULL}." in yard.cli("task", "show", waiting)
    shown = json.loads(yard.cli("task", "show", waiting, "--json"))
    assert shown["in_line"] == {"place": 2, "why": f"{FULL}."}
    assert json.loads(yard.cli("task", "show", yard.task(busy[0]).id, "--json"))["in_line"] is None

    # Sue changes her mind, by Slack; then Ben's turn is next, and Alice moves up with him.
    yard.click(SUE, sue, "Cancel")
    yard.until(sue, "*Cancelled*")
    yard.until(ben, "1st in line")
    yard.until(alice, "2nd in line")

    # A roomier limit holds without a restart; a tighter one stops nothing that runs.
    limit(yard, active_total=3, active_per_repo=3)
    yard.until(ben, "sleep 60")
    yard.until(alice, "1st in line")
    assert "3 runs are under way, the limit is 3." in yard.until(alice, "1st in line").text
    limit(yard, active_total=2, active_per_repo=2)
    for thread in busy:
        yard.slack.say(ALICE, CHANNEL, "cancel", thread)
    for thread in busy:
        yard.until(thread, "*Cancelled*")
    yard.until(alice, "sleep 60")  # of the three places one was taken away, and one is hers now
    yard.cli("task", "cancel", yard.task(alice).id)
    yard.until(alice, "*Cancelled*")
    yard.slack.say(BEN, CHANNEL, "cancel", ben)
    yard.until(ben, "*Cancelled*")
    assert most_at_once(yard) == 3


def test_what_could_never_start_is_refused_and_what_was_in_line_with_it(two_at_once: RunningDeputy) -> None:
    yard = two_at_once
    busy = [yard.ask(NAP) for _ in range(2)]
    for thread in busy:
        yard.until(thread, "sleep 60")
    waiting = yard.ask(NOTE, BEN)
    yard.until(waiting, "1st in line")
    limit(yard, total_cpus=1.5)
    why = "Work in acme/tiny can't be started here: its sandbox takes 2 cores, and all runs together may use 1.5"
    yard.until(waiting, why)
    yard.until(waiting, "*Refused by policy*")
    late = yard.ask(NOTE, SUE)
    yard.until(late, why)
    assert EventName.RUN_CALLED not in yard.names(late)
    limit(yard, total_cpus=4)
    for thread in busy:
        yard.slack.say(ALICE, CHANNEL, "cancel", thread)
    for thread in busy:
        yard.until(thread, "*Cancelled*")
    again = yard.ask(NOTE, SUE)
    yard.until(again, "*Delivered*", 60)
