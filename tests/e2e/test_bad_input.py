"""What people and operators get wrong: each gets one sentence with the way out, and Deputy goes on."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deputy.domain.events import EventName
from deputy.domain.tasks.status import TaskStatus
from tests.e2e.conftest import ALICE, BEN, BOT, CHANNEL, NAP, NOTE, RATE, SAM, RunningDeputy, running

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

KNOWN = "I know these: acme/shop, acme/site, acme/tiny."


# ------------------------------------------------------------------------------------------------ texts


@pytest.mark.parametrize("name", ["acme/nowhere", "https://github.com/acme/nowhere"])
def test_an_unknown_repository(yard: RunningDeputy, name: str) -> None:
    thread = yard.ask(f"can you just fix the lint in {name}")
    yard.until(thread, f"I don't know the repository acme/nowhere. {KNOWN}")
    assert yard.task(thread).status is TaskStatus.REFUSED
    assert yard.names(thread)[-1] == EventName.TASK_REFUSED


def test_a_text_that_is_too_long(yard: RunningDeputy) -> None:
    thread = yard.slack.say(ALICE, CHANNEL, f"<@{BOT}> " + "x" * 39_980)
    card = yard.until(thread, "The request has 39,980 characters and the limit is 8,000.")
    assert "Say in a few sentences what to change; long logs are better left out." in card.text
    assert len(card.text) < 1_000
    assert yard.task(thread).status is TaskStatus.REFUSED


@pytest.mark.parametrize(
    "text",
    [
        "write a note about birds in `tiny` <!channel> <!here> <https://evil.example|acme/tiny> & <@U0SAM>",
        "write a note \u202eabout\u202c birds\u200b in `tiny` \x07\x1b[31m",
        "\u05d4\u05d5\u05e1\u05e3 \u05d1\u05d3\u05d9\u05e7\u05d4 \u0644\u0644\u062f\u0627\u0644\u0629 in `tiny`",
        "\U0001f9ea\U0001f469\u200d\U0001f4bb please test everything in `tiny` \U0001f3f4\U000e0067",
        "*bold* _it_ ~no~ ```code in tiny``` > quote \n• list `unclosed in `tiny`",
        "{braces} %s %n $(rm -rf /) `; DROP TABLE tasks; -- in `tiny`",
    ],
)
def test_texts_that_try_to_be_more(yard: RunningDeputy, text: str) -> None:
    thread = yard.slack.say(ALICE, CHANNEL, f"<@{BOT}> {text}")
    task = yard.task(thread)
    yard.slack.say(ALICE, CHANNEL, "cancel", thread)
    yard.wait(lambda: yard.task(thread).status not in _MOVING, "end")
    said = "".join(json.dumps(m.raw) for m in yard.slack.thread(CHANNEL, thread) if m.user == BOT)
    for trick in ("<!channel>", "<!here>", "<https://evil", "<@U0SAM>", "\\u202e", "\\u200b", "\\u0007", "\\u001b"):
        assert trick not in said, trick
    assert task.text in yard.task(thread).text  # the snapshot is what was written


_MOVING = {TaskStatus.RECEIVED, TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.VERIFYING, TaskStatus.DELIVERING}


def test_text_around_a_known_request_is_no_command(yard: RunningDeputy) -> None:
    thread = yard.ask("can you just nap for 9999 seconds in `tiny`")  # beyond what the recipe's argument admits
    card = yard.until(thread, "Failed")
    assert "recipe nap" not in card.text


# ------------------------------------------------------------------------------------------------ edits


def test_an_edit_changes_nothing_and_is_answered_once(yard: RunningDeputy) -> None:
    thread = yard.held()
    task = yard.task(thread).id
    for text in ("remove the tests in `tiny`", "remove everything in `tiny`"):
        yard.slack.edit(ALICE, CHANNEL, thread, f"<@{BOT}> {text}")
    yard.replied(
        thread,
        f"{task} goes on with what was asked at first: editing or deleting the message does not change it. "
        "Reply `cancel` to stop it, then ask anew.",
    )
    assert EventName.REQUEST_EDITED in yard.names(thread)
    yard.click(SAM, thread, "Approve")
    yard.until(thread, "*Delivered*")
    assert "write down a rate" in yard.task(thread).text
    assert len(yard.tasks(thread)) == 1


def test_a_deleted_request_goes_on(yard: RunningDeputy) -> None:
    root = yard.slack.say(BEN, CHANNEL, "let us look at the rates")
    request = yard.ask(RATE, thread=root)
    yard.until(root, "Waiting for sign-off")
    yard.slack.delete(ALICE, CHANNEL, request)
    yard.until(root, "editing or deleting the message does not change it")
    assert EventName.REQUEST_EDITED in yard.names(root)
    yard.click(SAM, root, "Approve")
    yard.until(root, "*Delivered*")


def test_an_edit_of_other_messages_is_nothing(yard: RunningDeputy) -> None:
    ts = yard.slack.say(ALICE, CHANNEL, "lunch?")
    yard.slack.edit(ALICE, CHANNEL, ts, f"lunch, <@{BOT}>?")  # a mention by edit is not a request
    before = len(yard.events(name=EventName.REQUEST_EDITED))
    time.sleep(0.5)
    assert yard.said(ts) == []
    assert len(yard.events(name=EventName.REQUEST_EDITED)) == before


# ------------------------------------------------------------------------------------------------ the same again


def test_what_is_delivered_twice_is_done_once(yard: RunningDeputy) -> None:
    yard.slack.repeat_events(2)  # both the message and the mention of it
    repeated = yard.ask(NOTE)
    yard.until(repeated, "*Delivered*")
    yard.slack.lose_acks(2)
    unacked = yard.ask(NOTE)
    yard.until(unacked, "*Delivered*")
    time.sleep(1.5)  # Slack's first retry
    for thread in (repeated, unacked):
        assert yard.names(thread).count(EventName.REQUEST_RECEIVED) == 1
        assert len(yard.tasks(thread)) == 1
        assert len(yard.said(thread)) == 2  # the card, and the files


# ------------------------------------------------------------------------------------------------ limits and deadlines


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeputy]:
    """A Deputy with little patience: one open task each, short deadlines."""
    # One run at all is fewer than there may be per repository: the smaller number holds.
    limits = {"active_per_person": 1, "active_total": 1, "hold_seconds": 4, "question_seconds": 2}
    with running(tmp_path_factory.mktemp("hurried"), limits=limits) as yard:
        yield yard
        yard.is_well()


def test_too_many_open_tasks_and_a_sign_off_that_expires(hurried: RunningDeputy) -> None:
    first = hurried.held()
    second = hurried.ask(NOTE)
    hurried.until(second, "You have 1 open tasks, and 1 at once is the limit. Wait for one to end, or cancel one.")
    assert hurried.names(second)[-1] == EventName.TASK_REFUSED
    card = hurried.until(first, "*Expired*")
    assert "Nobody decided within the time allowed (needed: 1 senior). Ask again if it still matters." in card.text
    assert card.buttons == ()
    assert {EventName.HOLD_EXPIRED, EventName.TASK_EXPIRED} <= set(hurried.names(first))
    hurried.until(hurried.ask(NOTE), "*Delivered*")  # there is room again


def test_a_task_in_line_is_cancelled(hurried: RunningDeputy) -> None:
    first = hurried.ask(NAP)
    hurried.until(first, "sleep 60")
    second = hurried.ask(NOTE, BEN)
    hurried.until(second, "1st in line")
    hurried.slack.say(BEN, CHANNEL, "never mind", second)
    hurried.replied(second, f"{hurried.task(second).id} is cancelled.")
    hurried.until(second, "*Cancelled*")
    hurried.slack.say(ALICE, CHANNEL, "cancel", first)
    hurried.until(first, "*Cancelled*")
    hurried.until(hurried.ask(NOTE, BEN), "*Delivered*")
    assert EventName.RUN_STARTED not in hurried.names(second)


def test_a_question_expires(hurried: RunningDeputy) -> None:
    thread = hurried.ask("can you just write a note about cats", BEN)
    hurried.until(thread, "Which repository")
    card = hurried.until(thread, "The question was not answered in time. Just ask again.")
    assert card.buttons == ()
    assert hurried.names(thread)[-1] == EventName.TASK_EXPIRED
    hurried.slack.say(BEN, CHANNEL, "tiny", thread)
    time.sleep(0.5)
    assert hurried.task(thread).status is TaskStatus.EXPIRED


# ------------------------------------------------------------------------------------------------ the policy


def test_a_policy_that_breaks_stays_in_force_until_it_is_repaired(yard: RunningDeputy) -> None:
    file = yard.site.policies / "policy.csv"
    good = file.read_text()
    broken = len(yard.events(name=EventName.POLICY_BROKEN))
    try:
        file.write_text(good + "p, typo, role:engineer, acme/*, edit, **, Deny, -\n")
        thread = yard.ask(NOTE)
        yard.until(thread, "*Delivered*")
        found = yard.wait(lambda: yard.events(name=EventName.POLICY_BROKEN)[broken:], "event")
        assert "no such effect as 'Deny'" in str(found[0].data)
        assert len(yard.events(name=EventName.POLICY_BROKEN)) == broken + 1  # once for one broken version
        digest = yard.task(thread).policy
        file.write_text(good + "p, d-birds, role:anyone, acme/tiny, edit, birds.md, deny, -\n")
        repaired = yard.ask(NOTE)
        assert "d-birds" in yard.until(repaired, "*Blocked*").text
        assert yard.task(repaired).policy != digest
    finally:
        file.write_text(good)
    yard.until(yard.ask(NOTE), "*Delivered*")


# ------------------------------------------------------------------------------------------------ the command line


def test_the_command_line_about_a_task(yard: RunningDeputy, tmp_path: Path) -> None:
    thread = yard.ask(NOTE)
    yard.until(thread, "*Delivered*")
    task = yard.task(thread).id
    assert task in yard.cli("task", "list")
    listed = json.loads(yard.cli("task", "list", "--json", "--status", "delivered"))
    assert task in {item["id"] for item in listed}
    assert "delivered" in yard.cli("task", "show", task.lower())
    assert json.loads(yard.cli("task", "show", task, "--json"))["status"] == "delivered"
    assert "$ cp README.md birds.md   (exit 0)" in yard.cli("task", "logs", task)
    yard.cli("task", "evidence", task, "--folder", str(tmp_path))
    assert {path.name for path in (tmp_path / task).iterdir()} >= {"patch.patch", "proof.json", "report.json"}
    assert yard.cli("task", "cancel", task, status=1) == f"deputy: {task} can't be cancelled: it is delivered.\n"


@pytest.mark.parametrize("command", ["show", "logs", "evidence", "cancel"])
def test_the_command_line_about_an_unknown_task(yard: RunningDeputy, command: str) -> None:
    assert yard.cli("task", command, "D-NOTHERE2", status=1) == "deputy: There is no task D-NOTHERE2.\n"


def test_the_command_line_about_the_audit_trail(yard: RunningDeputy, tmp_path: Path) -> None:
    thread = yard.ask("can you just fix the lint in `acme/nowhere`")
    yard.until(thread, "I don't know")
    task = yard.task(thread).id
    assert "U0ALICE" in yard.cli("audit", "query", task.lower())
    events = json.loads(yard.cli("audit", "query", f"task:{task}", "--json"))
    assert [json.loads(e["body"])["name"] for e in events] == ["request:received", "task:refused"]
    assert yard.cli("audit", "query", "D-NOTHERE2") == "Nothing in the trail matches that.\n"
    wrong = yard.cli("audit", "query", "colour:red", status=1)
    assert wrong.startswith("deputy: `colour:red` can't be understood in an audit query: use task, actor, name, since")
    head = yard.cli("audit", "checkpoint").strip()
    assert yard.cli("audit", "verify", "--head", head).startswith("The audit trail is intact: ")
    assert json.loads(yard.cli("audit", "verify", "--json"))["intact"] is True
    seq = int(json.loads(yard.cli("audit", "checkpoint", "--json"))["seq"])
    assert yard.cli("audit", "verify", "--head", f"{seq}:{'0' * 64}", status=1)
    yard.cli("audit", "verify", "--head", "nonsense", status=2)
    target = tmp_path / "trail.jsonl"
    yard.cli("audit", "export", str(target))
    assert len(target.read_text().splitlines()) >= seq
    assert "Check the path" in yard.cli("audit", "export", str(tmp_path / "no" / "folder"), status=1)


def test_the_command_line_about_policies(yard: RunningDeputy, tmp_path: Path) -> None:
    assert yard.cli("policy", "lint") == "The policy is sound.\n"
    assert json.loads(yard.cli("policy", "lint", "--json")) == []
    assert yard.cli("policy", "test").endswith(" passed, 0 failed\n")
    assert "r-billing" in yard.cli("policy", "explain", "user:T0ACME/U0ALICE", "acme/shop", "edit", "billing/a.py")
    denied = yard.cli("policy", "explain", "user:T0ACME/U0ALICE", "acme/shop", "edit", "secrets/a", "--json", status=1)
    assert json.loads(denied)["effect"] == "deny"
    nonsense = yard.cli("policy", "explain", "user:T0ACME/U0ALICE", "acme/shop", "fly", status=1)
    assert nonsense.startswith("deputy: There is no action fly. Use one of request, run, read, edit,")
    broken = tmp_path / "broken"
    shutil.copytree(yard.site.policies, broken)
    with (broken / "policy.csv").open("a") as file:
        file.write("p, typo, role:engineer, acme/*, edit, **, Deny, -\n")
    linted = yard.cli("policy", "lint", "--policies", str(broken), status=1)
    assert "no such effect as 'Deny'; write one of allow, review, deny" in linted
    assert json.loads(yard.cli("policy", "lint", "--json", "--policies", str(broken), status=1))
    assert "The policy bundle can't be loaded: 1 problem" in yard.cli(
        "policy", "test", "--policies", str(broken), status=1
    )


def test_the_command_line_for_starting(yard: RunningDeputy, tmp_path: Path) -> None:
    rows = {row["part"]: row["state"] for row in json.loads(yard.cli("doctor", "--json"))}
    assert rows == dict.fromkeys(("database", "policy", "sandbox", "sealing", "scanners", "slack", "model"), "ok")
    assert "team T0ACME, bot U0DEPUTY" in yard.cli("doctor")
    sick = json.loads(
        yard.cli("doctor", "--json", status=1, SLACK_BOT_TOKEN="xoxb-wrong", OPENAI_API_KEY="", OPENAI_BASE_URL="")
    )
    assert {row["part"]: row["state"] for row in sick} == rows | {"slack": "missing", "model": "optional"}
    assert "xoxb-wrong" not in json.dumps(sick)
    target = tmp_path / "policies"
    assert "Next:" in yard.cli("init", str(target))
    assert yard.cli("policy", "lint", "--policies", str(target)) == "The policy is sound.\n"
    assert yard.cli("init", str(target), status=1) == (
        f"deputy: {target} is not empty. Name another folder, or change what is there.\n"
    )
    (tmp_path / "file").write_text("")
    assert "Check the path" in yard.cli("init", str(tmp_path / "file" / "x"), status=1)
    yard.cli("nonsense", status=2)
