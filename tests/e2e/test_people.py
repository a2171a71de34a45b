"""People as they are: strangers, guests, impatient ones, and those who click what they should not."""

import threading
import time

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from deputy_playground.driver import Seen
from deputy_playground.wire import SlackError
from deputy_playground.workspace.payloads import events_of
from deputy_playground.workspace.workspace import Change
from tests.e2e.conftest import (
    ALICE,
    BEN,
    BOT,
    CHANNEL,
    CORA,
    DANA,
    GUS,
    NAP,
    NOTE,
    PAT,
    SAM,
    STRANGE,
    SUE,
    RunningDeputy,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

TURNED_AWAY = (
    "I only take requests from full members of this workspace, and your account is {}. Ask a colleague to request it."
)
GONE = "This button belongs to something that no longer exists. The card in the thread shows where the task stands."
NOT_YOURS = "Only who asked for {}, or somebody who may approve work in its repository, can cancel it."


# ------------------------------------------------------------------------------------------------ who may ask


@pytest.mark.parametrize(
    ("user", "team", "reason"), [(GUS, "T0ACME", "a guest"), (STRANGE, "T0OTHER", "from another workspace")]
)
def test_outsiders_are_turned_away(yard: RunningDeputy, user: str, team: str, reason: str) -> None:
    thread = yard.ask(NOTE, user)
    yard.replied(thread, TURNED_AWAY.format(reason))
    assert not yard.tasks(thread)
    assert yard.subject_events(user, EventName.REQUEST_IGNORED, team)[-1].data["reason"] == reason


def test_a_deactivated_account_is_turned_away(yard: RunningDeputy) -> None:
    """Slack lets nobody write from it; a message written just before still arrives."""
    place = yard.slack.workspace.channel(CHANNEL)
    message = yard.slack.workspace.post(place, DANA, f"<@{BOT}> {NOTE}")
    yard.replied(message["ts"], TURNED_AWAY.format("deactivated"))
    assert yard.subject_events(DANA, EventName.REQUEST_IGNORED)[-1].data["reason"] == "deactivated"


def test_an_unknown_user_is_turned_away(yard: RunningDeputy) -> None:
    """``users.info`` does not know who wrote."""
    root = yard.slack.say(ALICE, CHANNEL, "what follows is forged")
    place = yard.slack.workspace.channel(CHANNEL)
    message = {"type": "message", "user": "U0NOBODY", "text": f"<@{BOT}> {NOTE}", "ts": "1700000000.000100"}
    message |= {"team": "T0ACME", "thread_ts": root}
    for payload in events_of(Change("posted", place, message), time.time()):
        yard.slack._server.run(yard.slack.site.sockets.event(payload))
    yard.replied(root, TURNED_AWAY.format("from another workspace"))
    assert yard.subject_events("U0NOBODY", EventName.REQUEST_IGNORED)


def test_a_bot_is_not_heard(yard: RunningDeputy) -> None:
    place = yard.slack.workspace.channel(CHANNEL)
    post = yard.slack.workspace.post
    loud = post(place, ALICE, f"<@{BOT}> {NOTE}", bot_id="B0OTHER", subtype="bot_message")["ts"]
    own = post(place, BOT, f"<@{BOT}> {NOTE}", bot_id="B0DEPUTY")["ts"]
    yard.until(yard.ask("status of things, and nothing in `nowhere/else`"), "D-")  # what came later is done
    assert [m.text for m in yard.slack.thread(CHANNEL, loud)][1:] == []
    assert [m.text for m in yard.slack.thread(CHANNEL, own)][1:] == []
    assert not yard.tasks(loud)
    assert not yard.tasks(own)


def test_a_person_without_a_role_is_refused_by_policy(yard: RunningDeputy) -> None:
    thread = yard.ask(NOTE, PAT)
    card = yard.until(thread, "Refused by policy")
    assert "No rule lets user:T0ACME/U0PAT ask for work in acme/tiny." in card.text
    assert EventName.RUN_STARTED not in yard.names(thread)
    assert EventName.TASK_REFUSED in yard.names(thread)


# ------------------------------------------------------------------------------------------------ who may decide


def test_who_may_not_decide_is_told_why(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    refusals = {
        ALICE: "You asked for this work, so somebody else has to decide. You can cancel it.",
        BEN: "Deciding this takes role:senior, which you don't have in acme/tiny.",
        CORA: "Deciding this takes role:senior, which you don't have in acme/tiny.",
        PAT: "Deciding this takes role:senior, which you don't have in acme/tiny.",
        GUS: "You can't decide this: your account is a guest.",
        STRANGE: "You can't decide this: your account is from another workspace.",
    }
    for user, sentence in refusals.items():
        for label in ("Approve", "Deny"):
            assert yard.whispered(user, lambda u=user, b=label: yard.click(u, thread, b)) == sentence
    refused = [e for e in yard.events(task=task) if e.name == EventName.VOTE_REFUSED]
    assert len(refused) == 2 * len(refusals)
    assert {e.data["reason"] for e in refused} == set(refusals.values())
    assert yard.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF


def test_outsiders_clicks_do_nothing(yard: RunningDeputy) -> None:
    thread = yard.held()
    sentence = "Your account is a guest, so this button does nothing for you."
    assert yard.whispered(GUS, lambda: yard.click(GUS, thread, "Cancel")) == sentence
    with pytest.raises(SlackError):
        yard.click(DANA, thread, "Approve")  # Slack itself lets nobody click from a deactivated account
    card = yard.card(thread)
    value = next(b.value for b in card.buttons if b.label == "Approve")
    yard.send_click(DANA, card.ts, "deputy.approve", value)
    refused = yard.slack.wait_for(lambda: yard.subject_events(DANA, EventName.VOTE_REFUSED))
    assert refused[-1].data["reason"] == "You can't decide this: your account is deactivated."
    assert yard.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF


def test_a_denial_rejects_the_task(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    assert yard.whispered(SAM, lambda: yard.click(SAM, thread, "Deny")) == f"You denied {task}."
    card = yard.until(thread, "*Rejected*")
    assert card.buttons == ()
    assert "Denied by" in card.text
    assert {EventName.VOTE_CAST, EventName.HOLD_DENIED, EventName.TASK_REJECTED} <= set(yard.names(thread))


def test_two_clicks_are_one_vote(yard: RunningDeputy) -> None:
    thread = yard.held()
    card = yard.card(thread)
    value = next(b.value for b in card.buttons if b.label == "Approve")
    clicks = [
        threading.Thread(target=yard.send_click, args=(SAM, card.ts, "deputy.approve", value, f"{time.time() + n:.6f}"))
        for n in range(2)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    yard.until(thread, "*Delivered*")
    task = yard.task(thread)
    whispers = yard.slack.wait_for(
        lambda: texts if len(texts := _whispers_in(yard, SAM, thread)) == 2 else None  # type: ignore[arg-type]
    )
    assert sorted(whispers) == sorted(["This is already decided: granted.", f"You approved {task.id}."])
    assert yard.names(thread).count(EventName.VOTE_CAST) == 1
    assert yard.names(thread).count(EventName.DELIVERY_FINISHED) == 1


def test_a_replayed_click_is_one_click(yard: RunningDeputy) -> None:
    thread = yard.held()
    card = yard.card(thread)
    value = next(b.value for b in card.buttons if b.label == "Approve")
    for _ in range(3):
        yard.send_click(SAM, card.ts, "deputy.approve", value, "1700000000.000001")
    yard.until(thread, "*Delivered*")
    assert [yard.names(thread).count(n) for n in (EventName.VOTE_CAST, EventName.VOTE_REFUSED)] == [1, 0]
    assert len(_whispers_in(yard, SAM, thread)) == 1


def test_two_approvers_at_once_deliver_once(yard: RunningDeputy) -> None:
    thread = yard.held()
    clicks = [threading.Thread(target=yard.click, args=(user, thread, "Approve")) for user in (SAM, SUE)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    yard.until(thread, "*Delivered*")
    said = yard.slack.wait_for(
        lambda: both if len(both := _whispers_in(yard, SAM, thread) + _whispers_in(yard, SUE, thread)) == 2 else None  # type: ignore[arg-type]
    )
    task = yard.task(thread)
    assert sorted(said) == sorted(["This is already decided: granted.", f"You approved {task.id}."])
    assert yard.names(thread).count(EventName.VOTE_CAST) == 1
    assert len([m for m in yard.slack.thread(CHANNEL, thread) if m.files]) == 1


def test_approve_and_deny_at_once_end_one_way(yard: RunningDeputy) -> None:
    thread = yard.held()
    pair = ((SAM, "Approve"), (SUE, "Deny"))
    clicks = [threading.Thread(target=yard.click, args=(user, thread, label)) for user, label in pair]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    yard.slack.wait_for(lambda: {"*Delivered*", "*Rejected*"} & set(yard.card(thread).text.split("⏳ ")[-1].split()))
    names = yard.names(thread)
    assert (EventName.HOLD_GRANTED in names) != (EventName.HOLD_DENIED in names)


def test_the_button_of_an_ended_task_does_nothing(yard: RunningDeputy) -> None:
    thread = yard.held()
    card = yard.card(thread)
    values = {b.label: b.value for b in card.buttons}
    yard.click(ALICE, thread, "Cancel")
    yard.until(thread, "*Cancelled*")

    def late(action: str, label: str) -> str:
        return yard.whispered(SAM, lambda: yard.send_click(SAM, card.ts, action, values[label]))

    void = "This card is out of date: what it was about has changed since. Please use the newest card of the task."
    assert late("deputy.approve", "Approve") == void
    assert late("deputy.cancel", "Cancel") == f"{yard.task(thread).id} has ended already: cancelled."
    assert yard.task(thread).status is TaskStatus.CANCELLED


def test_forged_buttons_do_nothing(yard: RunningDeputy) -> None:
    thread = yard.held()
    card = yard.card(thread)
    hold, _, nonce = next(b.value for b in card.buttons if b.label == "Approve").partition("|")
    forged = {
        "deputy.approve": (f"{hold}|{nonce[:-1]}!", f"{hold}|", hold, f"D-AAAAAAAA.1|{nonce}", "", "|", "x" * 2000),
        "deputy.cancel": ("D-AAAAAAAA", "", "' OR 1=1 --", "\u202e" + hold),
        "deputy.answer.0": (f"{yard.task(thread).id}|", "nothing", f"D-AAAAAAAA|{nonce}"),
        "deputy.deliver": (f"{hold}|{nonce}",),
    }
    told = {
        (action, value): yard.whispered(SAM, lambda a=action, v=value: yard.send_click(SAM, card.ts, a, v))
        for action, values in forged.items()
        for value in values
    }
    known = {
        ("deputy.answer.0", f"{yard.task(thread).id}|"): "Only the person who asked can answer this.",
    }
    assert {key: sentence for key, sentence in told.items() if sentence != GONE} == known
    assert yard.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF
    assert EventName.VOTE_CAST not in yard.names(thread)
    ignored = yard.subject_events(SAM, EventName.CLICK_IGNORED)
    refused = yard.subject_events(SAM, EventName.VOTE_REFUSED)
    assert {e.data["reason"] for e in ignored} >= {"unknown button", "unknown action", "not the requester"}
    assert GONE in {e.data["reason"] for e in refused}


def test_somebody_elses_action_is_left_alone(yard: RunningDeputy) -> None:
    thread = yard.held()
    yard.send_click(SAM, yard.card(thread).ts, "other_app.approve", "x")
    time.sleep(0.5)
    assert _whispers_in(yard, SAM, thread) == []


# ------------------------------------------------------------------------------------------------ cancelling


def test_a_held_task_is_cancelled_by_a_word(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    yard.slack.say(ALICE, CHANNEL, "never mind", thread)
    yard.until(thread, f"{task} is cancelled.")
    card = yard.until(thread, "*Cancelled*")
    assert card.buttons == ()
    assert "Cancelled; nothing was delivered." in card.text
    assert {EventName.TASK_CANCEL_ASKED, EventName.HOLD_VOIDED, EventName.TASK_CANCELLED} <= set(yard.names(thread))


def test_a_held_task_is_cancelled_by_its_button(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    assert yard.whispered(ALICE, lambda: yard.click(ALICE, thread, "Cancel")) == f"{task} is cancelled."
    yard.until(thread, "*Cancelled*")


def test_a_held_task_is_cancelled_by_a_command(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    assert yard.slack.command(ALICE, CHANNEL, f"/deputy cancel {task.lower()}") == f"{task} is cancelled."
    yard.until(thread, "*Cancelled*")


def test_a_held_task_is_cancelled_by_the_operator(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    assert yard.cli("task", "cancel", task.lower()).strip() == f"{task} is being stopped."
    assert yard.until(thread, "*Cancelled*").buttons == ()
    assert EventName.HOLD_VOIDED in yard.names(thread)
    asked = [e for e in yard.events(task=task) if e.name == EventName.TASK_CANCEL_ASKED]
    assert [e.actor for e in asked] == ["operator:cli"]
    assert yard.cli("task", "cancel", task, status=1) == f"deputy: {task} can't be cancelled: it is cancelled.\n"


@pytest.mark.parametrize("way", ["word", "button", "command", "operator"])
def test_a_running_command_stops_at_once(yard: RunningDeputy, way: str) -> None:
    thread = yard.ask(NAP)
    yard.until(thread, "sleep 60")
    task = yard.task(thread).id
    assert yard.containers(task)
    if way == "operator":
        yard.cli("task", "cancel", task)
    if way == "word":
        yard.slack.say(ALICE, CHANNEL, f"<@{BOT}> stop", thread)
    elif way == "button":
        assert yard.whispered(ALICE, lambda: yard.click(ALICE, thread, "Cancel")) == f"Stopping {task}."
    elif way == "command":
        assert yard.slack.command(ALICE, CHANNEL, f"/deputy cancel {task}") == f"Stopping {task}."
    yard.slack.wait_for(lambda: yard.task(thread).status is TaskStatus.CANCELLED, 10)
    yard.until(thread, "*Cancelled*", 5)
    assert yard.containers(task) == []
    assert EventName.PATCH_COMPUTED not in yard.names(thread)


def test_only_requester_and_approvers_can_cancel(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    sentence = NOT_YOURS.format(task)
    assert yard.whispered(BEN, lambda: yard.click(BEN, thread, "Cancel")) == sentence
    assert yard.slack.command(BEN, CHANNEL, f"/deputy cancel {task}") == sentence
    yard.slack.say(BEN, CHANNEL, "cancel", thread)
    yard.replied(thread, sentence)
    assert yard.task(thread).status is TaskStatus.HELD_FOR_SIGNOFF
    reasons = [e.data["reason"] for e in yard.subject_events(BEN, EventName.CLICK_IGNORED) if e.task == task]
    assert reasons == ["may not cancel"] * 3
    assert yard.whispered(SAM, lambda: yard.click(SAM, thread, "Cancel")) == f"{task} is cancelled."


# ------------------------------------------------------------------------------------------------ talking in threads


def test_chatter_is_left_alone(yard: RunningDeputy) -> None:
    thread = yard.held()
    before = yard.said(thread)
    for user, text in ((BEN, "I wonder whether 7 is right"), (GUS, "me too"), (GUS, "cancel"), (ALICE, "let us see")):
        yard.slack.say(user, CHANNEL, text, thread)
    yard.click(ALICE, thread, "Cancel")
    yard.until(thread, "*Cancelled*")
    yard.slack.say(BEN, CHANNEL, "stop it", thread)  # the task has ended: this is for somebody else
    time.sleep(1)
    assert len(yard.said(thread)) == len(before)
    assert len(yard.tasks(thread)) == 1


def test_asking_how_it_goes(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    yard.slack.say(BEN, CHANNEL, "any news?", thread)
    yard.replied(thread, f"{task}: Waiting for sign-off. Write down a rate in tiny")
    elsewhere = yard.ask("status")
    yard.replied(elsewhere, "There is no open task in this thread. `/deputy status` lists yours.")


def test_a_follow_up_in_the_thread_is_a_task_of_its_own(yard: RunningDeputy) -> None:
    thread = yard.ask(NOTE)
    yard.until(thread, "*Delivered*")
    yard.ask("please write a note about bees in `tiny`", thread=thread)
    yard.wait(lambda: len(yard.tasks(thread)) == 2, "second task")
    yard.wait(lambda: {t.status for t in yard.tasks(thread)} == {TaskStatus.DELIVERED}, "second delivery")


def test_the_same_words_twice_are_two_tasks(yard: RunningDeputy) -> None:
    first, second = yard.ask(NOTE), yard.ask(NOTE)
    yard.until(first, "*Delivered*")
    yard.until(second, "*Delivered*")
    assert yard.task(first).id != yard.task(second).id


def test_a_direct_message_is_a_request(yard: RunningDeputy) -> None:
    direct = yard.slack.workspace.direct(ALICE) if hasattr(yard.slack.workspace, "direct") else "D0ALICE"
    ts = yard.slack.say(ALICE, direct, "can you just write a note about dogs in `tiny`")
    yard.until(ts, "*Delivered*", channel=direct)


# ------------------------------------------------------------------------------------------------ one question


def test_a_question_is_answered_by_text_and_only_by_who_asked(yard: RunningDeputy) -> None:
    thread = yard.ask("can you just write a note about cats")
    card = yard.until(thread, "Which repository do you mean?")
    assert yard.whispered(SAM, lambda: yard.click(SAM, thread, "acme/tiny")) == (
        "Only the person who asked can answer this."
    )
    yard.slack.say(BEN, CHANNEL, "tiny", thread)
    yard.slack.say(ALICE, CHANNEL, "acme/unheard-of", thread)
    known = "I don't know the repository acme/unheard-of. I know these: acme/shop, acme/site, acme/tiny."
    yard.until(thread, known)
    assert yard.task(thread).status is TaskStatus.NEEDS_ANSWER
    yard.slack.say(ALICE, CHANNEL, "tiny", thread)
    yard.until(thread, "*Delivered*")
    assert yard.task(thread).spec.repo == "acme/tiny"  # type: ignore[union-attr]
    answered = [e for e in yard.events(task=yard.task(thread).id) if e.name == EventName.QUESTION_ANSWERED]
    assert {e.actor for e in answered} == {"user:T0ACME/U0ALICE"}
    value = next(b.value for b in card.buttons if b.label == "acme/tiny")
    late = yard.whispered(ALICE, lambda: yard.send_click(ALICE, card.ts, "deputy.answer.2", value))
    assert late == "That question is answered already."


def test_nothing_said_is_asked_for(yard: RunningDeputy) -> None:
    thread = yard.slack.say(ALICE, CHANNEL, f"<@{BOT}>")
    yard.until(thread, "What should I do? For example:")
    yard.slack.say(ALICE, CHANNEL, "write a note about owls in `tiny`", thread)
    yard.until(thread, "*Delivered*")
    quiet = yard.slack.say(ALICE, CHANNEL, f"<@{BOT}> ?!")
    yard.until(quiet, "What should I do? For example:")
    yard.slack.say(ALICE, CHANNEL, "forget it", quiet)
    yard.until(quiet, "*Cancelled*")


# ------------------------------------------------------------------------------------------------ commands


def test_commands(yard: RunningDeputy) -> None:
    def run(user: str, line: str) -> str:
        return yard.slack.command(user, CHANNEL, line, timeout=20)

    thread = yard.held(user=BEN)
    task = yard.task(thread).id
    helped = run(ALICE, "/deputy help")
    assert helped.startswith('Mention me in a channel, or write to me directly: "can you just fix the lint in `shop`".')
    assert run(ALICE, "/deputy") == helped
    assert run(ALICE, "/deputy dance now") == f"There is no `/deputy dance`.\n{helped}"
    assert run(CORA, "/deputy status") == "You have not asked me for anything yet. `/deputy help` shows how."
    assert run(BEN, "/deputy status") == f"Open:\n{task}: Waiting for sign-off. Write down a rate in tiny"
    assert run(ALICE, f"/deputy status {task.lower()}") == f"{task}: Waiting for sign-off. Write down a rate in tiny"
    assert run(ALICE, "/deputy status D-NOTHERE2") == "There is no task D-NOTHERE2."
    assert run(ALICE, "/deputy cancel") == ("Name the task to cancel. For example `/deputy cancel D-7K2M9QXA`.")
    assert run(ALICE, "/deputy cancel D-NOTHERE2") == "There is no task D-NOTHERE2."
    assert run(GUS, "/deputy status") == "Your account is a guest, so I can't answer you here."
    sent = yard.events(name=EventName.COMMAND_RECEIVED)
    assert {"help", "dance", "status", "cancel"} <= {e.data["command"] for e in sent}
    assert run(BEN, f"/deputy cancel {task}") == f"{task} is cancelled."


def test_why(yard: RunningDeputy) -> None:
    def run(line: str) -> str:
        return yard.slack.command(ALICE, CHANNEL, line, timeout=20)

    assert run("/deputy why") == (
        "Say which repository and what. For example `/deputy why shop edit billing/refunds.py`."
    )
    assert run("/deputy why shop fly").startswith("There is no action `fly`. Use one of request, run, read, edit")
    assert "acme/shop" in run("/deputy why nowhere edit x")  # which ones there are
    told = run("/deputy why shop edit billing/refunds.py")
    assert "r-billing" in told
    assert "role:senior" in told
    assert "d-secrets" in run("/deputy why shop edit secrets/prod.env")


def test_the_audit_trail_is_for_compliance(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id

    def run(user: str, line: str) -> str:
        return yard.slack.command(user, CHANNEL, line, timeout=20)

    assert run(ALICE, f"/deputy audit {task}") == (
        "You may not query the audit trail: no rule lets user:T0ACME/U0ALICE query the audit trail in acme/tiny."
    )
    story = run(CORA, f"/deputy audit {task}")
    assert "U0ALICE" in story
    assert run(CORA, "/deputy audit") == (
        "Say what to look for. For example `/deputy audit D-7K2M9QXA` or `name:vote:*`."
    )
    assert run(CORA, "/deputy audit D-NOTHERE2") == "There is no task D-NOTHERE2."
    assert run(CORA, "/deputy audit actor:user:T0ACME/U0NONE") == (
        "Nothing in the trail matches that. Check the spelling, or search wider."
    )
    assert "wrong" not in run(CORA, "/deputy audit colour:red").lower()
    asked = yard.events(name=EventName.AUDIT_QUERIED)
    assert {(e.actor[-5:], e.data["allowed"]) for e in asked} >= {("ALICE", False), ("0CORA", True)}


def _whispers_in(yard: RunningDeputy, user: str, thread: str) -> list[str]:
    return [m.text for m in yard.slack.whispers(user, CHANNEL) if m.raw.get("thread_ts") == thread]


def test_an_approvers_message_loses_its_buttons_when_it_is_decided(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id

    def asked() -> list[Seen]:
        return [m for m in yard.slack.messages("D0SUE") if m.user == BOT and task in m.text]

    yard.wait(lambda: [m for m in asked() if any(b.label == "Approve" for b in m.buttons)], "question to Sue")
    yard.click(SAM, thread, "Approve")
    yard.until(thread, "*Delivered*")
    yard.wait(lambda: [m for m in asked() if not m.buttons and "Decided (granted)" in m.text], "word of the decision")
    assert len(asked()) == 1
