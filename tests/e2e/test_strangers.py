"""Outsiders run ``deputy serve``: a strict Slack that fails, model APIs that misbehave, ids nobody has seen before."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.strangers import plays
from tests.e2e.strangers.model import Fails, Says
from tests.e2e.strangers.site import Stranger
from tests.e2e.strangers.slack import (
    BILL,
    BOB,
    BOT,
    CHANNEL,
    ENTERPRISE,
    GONE,
    MILT,
    OTHER_TEAM,
    PETER,
    SECRET,
    STRANGER,
    TEAM,
    TOM,
    Slack,
    broken,
    limited,
    refused,
    swallowed,
)

pytestmark = pytest.mark.docker
REFUNDS = "can you just fix: refunds of split payments are rounded wrong, with a regression test, in `web`"
NO_RECORD = "hey, can you just rotate the key in `secrets/prod.env` of `web`"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """Socket Mode, the Responses API, a Slack that never shows metadata, many tasks at once."""
    site = Stranger(tmp_path_factory.mktemp("socket"), SLACK_APP_TOKEN="xapp-9-test")
    limits = site.folder / "rules" / "limits.toml"
    text = re.sub(r"^active_.*\n", "", limits.read_text(), flags=re.MULTILINE)
    roomy = "[limits]\nactive_per_person = 40\nactive_per_repo = 8\nactive_total = 8\n"
    limits.write_text(text.replace("[limits]\n", roomy, 1))
    site.slack.keeps_metadata = False
    site.model.plays["refunds"] = plays.refunds
    site.slack.socket_greetings = ["silent"]
    try:
        site.start()
        yield site
    finally:
        site.close()


@pytest.fixture
def slack(site: Stranger) -> Iterator[Slack]:
    assert site.deputy is not None
    site.is_well()
    yield site.slack
    assert site.deputy.poll() is None, site.log()
    site.is_well()


def ours(slack: Slack, thread: str) -> list[dict[str, Any]]:
    return [m for m in slack.thread(thread) if m.get("bot_id")]


def once(slack: Slack, thread: str, seconds: float = 1.5) -> str:
    """What Deputy says in the thread, when it is exactly one message, and stays one."""
    deadline = time.monotonic() + 30
    while not ours(slack, thread) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(seconds)
    assert len(ours(slack, thread)) == 1, slack.said(thread)
    return slack.said(thread)


# ------------------------------------------------------------------------------------------------ one task, all the way


@pytest.mark.long
def test_a_task_goes_all_the_way_through_every_fault(site: Stranger, slack: Slack) -> None:
    slack.faults["users.info"] = [limited("0"), broken(500)]
    slack.faults["chat.postMessage"] = [limited(), swallowed]
    slack.faults["chat.update"] = [limited(""), broken(), refused("some_new_error"), refused("fatal_error")]
    site.model.faults = [
        Fails(429, "rate_limit_exceeded", {"Retry-After": "1"}),
        Fails(502, body="<html>Bad gateway</html>"),
        Fails(drop=True),
        Says("cut", stream=True, stops=150),
    ]
    thread = slack.mention(PETER, REFUNDS)
    slack.until(thread, "Waiting for sign-off", 90)
    assert "fail on the old code, pass on the new" in slack.said(thread)
    assert "<!channel>" not in str(ours(slack, thread))
    assert "evil.invalid|click>" not in str(ours(slack, thread))

    slack.click(PETER, "Approve", thread)
    slack.whispered(PETER, "somebody else has to decide")
    slack.faults["files.getUploadURLExternal"] = [limited("0"), broken(503)]
    slack.faults["upload"] = [broken(500)]
    slack.faults["files.completeUploadExternal"] = [limited("0"), swallowed]
    slack.faults["conversations.replies"] = [broken(500)]
    slack.reply_answers = [broken(404)]
    slack.click(BILL, "Approve", thread)
    slack.until(thread, "is delivered", 60)
    slack.until(thread, "Delivered", 20)
    assert len(ours(slack, thread)) == 2, slack.said(thread)
    _applies(site, slack, thread)


def _applies(site: Stranger, slack: Slack, thread: str) -> None:
    shared = next(m["files"] for m in ours(slack, thread) if m.get("files"))
    patch = next(slack.files[f["id"]]["content"] for f in shared if f["name"].endswith(".patch"))
    clone = site.folder / f"clone{thread}"
    subprocess.run(["git", "clone", "-q", str(site.repository), str(clone)], check=True)
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, "am", "-q"], cwd=clone, input=patch, check=True)
    assert "given += share" in (clone / "billing" / "refunds.py").read_text()


# ------------------------------------------------------------------------------------------------ what is heard


@pytest.mark.parametrize("order", [("app_mention", "message"), ("message", "app_mention")])
def test_a_mention_told_of_twice_and_again_is_one_task(slack: Slack, order: tuple[str, str]) -> None:
    message = slack.write(PETER, f"<@{BOT}> {NO_RECORD}", client_msg_id="x", team=TEAM, user_team=TEAM)
    first, second = (slack.event(message, kind) for kind in order)
    assert slack.send("events_api", first, envelope=f"e{message['ts']}")
    slack.send("events_api", second)
    slack.send("events_api", first, envelope=f"e{message['ts']}", retry_attempt=1, retry_reason="timeout")
    slack.cut()
    slack.send("events_api", first, envelope=f"e{message['ts']}", retry_attempt=2, retry_reason="timeout")
    assert "secrets/prod.env" in once(slack, message["ts"])


def test_connections_come_and_go(slack: Slack) -> None:
    slack.socket_greetings = ["reset", "refresh", "silent"]
    slack.faults["apps.connections.open"] = [limited("0"), broken(), refused("internal_error")]
    before = slack.opened
    slack.raw({"type": "disconnect", "reason": "warning", "debug_info": {"host": "x"}})
    thread = slack.mention(PETER, NO_RECORD)
    once(slack, thread)
    deadline = time.monotonic() + 20
    while slack.opened < before + 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert slack.opened >= before + 3
    slack.cut()
    once(slack, slack.mention(PETER, NO_RECORD))


@pytest.mark.parametrize(
    "garbage",
    [
        "not json",
        "[]",
        "null",
        {"type": "hello"},
        {"type": "unheard_of", "envelope_id": 7, "payload": []},
        {"type": "events_api", "envelope_id": "g1", "payload": None},
    ],
)
def test_garbage_on_the_socket_changes_nothing(slack: Slack, garbage: Any) -> None:
    slack.raw(garbage)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "event_callback"},
        {"type": "event_callback", "event": None},
        {"type": "event_callback", "event": {"type": "message"}},
        {"type": "event_callback", "event": {"type": "app_mention", "user": {"id": 1}, "channel": 3, "ts": None}},
        {"type": "event_callback", "event": {"type": "reaction_added", "user": PETER}},
        {"type": "event_callback", "event": {"type": "message", "subtype": 9, "blocks": "x", "text": ["a"]}},
        {"type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": 1},
        {"type": "block_actions", "user": None, "actions": "x"},
        {"type": "block_actions", "user": {"id": PETER}, "actions": [None, {"action_id": "deputy.approve"}]},
        {"type": "view_submission", "view": {}},
        {"type": "shortcut", "callback_id": "x"},
        {"command": "/deputy"},
    ],
)
def test_odd_payloads_are_acknowledged_and_left(slack: Slack, payload: Any) -> None:
    is_event = "event" in payload or str(payload.get("type")) in {"event_callback", "app_rate_limited"}
    slack.send("events_api" if is_event else "interactive", payload)


ODD = [
    {"subtype": "bot_message", "bot_id": "B9OTHER", "user": None},
    {"bot_id": "B9OTHER", "app_id": "A9OTHER"},
    {"user": BOT, "app_id": "A9APP"},
    {"bot_profile": {"id": "B9OTHER"}},
    {"subtype": "channel_join"},
    {"subtype": "channel_topic", "topic": "x"},
    {"subtype": "me_message"},
    {"hidden": True},
    {"user": "USLACKBOT"},
    {"user": None},
]


@pytest.mark.parametrize("fields", ODD)
def test_no_person_asks_nothing(slack: Slack, fields: dict[str, Any]) -> None:
    message = {**slack.write(PETER, f"<@{BOT}> {NO_RECORD}"), **fields}
    slack.messages[CHANNEL][message["ts"]] = message
    slack.send("events_api", slack.event(message))
    if "subtype" not in fields:
        slack.send("events_api", slack.event(message, "app_mention"))
    time.sleep(0.3)
    assert [m for m in ours(slack, message["ts"]) if m["ts"] != message["ts"]] == []


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", None])
def test_people_with_files_are_people(slack: Slack, subtype: str | None) -> None:
    fields: dict[str, Any] = {"files": [{"id": "F1"}], "upload": False, "attachments": [{"text": "x"}], "blocks": []}
    if subtype:
        fields["subtype"] = subtype
    message = slack.write(PETER, f"<@{BOT}> {NO_RECORD}", **fields)
    slack.send("events_api", slack.event(message))
    assert "secrets/prod.env" in once(slack, message["ts"], 0.3)


def test_edits_and_deletions_start_nothing(slack: Slack) -> None:
    thread = slack.mention(PETER, NO_RECORD)
    once(slack, thread, 0.2)
    message = slack.messages[CHANNEL][thread]
    changed = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": slack.timestamp()}
    edited = {**changed, "message": {**message, "text": f"<@{BOT}> something else"}, "previous_message": message}
    slack.send("events_api", slack.event(edited))
    deleted = {**changed, "subtype": "message_deleted", "deleted_ts": thread, "previous_message": message}
    slack.send("events_api", slack.event(deleted))
    once(slack, thread, 0.5)


@pytest.mark.parametrize(
    ("user", "fields"),
    [
        (TOM, {}),
        (GONE, {}),
        (BOB, {"user_team": OTHER_TEAM}),
        (STRANGER, {"user_team": OTHER_TEAM, "source_team": OTHER_TEAM}),
        (STRANGER, {"source_team": OTHER_TEAM}),
        (STRANGER, {"team": OTHER_TEAM}),
        (STRANGER, {}),
        (PETER, {"user_team": OTHER_TEAM, "team": TEAM}),
        ("U9NOBODY", {}),
    ],
)
def test_who_may_not_ask_is_told_so(slack: Slack, user: str, fields: dict[str, str]) -> None:
    message = slack.write(user, f"<@{BOT}> {REFUNDS}", **fields)
    slack.send("events_api", slack.event(message, is_ext_shared_channel=True))
    slack.send("events_api", slack.event(message, "app_mention"))
    assert "full members of this workspace" in once(slack, message["ts"], 0.3)


def test_a_user_record_as_bare_as_it_gets_is_a_person_without_roles(slack: Slack) -> None:
    assert "efused" in once(slack, slack.mention(BOB, REFUNDS), 0.3)


def test_a_direct_message_without_a_team_anywhere(slack: Slack) -> None:
    message = slack.write(PETER, NO_RECORD, channel="D9PETER")
    event = slack.event(message, channel="D9PETER")
    del event["team_id"]
    slack.send("events_api", event)
    assert "secrets/prod.env" in slack.until(message["ts"], "secrets", 20, "D9PETER")


def test_words_in_blocks_alone(slack: Slack) -> None:
    """Slack gives people's words in ``text`` too; a client that does not is asked what it wants."""
    elements = [{"type": "user", "user_id": BOT}, {"type": "text", "text": f" {NO_RECORD}"}]
    section = {"type": "rich_text_section", "elements": elements}
    message = slack.write(PETER, "", blocks=[{"type": "rich_text", "elements": [section]}])
    slack.send("events_api", slack.event(message, "app_mention"))
    once(slack, message["ts"], 0.3)


# ------------------------------------------------------------------------------------------------ what is clicked


def test_clicks_without_an_address_to_answer_by(slack: Slack) -> None:
    thread = slack.mention(PETER, "")
    slack.until(thread, "?", 20)
    card = ours(slack, thread)[0]
    button = slack.buttons(card)["Cancel"]
    bare = slack.action(MILT, card, button)
    del bare["response_url"]
    slack.send("interactive", bare)
    slack.whispered(MILT, "")
    for user in (STRANGER, TOM, "U9NOBODY"):
        payload = slack.action(PETER, card, button)
        payload["user"] = {"id": user, "team_id": OTHER_TEAM if user == STRANGER else TEAM}
        slack.reply_answers = [broken(500), refused("expired_url")]
        slack.send("interactive", payload)
    forged = slack.action(PETER, card, {**button, "value": "D-00000000"})
    slack.send("interactive", forged)
    time.sleep(1)
    assert "Cancelled" not in slack.said(thread)
    slack.click(PETER, "Cancel", thread, response_url="")
    slack.until(thread, "Cancelled", 20)
    once(slack, thread, 0.3)


def test_commands(slack: Slack) -> None:
    for text in ("", "help", "status", "audit", "nonsense " * 900, "cancel D-NOTHING"):
        slack.whispers.clear()
        slack.send("slash_commands", slack.command(PETER, text))
        slack.whispered(PETER, "")
    slack.send("slash_commands", slack.command(MILT, "audit"))
    assert slack.whispered(MILT, "")
    before = len(slack.whispers)
    slack.reply_answers = [broken(404)]
    slack.send("slash_commands", slack.command(MILT, "status", channel_id="C9ELSEWHERE"))
    slack.send("slash_commands", slack.command(STRANGER, "audit", team_id=OTHER_TEAM))
    slack.whispered(STRANGER, "")
    assert len(slack.whispers) > before


# ------------------------------------------------------------------------------------------------ what models do


def test_models_that_are_no_help_end_in_a_sentence(site: Stranger, slack: Slack) -> None:
    always = {
        "alpha": lambda _: Fails(429, "insufficient_quota"),
        "bravo": lambda _: Fails(401, "invalid_api_key"),
        "charlie": lambda _: Fails(404, "model_not_found"),
        "delta": plays.refuses,
        "echo": plays.babbles,
        "foxtrot": plays.repeats,
        "golf": lambda _: Says(extra={"output": None}),
        "hotel": lambda _: Fails(200, body="<html>log in first</html>"),
        "india": lambda _: Fails(400, "context_length_exceeded"),
        "juliet": lambda _: Says("z" * 3_000_000),
        "kilo": lambda _: Says(extra={"status": "failed", "error": {"code": "server_error", "message": "oops"}}),
    }
    site.model.plays |= always
    threads = {word: slack.mention(PETER, f"can you just fix the {word} bug in `web`") for word in always}
    for word, thread in threads.items():
        said = slack.until(thread, "Failed", 120)
        assert "key-of-ours" not in said, word
        assert len(ours(slack, thread)) == 1, said


# ----------------------------------------------------------------------------------------------- HTTP, Chat, enterprise


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """HTTP mode, the Chat API, an org-wide installation, an API address without its path."""
    port = str(_free_port())
    site = Stranger(tmp_path_factory.mktemp("http"), SLACK_SIGNING_SECRET=SECRET, DEPUTY_MODEL_API="chat")
    site.environment |= {"SLACK_API_URL": site.slack.address, "DEPUTY_HTTP_PORT": port}
    site.slack.who |= {"is_enterprise_install": True, "url": None}
    del site.slack.who["bot_id"]
    site.model.knows_new_limit = False
    try:
        site.start()
        yield site
    finally:
        site.close()


def _post(site: Stranger, body: Any, **more: Any) -> tuple[int, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    status, said = site.slack.post(int(site.environment["DEPUTY_HTTP_PORT"]), text, **more)
    return status, said


def _form(payload: Any) -> str:
    return urllib.parse.urlencode({"payload": json.dumps(payload)})


def test_http_mode_goes_all_the_way(far: Stranger) -> None:
    slack = far.slack
    far.model.plays["refunds"] = plays.streamed(plays.refunds)
    far.model.faults = [Says(extra={"choices": []}), Says("half", stream=True, stops=200)]
    message = slack.write(PETER, f"<@{BOT}> {REFUNDS}")
    event = slack.event(message, "app_mention", authorizations=[{"team_id": TEAM, "enterprise_id": ENTERPRISE}])
    event["event"].pop("team", None)
    for number in ("", "1", "2"):
        retried = {"X_Slack_Retry_Num": number, "X_Slack_Retry_Reason": "http_timeout"} if number else {}
        assert _post(far, event, **retried)[0] == 200
    thread = message["ts"]
    slack.until(thread, "Waiting for sign-off", 90)
    card = ours(slack, thread)[0]
    click = slack.action(BILL, card, slack.buttons(card)["Approve"])
    del click["response_url"]
    assert _post(far, _form(click)) == (200, "")
    assert _post(far, _form(click)) == (200, "")
    slack.until(thread, "is delivered", 60)
    slack.until(thread, "— Delivered", 20)
    assert len(ours(slack, thread)) == 2, slack.said(thread)
    far.is_well()


def test_http_mode_takes_what_is_signed_and_nothing_else(far: Stranger) -> None:
    slack = far.slack
    command = slack.command(MILT, "audit")
    signed = urllib.parse.urlencode(command)
    status, said = _post(far, {"type": "url_verification", "token": "x", "challenge": "c-9"})
    assert (status, said) in {(200, "c-9"), (200, '{"challenge": "c-9"}')}
    assert _post(far, "ssl_check=1&token=x")[0] == 200
    assert _post(far, signed)[0] == 200
    assert slack.whispered(MILT, "")
    for body in (json.dumps(slack.event(slack.write(PETER, "x"))), signed, _form({"type": "block_actions"})):
        assert _post(far, body, secret="guessed")[0] == 401
        assert _post(far, body, at=time.time() - 6 * 60)[0] == 401
        assert _post(far, body, X_Slack_Signature="")[0] == 401
        assert _post(far, body, X_Slack_Request_Timestamp="soon")[0] == 401
        assert _post(far, body, X_Slack_Signature="v0=ü")[0] in {400, 401}
    for body in ("", "{", "{}", "[]", "payload=%7B", "payload=[]", "payload=null", "command=%2Fdeputy", "a" * 100_000):
        assert _post(far, body)[0] < 500, body[:50]
    far.is_well()


def test_the_trail_verifies(site: Stranger, slack: Slack) -> None:
    done = site.cli("audit", "verify")
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------------ what is missing

WRONG = {
    "SLACK_BOT_TOKEN": [("xoxb-wrong", "SLACK_BOT_TOKEN")],
    "SLACK_APP_TOKEN": [("xapp-wrong", "SLACK_APP_TOKEN"), ("", "SLACK_SIGNING_SECRET")],
    "SLACK_API_URL": [("{model}", "SLACK_API_URL"), ("http://[::1", "SLACK_API_URL")],
    "DEPUTY_POLICIES": [("/nowhere/at all", "DEPUTY_POLICIES")],
    "DOCKER_HOST": [("tcp://127.0.0.1:9", "Docker")],
    "DEPUTY_DATABASE_URL": [("mysql://x/y", "DEPUTY_DATABASE_URL")],
}


@pytest.mark.long
def test_what_is_missing_is_one_sentence(far: Stranger, tmp_path: Path) -> None:
    started = []
    for name, cases in WRONG.items():
        for value, says in cases:
            home = {"DEPUTY_HOME": str(tmp_path / str(len(started))), "SLACK_APP_TOKEN": "xapp-9-test"}
            changed = {name: value.replace("{model}", far.model.address)}
            environment = {**far.environment, "SLACK_SIGNING_SECRET": "", **home, **changed}
            argv = [sys.executable, "-m", "deputy.app.cli", "serve"]
            deputy = subprocess.Popen(argv, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
            started.append((f"{name}={value}", says, deputy))
    for what, says, deputy in started:
        _, said = deputy.communicate(timeout=90)
        last = said.strip().splitlines()[-1] if said.strip() else ""
        assert deputy.returncode == 1, (what, said)
        assert "Traceback" not in said, (what, said)
        assert last.startswith("deputy: "), (what, said)
        assert says in last, (what, last)
        assert "wrong" not in last.replace("wrong_", ""), (what, last)
