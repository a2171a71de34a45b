"""Socket Mode at the wire: tickets, envelopes, acks, redelivery, reconnects; and what the payloads hold."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from deputy_playground.api.socket_mode import Patience
from deputy_playground.driver import Playground
from deputy_playground.limits import Rates
from deputy_playground.wire import PlaygroundError, SlackError

Json = dict[str, Any]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Playground]:
    patience = Patience(ack=1.0, retries=(0.1, 0.1), connection=10.0)
    with Playground(tmp_path, rates=Rates(posts_per_second=0, tiers=False), patience=patience) as playground:
        yield playground


@pytest.fixture
def web(site: Playground) -> WebClient:
    return WebClient(site.bot_token, base_url=site.api_url, retry_handlers=[])


class Listener:
    """A bare Socket Mode client: keeps every envelope and acks as told."""

    def __init__(self, socket: ClientConnection, ack: Callable[[Json], Json | None]) -> None:
        self.socket = socket
        self.hello: Json = json.loads(socket.recv(timeout=5))
        self.envelopes: list[Json] = []
        self.goodbyes: list[str] = []
        self._ack = ack
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for frame in self.socket:
            envelope = json.loads(frame)
            if envelope["type"] == "disconnect":
                self.goodbyes.append(envelope["reason"])
                continue
            self.envelopes.append(envelope)
            answer = self._ack(envelope)
            if answer is not None:
                self.socket.send(json.dumps({"envelope_id": envelope["envelope_id"], **answer}))

    def events(self) -> list[Json]:
        return [envelope["payload"]["event"] for envelope in self.envelopes if envelope["type"] == "events_api"]


Listen = Callable[..., Listener]


@pytest.fixture
def listen(site: Playground) -> Iterator[Listen]:
    with ExitStack() as sockets:

        def start(ack: Callable[[Json], Json | None] = lambda _: {}) -> Listener:
            return Listener(sockets.enter_context(connect(address(site))), ack)

        yield start


def address(site: Playground) -> str:
    answer = WebClient(base_url=site.api_url).apps_connections_open(app_token=site.app_token)
    return str(answer["url"])


def test_hello_and_a_ticket_for_one_connection(site: Playground) -> None:
    url = address(site)
    assert url.startswith(f"ws://127.0.0.1:{site.port}/link/?ticket=")
    with connect(url) as socket:
        hello = json.loads(socket.recv(timeout=5))
        assert (hello["type"], hello["connection_info"]) == ("hello", {"app_id": "A0DEPUTY"})
        with pytest.raises(InvalidStatus), connect(url):
            pass


def test_an_event_that_is_not_acked_comes_again_with_the_same_id(site: Playground, listen: Listen) -> None:
    seen = 0

    def second_time(_envelope: Json) -> Json | None:
        nonlocal seen
        seen += 1
        return {} if seen > 1 else None

    listener = listen(second_time)
    site.say("U0ALICE", "C0SHOP", "hello")
    site.wait_for(lambda: len(listener.envelopes) == 2, 5)
    first, again = listener.envelopes
    assert first["payload"]["event_id"] == again["payload"]["event_id"]
    assert first["envelope_id"] != again["envelope_id"]
    assert (first["retry_attempt"], again["retry_attempt"], again["retry_reason"]) == (0, 1, "timeout")
    time.sleep(0.5)
    assert len(listener.envelopes) == 2


def test_a_lost_ack_and_a_repeated_event(site: Playground, listen: Listen) -> None:
    listener = listen()
    site.lose_acks(1)
    site.say("U0ALICE", "C0SHOP", "one")
    site.wait_for(lambda: len(listener.envelopes) == 2, 5)
    site.repeat_events(1)
    site.say("U0ALICE", "C0SHOP", "two")
    site.wait_for(lambda: len(listener.envelopes) == 4, 5)
    assert [event["text"] for event in listener.events()] == ["one", "one", "two", "two"]


def test_events_wait_for_a_connection_and_clicks_do_not(site: Playground, listen: Listen) -> None:
    site.say("U0ALICE", "C0SHOP", "is anybody there?")
    with pytest.raises(SlackError, match="dispatch_failed"):
        site.command("U0ALICE", "C0SHOP", "/deputy help")
    time.sleep(0.5)  # longer than every retry together
    listener = listen()
    site.wait_for(lambda: [event["text"] for event in listener.events()] == ["is anybody there?"], 5)


def test_a_command_that_is_not_acked_in_time(site: Playground, listen: Listen) -> None:
    listener = listen(lambda _: None)
    with pytest.raises(SlackError, match="operation_timeout"):
        site.command("U0ALICE", "C0SHOP", "/deputy help")
    assert [envelope["type"] for envelope in listener.envelopes] == ["slash_commands"]


def test_several_connections_share_the_work(site: Playground, listen: Listen) -> None:
    both = [listen(), listen()]
    assert both[1].hello["num_connections"] == 2
    for number in range(4):
        site.say("U0ALICE", "C0SHOP", str(number))
        site.wait_for(lambda wanted=number: sum(len(one.envelopes) for one in both) > wanted, 5)
    assert [len(one.envelopes) for one in both] == [2, 2]


def test_a_refresh_reconnects_the_real_client_and_loses_nothing(site: Playground, web: WebClient) -> None:
    app = App(client=web)
    texts: list[str] = []
    app.event("message")(lambda event: texts.append(event["text"]))
    handler = SocketModeHandler(app, site.app_token, web_client=WebClient(base_url=site.api_url), ping_interval=1)
    handler.connect()
    try:
        site.say("U0ALICE", "C0SHOP", "before")
        site.wait_for(lambda: texts == ["before"], 5)
        site.reconnect("refresh_requested", grace=0.1)
        site.say("U0ALICE", "C0SHOP", "after")
        site.wait_for(lambda: texts == ["before", "after"], 10)
        site.hang_up()
        site.say("U0ALICE", "C0SHOP", "after the cut")
        site.wait_for(lambda: texts[2:] == ["after the cut"], 15)
    finally:
        handler.close()


# ------------------------------------------------------------------------------------------------ payloads


def test_what_events_say(site: Playground, web: WebClient, listen: Listen) -> None:
    listener = listen()
    root = site.say("U0STRANGE", "C0SHOP", "@Deputy do it & <now>")
    site.wait_for(lambda: len(listener.events()) == 2, 5)
    mention, message = sorted(listener.events(), key=lambda event: event["type"])
    assert message["text"] == "<@U0DEPUTY> do it &amp; &lt;now&gt;"
    assert (message["user"], message["team"], message["channel_type"]) == ("U0STRANGE", "T0OTHER", "channel")
    assert message["ts"] == message["event_ts"] == mention["ts"] == root
    assert "thread_ts" not in message
    assert message["blocks"][0]["elements"][0]["elements"][0] == {"type": "user", "user_id": "U0DEPUTY"}
    envelope = listener.envelopes[0]["payload"]
    assert envelope["is_ext_shared_channel"]
    assert envelope["authorizations"][0]["user_id"] == "U0DEPUTY"
    listener.envelopes.clear()

    web.chat_postMessage(channel="C0SHOP", text="<@U0DEPUTY> said the bot", thread_ts=root)
    site.say("U0SAM", "D0SAM", "in private")
    site.edit("U0STRANGE", "C0SHOP", root, "@Deputy do something else")
    site.delete("U0STRANGE", "C0SHOP", root)
    site.say("U0SAM", "C0LOUNGE", "@Deputy are you here?")
    site.wait_for(lambda: len(listener.events()) >= 4, 5)
    time.sleep(0.2)
    bot, private, changed, deleted = listener.events()
    assert (bot["bot_id"], bot["user"], bot["thread_ts"]) == ("B0DEPUTY", "U0DEPUTY", root)
    assert (private["channel_type"], private["channel"]) == ("im", "D0SAM")
    assert (changed["subtype"], changed["message"]["text"]) == (
        "message_changed",
        "<@U0DEPUTY> do something else",
    )
    assert changed["previous_message"]["text"] == "<@U0DEPUTY> do it &amp; &lt;now&gt;"
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", root)


def test_what_a_click_says(site: Playground, web: WebClient, listen: Listen) -> None:
    listener = listen()
    root = site.say("U0ALICE", "C0SHOP", "root")
    button = {"type": "button", "action_id": "a:1", "text": {"type": "plain_text", "text": "Go"}, "value": "opaque"}
    ts = web.chat_postMessage(
        channel="C0SHOP",
        thread_ts=root,
        text="card",
        blocks=[{"type": "actions", "block_id": "row", "elements": [button]}],
    )["ts"]
    site.click("U0GUS", "C0SHOP", ts, "go")
    (payload,) = [envelope["payload"] for envelope in listener.envelopes if envelope["type"] == "interactive"]
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": "U0GUS", "username": "gus", "name": "gus", "team_id": "T0ACME"}
    assert payload["team"]["id"] == "T0ACME"
    assert payload["channel"] == {"id": "C0SHOP", "name": "shop-dev"}
    assert payload["container"]["thread_ts"] == root
    assert payload["message"]["ts"] == ts
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("a:1", "row", "opaque")
    assert float(action["action_ts"]) > float(ts)
    assert payload["response_url"].startswith(f"{site.url}/actions/")
    with pytest.raises(PlaygroundError, match=r"there is: Go \(a:1\)"):
        site.click("U0GUS", "C0SHOP", ts, "Stop")


def test_a_modal_opens_complains_and_closes(site: Playground, listen: Listen, web: WebClient) -> None:
    tries: list[Json] = []

    def ack(envelope: Json) -> Json:
        payload = envelope["payload"]
        if envelope["type"] == "slash_commands":
            view = {
                "type": "modal",
                "callback_id": "why",
                "title": {"type": "plain_text", "text": "Decline"},
                "blocks": [
                    {
                        "type": "input",
                        "block_id": "reason",
                        "label": {"type": "plain_text", "text": "Why?"},
                        "element": {"type": "plain_text_input", "action_id": "text"},
                    }
                ],
            }
            web.views_open(trigger_id=payload["trigger_id"], view=view)
        elif payload["type"] == "view_submission":
            tries.append(payload["view"]["state"]["values"])
            if len(tries) == 1:
                return {"payload": {"response_action": "errors", "errors": {"reason": "Say more."}}}
        return {}

    listen(ack)
    site.command("U0SAM", "C0SHOP", "/deputy decline", timeout=0.1)
    (view,) = site.wait_for(lambda: site.open_views("U0SAM"), 5)
    values = {"reason": {"text": {"type": "plain_text_input", "value": "no"}}}
    assert site.submit("U0SAM", view["id"], values) == {"errors": {"reason": "Say more."}}
    assert site.submit("U0SAM", view["id"], values) is None
    assert site.open_views("U0SAM") == []
    assert tries == [values, values]
