"""The playground against the real slack_sdk and slack_bolt: what they are strict about, it gets right."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient

from deputy_playground.api.socket_mode import Patience
from deputy_playground.driver import Playground
from deputy_playground.limits import Rates
from deputy_playground.wire import SlackError

QUICK = Patience(ack=3.0, retries=(0.1, 0.2), connection=5.0)


@pytest.fixture
def playground(tmp_path: Path) -> Iterator[Playground]:
    with Playground(tmp_path, rates=Rates(posts_per_second=1000, burst=1000), patience=QUICK) as site:
        yield site


Connect = Callable[[App], SocketModeHandler]


@pytest.fixture
def app(playground: Playground) -> App:
    client = WebClient(playground.bot_token, base_url=playground.api_url)
    return App(client=client, signing_secret=playground.signing_secret, process_before_response=False)


@pytest.fixture
def connect(playground: Playground) -> Iterator[Connect]:
    handlers: list[SocketModeHandler] = []

    def start(app: App) -> SocketModeHandler:
        app.client.logger.setLevel(logging.ERROR)
        handler = SocketModeHandler(app, playground.app_token, web_client=WebClient(base_url=playground.api_url))
        handler.connect()
        handlers.append(handler)
        playground.wait_connected(5)
        return handler

    yield start
    for handler in handlers:
        handler.close()


def test_mention_comes_as_mention_and_message_and_the_answer_lands_in_the_thread(
    playground: Playground, app: App, connect: Connect
) -> None:
    got: list[dict[str, object]] = []

    @app.event("app_mention")
    def mention(event, say):
        got.append(event)
        say(text=f"On it, <@{event['user']}>", thread_ts=event["ts"])

    @app.event("message")
    def message(event):
        got.append(event)

    connect(app)
    ts = playground.say("U0ALICE", "C0SHOP", "@Deputy can you just fix the lint in `shop`?")
    playground.wait_for(lambda: len(playground.thread("C0SHOP", ts)) == 2 and len(got) == 2, 5)
    assert {event["type"] for event in got} == {"app_mention", "message"}
    assert {event["ts"] for event in got} == {ts}
    assert all(event["text"] == "<@U0DEPUTY> can you just fix the lint in `shop`?" for event in got)
    assert playground.thread("C0SHOP", ts)[1].text == "On it, @Alice Marsh"


def test_button_opens_no_second_view_and_answers_by_response_url(
    playground: Playground, app: App, connect: Connect
) -> None:
    clicks: list[dict[str, object]] = []

    @app.action("approve")
    def approve(ack, body, respond, client):
        ack()
        clicks.append(body)
        respond(text="Thank you.", response_type="ephemeral")
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="Approved", blocks=[])

    connect(app)
    button = {
        "type": "button",
        "action_id": "approve",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": "k1",
    }
    posted = app.client.chat_postMessage(
        channel="C0SHOP", text="Please", blocks=[{"type": "actions", "block_id": "row", "elements": [button]}]
    )
    playground.click("U0SAM", "C0SHOP", posted["ts"], "Approve")
    playground.wait_for(lambda: playground.messages("C0SHOP")[0].text == "Approved", 5)
    playground.wait_for(lambda: [m.text for m in playground.whispers("U0SAM", "C0SHOP")] == ["Thank you."], 5)
    (body,) = clicks
    assert body["user"]["id"] == "U0SAM"
    assert body["actions"][0]["value"] == "k1"


def test_slash_command_answers_in_its_ack_or_later(playground: Playground, app: App, connect: Connect) -> None:
    @app.command("/deputy")
    def command(ack, body, respond):
        if body["text"] == "help":
            ack("Ask me.")
        else:
            ack()
            respond("Nothing runs.")

    connect(app)
    assert playground.command("U0CORA", "C0SHOP", "/deputy help") == "Ask me."
    assert playground.command("U0CORA", "C0SHOP", "/deputy status") == "Nothing runs."


def test_files_go_up_and_come_down(playground: Playground, app: App) -> None:
    ts = playground.say("U0ALICE", "C0SHOP", "a thread")
    app.client.files_upload_v2(
        channel="C0SHOP",
        thread_ts=ts,
        initial_comment="The patch",
        file_uploads=[
            {"filename": "a.patch", "content": "--- a\n+++ b\n", "title": "Patch"},
            {"filename": "log.txt", "content": "fine", "title": "Log"},
        ],
    )
    shared = playground.thread("C0SHOP", ts)[1]
    assert shared.text == "The patch\n[file: a.patch]\n[file: log.txt]"
    assert [playground.file(file) for file in shared.files] == [("a.patch", b"--- a\n+++ b\n"), ("log.txt", b"fine")]


def test_restart_keeps_threads_and_tokens(tmp_path: Path) -> None:
    with Playground(tmp_path) as first:
        ts = first.say("U0ALICE", "C0SHOP", "remember me")
        token = first.bot_token
    with Playground(tmp_path) as second:
        assert second.bot_token == token
        assert second.thread("C0SHOP", ts)[0].text == "remember me"
        assert second.say("U0ALICE", "C0SHOP", "more", thread=ts) > ts


def test_home_tab_and_message_shortcut(playground: Playground, app: App, connect: Connect) -> None:
    @app.event("app_home_opened")
    def opened(event, client):
        section = {"type": "section", "text": {"type": "mrkdwn", "text": f"Hello <@{event['user']}>"}}
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [section]})

    @app.shortcut("delegate")
    def delegate(ack, shortcut, client):
        ack()
        client.chat_postMessage(
            channel=shortcut["channel"]["id"],
            thread_ts=shortcut["message"]["ts"],
            text=f"Taken from <@{shortcut['message']['user']}> by <@{shortcut['user']['id']}>",
        )

    app.event("message")(lambda: None)
    connect(app)
    home = playground.open_home("U0ALICE")
    assert home is not None
    assert home["blocks"][0]["text"]["text"] == "Hello <@U0ALICE>"
    ts = playground.say("U0ALICE", "C0SHOP", "refunds are wrong")
    playground.shortcut("U0SAM", "C0SHOP", ts, "delegate")
    replies = playground.wait_for(lambda: playground.thread("C0SHOP", ts)[1:], 5)
    assert replies[0].text == "Taken from @Alice Marsh by @Sam Okafor"


def test_a_response_url_may_replace_delete_or_speak_up(playground: Playground, app: App, connect: Connect) -> None:
    @app.action("replace")
    def replace(ack, respond):
        ack()
        respond(text="replaced", replace_original=True)

    @app.action("remove")
    def remove(ack, respond):
        ack()
        respond(delete_original=True)

    @app.action("tell")
    def tell(ack, respond):
        ack()
        respond(text="to all", response_type="in_channel", replace_original=False)

    app.event("message")(lambda: None)
    connect(app)
    elements = [
        {"type": "button", "action_id": name, "text": {"type": "plain_text", "text": name}}
        for name in ("tell", "replace", "remove")
    ]

    def texts() -> list[str]:
        return [message.text for message in playground.messages("C0SHOP")]

    ts = app.client.chat_postMessage(
        channel="C0SHOP", text="card", blocks=[{"type": "actions", "elements": elements[:2]}]
    )["ts"]
    playground.click("U0SAM", "C0SHOP", ts, "tell")
    playground.wait_for(lambda: texts() == ["[tell] [replace]", "to all"], 5)
    playground.click("U0SAM", "C0SHOP", ts, "replace")
    playground.wait_for(lambda: texts() == ["replaced", "to all"], 5)
    other = app.client.chat_postMessage(
        channel="C0SHOP", text="card", blocks=[{"type": "actions", "elements": elements[2:]}]
    )["ts"]
    playground.click("U0SAM", "C0SHOP", other, "remove")
    playground.wait_for(lambda: texts() == ["replaced", "to all"], 5)


def test_a_whisper_with_a_button_can_be_clicked_by_its_reader_only(
    playground: Playground, app: App, connect: Connect
) -> None:
    bodies: list[dict[str, object]] = []

    @app.action("retry")
    def retry(ack, body, respond):
        ack()
        bodies.append(body)
        respond(delete_original=True)

    connect(app)
    button = {"type": "button", "action_id": "retry", "text": {"type": "plain_text", "text": "Retry"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = app.client.chat_postEphemeral(channel="C0SHOP", user="U0SAM", text="card", blocks=blocks)["message_ts"]
    with pytest.raises(SlackError, match="message_not_found"):
        playground.click("U0ALICE", "C0SHOP", ts, "Retry")
    playground.click("U0SAM", "C0SHOP", ts, "Retry")
    playground.wait_for(lambda: not playground.whispers("U0SAM", "C0SHOP"), 5)
    assert bodies[0]["container"]["is_ephemeral"]
    assert "message" not in bodies[0]
