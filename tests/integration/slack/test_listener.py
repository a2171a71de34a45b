"""The listener against a double on real sockets: what is taken, what is dropped, and when it is acknowledged."""

import hashlib
import hmac
import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from deputy.adapters.slack.client import build_client
from deputy.adapters.slack.receiving.listener import Listener, build_listener
from deputy.adapters.slack.receiving.socket_mode import SocketMode
from deputy.domain.errors import BadInput, Unavailable
from deputy.domain.tasks.request import Incoming, Source
from tests.support.memory_inbox import MemoryInbox, WallClock
from tests.support.slack_double import APP_TOKEN, BOT_TOKEN, BOT_USER, CHANNEL, TEAM, Fault, SlackDouble

SECRET = "double-signing-secret"
TS = "1700000100.000200"


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    slack = SlackDouble()
    yield slack
    slack.close()


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


def start(slack: SlackDouble, inbox: MemoryInbox, **options: Any) -> Listener:
    defaults: dict[str, Any] = {"app_token": APP_TOKEN, "api_url": slack.api_url, "clock": WallClock()}
    listener = build_listener(inbox, bot_token=BOT_TOKEN, **(defaults | options))
    listener.start()
    return listener


@pytest.fixture
def listener(double: SlackDouble, inbox: MemoryInbox) -> Iterator[Listener]:
    running = start(double, inbox)
    assert double.wait(lambda: len(double.connections) == 1)
    yield running
    running.stop()


def event(kind: str = "app_mention", text: str = f"<@{BOT_USER}> fix the lint", **fields: Any) -> dict[str, Any]:
    inner = {"type": kind, "channel": CHANNEL, "user": "U0ALICE", "team": TEAM, "ts": TS, "text": text} | fields
    if kind == "message":
        inner.setdefault("channel_type", "channel")
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "event_id": "Ev1",
        "event": inner,
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
    }


def click(**fields: Any) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": "U0SAM", "team_id": TEAM},
        "container": {"type": "message", "message_ts": TS, "channel_id": CHANNEL, "thread_ts": "1700000001.000100"},
        "channel": {"id": CHANNEL},
        "message": {"ts": TS},
        "actions": [{"type": "button", "action_id": "deputy.approve", "value": "n0nce", "action_ts": "1700000200.1"}],
    } | fields


def command(text: str = "status", **fields: Any) -> dict[str, Any]:
    return {
        "command": "/deputy",
        "text": text,
        "team_id": TEAM,
        "user_id": "U0CORA",
        "channel_id": CHANNEL,
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
    } | fields


# ---------------------------------------------------------------------------------------------- Socket Mode


def test_a_mention_is_kept_and_then_acknowledged(double: SlackDouble, inbox: MemoryInbox, listener: Listener) -> None:
    assert double.acked(double.send(event()))
    (incoming,) = inbox.given
    assert incoming.key == f"slack:{TEAM}:{CHANNEL}:{TS}"
    assert incoming.source is Source.MENTION
    assert incoming.actor.subject == "user:T0ACME/U0ALICE"
    assert (incoming.place.thread, incoming.text) == (TS, f"<@{BOT_USER}> fix the lint")


def test_no_web_api_call_is_made_for_an_envelope(double: SlackDouble, inbox: MemoryInbox, listener: Listener) -> None:
    before = len(double.calls)
    for payload, kind in ((event(), "events_api"), (click(), "interactive"), (command(), "slash_commands")):
        assert double.acked(double.send(payload, kind))
    assert len(double.calls) == before
    assert len(inbox.given) == 3


def test_message_and_mention_are_one(double: SlackDouble, inbox: MemoryInbox, listener: Listener) -> None:
    for payload in (event("message"), event()):
        assert double.acked(double.send(payload))
    assert len(inbox.given) == 2
    assert len(inbox.kept) == 1


def test_a_dead_database_is_not_acknowledged_until_slack_sends_again(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    inbox.broken = True
    envelope = double.send(event())
    assert not double.acked(envelope, seconds=0.5)
    inbox.broken = False
    assert double.acked(double.send(event(), envelope_id=envelope, retry=1))
    assert len(inbox.kept) == 1


def test_a_reply_in_a_thread_needs_the_database_too(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    inbox.broken = True
    envelope = double.send(event("message", "also rename it", thread_ts="1700000001.000100"))
    assert not double.acked(envelope, seconds=0.5)


def test_a_click_with_a_dead_database_gets_a_sentence(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    inbox.broken = True
    assert double.acked(double.send(click(response_url=f"{double.origin}/reply/1"), "interactive"))
    assert double.wait(lambda: double.replies)
    assert "nothing was done" in double.replies[0]["text"]
    assert double.replies[0]["replace_original"] is False


def test_a_command_with_a_dead_database_gets_a_sentence(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    inbox.broken = True
    envelope = double.send(command(), "slash_commands")
    assert double.acked(envelope)
    assert "nothing was done" in next(a for a in double.acks if a["envelope_id"] == envelope)["payload"]["text"]


def test_a_warned_disconnect_moves_to_a_new_connection(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    double.connections[0].send(json.dumps({"type": "disconnect", "reason": "warning"}))
    double.connections[0].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
    assert double.wait(lambda: len(double.connections) == 2)
    old = double.connections[0]
    old.send(json.dumps({"type": "events_api", "envelope_id": "on-the-old-one", "payload": event()}))
    assert double.acked("on-the-old-one")
    assert double.acked(double.send(event(ts="1700000101.000200")))
    assert listener.is_connected
    assert double.count("apps.connections.open") == 2


def test_a_cut_connection_is_replaced(double: SlackDouble, inbox: MemoryInbox, listener: Listener) -> None:
    double.fail("apps.connections.open", Fault(status=500))
    double.refuse_sockets = 2
    double.connections[0].socket.close()
    assert double.wait(lambda: len(double.connections) == 2, seconds=15)
    assert double.acked(double.send(event()))
    assert len(inbox.kept) == 1


def test_a_ping_is_answered(double: SlackDouble, listener: Listener) -> None:
    assert double.connections[0].ping().wait(timeout=5)


def test_a_connection_that_went_silent_is_replaced() -> None:
    def hold_handshakes(listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            request = connection.recv(4096).decode()
            key = request.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
            accept = b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
            connection.sendall(
                f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            silent.append(connection)  # and never a word, not even to a ping

    silent: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=hold_handshakes, args=(listening,), daemon=True).start()
    slack = SlackDouble()
    slack.socket_url = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
    mode = SocketMode(build_client(APP_TOKEN, slack.api_url), lambda _: {}, ping_seconds=0.1)
    mode.start()
    assert slack.wait(lambda: slack.count("apps.connections.open") >= 2)
    mode.stop()
    slack.close()


def test_rubbish_on_the_socket_is_survived(double: SlackDouble, inbox: MemoryInbox, listener: Listener) -> None:
    for rubbish in ("not json", "[]", '{"type":"hello"}', '{"envelope_id":"x"}', '{"envelope_id":3,"payload":{}}'):
        double.connections[0].send(rubbish)
    double.connections[0].send(b"\xff\x00")
    double.connections[0].send(iter(["{", '"type":"events_api"', "}"]))  # fragmented
    assert double.acked(double.send({"type": "event_callback", "event": {"type": "team_join", "user": "U1"}}))
    assert double.acked(double.send({"type": "event_callback", "event": {"type": "message"}}))
    assert double.acked(double.send(event(text="x" * 40_000)))
    assert len(inbox.given) == 1


def test_other_interactions_are_acknowledged_and_dropped(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    other = click(actions=[{"type": "button", "action_id": "someone.else", "action_ts": "1"}])
    modal = {"type": "view_submission", "view": {"type": "modal", "callback_id": "x"}, "user": {"id": "U1"}}
    malformed = {"type": "view_submission", "view": {"callback_id": "x"}}
    for payload in (other, modal, malformed):
        assert double.acked(double.send(payload, "interactive"))
    assert double.acked(double.send({"type": "event_callback", "event": {}}))
    assert not inbox.given


def test_work_in_progress_is_acknowledged_before_stopping(double: SlackDouble, inbox: MemoryInbox) -> None:
    running = start(double, inbox)
    entered = threading.Event()
    keep = inbox.accept

    def slowly(incoming: Incoming) -> bool:
        entered.set()
        time.sleep(0.3)
        return keep(incoming)

    inbox.accept = slowly  # type: ignore[method-assign]
    assert double.wait(lambda: double.connections)
    envelope = double.send(event())
    assert entered.wait(5)
    running.stop()
    assert double.acked(envelope)
    assert not running.is_connected


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_address_is_honoured_with_and_without_a_slash(double: SlackDouble, inbox: MemoryInbox, slash: str) -> None:
    running = start(double, inbox, api_url=double.api_url.rstrip("/") + slash)
    assert running.is_connected
    assert (running.identity.team, running.identity.user) == (TEAM, BOT_USER)
    running.stop()


def test_wrong_tokens_name_their_variable(double: SlackDouble, inbox: MemoryInbox) -> None:
    with pytest.raises(BadInput, match="SLACK_BOT_TOKEN") as bot:
        build_listener(inbox, bot_token="xoxb-leaked", app_token="x", api_url=double.api_url, clock=WallClock())
    with pytest.raises(BadInput, match="SLACK_APP_TOKEN") as app:
        start(double, inbox, app_token="xapp-leaked")
    with pytest.raises(BadInput, match="Neither SLACK_APP_TOKEN nor"):
        start(double, inbox, app_token=None)
    assert "leaked" not in f"{bot.value} {app.value}"


def test_a_missing_scope_is_named(double: SlackDouble, inbox: MemoryInbox) -> None:
    double.fail("apps.connections.open", Fault(error="missing_scope"))
    with pytest.raises(BadInput, match="lacks a scope"):
        start(double, inbox)


def test_nobody_there_is_unavailable(inbox: MemoryInbox) -> None:
    with pytest.raises(Unavailable, match="can't be reached"):
        build_listener(
            inbox, bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url="http://127.0.0.1:9/api", clock=WallClock()
        )


# ---------------------------------------------------------------------------------------------- HTTP mode


@pytest.fixture
def http(double: SlackDouble, inbox: MemoryInbox) -> Iterator[Listener]:
    running = start(double, inbox, app_token=None, signing_secret=SECRET, port=0)
    yield running
    running.stop()


def post(
    running: Listener, body: str, *, kind: str = "application/json", secret: str = SECRET, at: str = "", **headers: str
) -> tuple[int, str]:
    at = at or str(int(time.time()))
    signature = "v0=" + hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    given = {"Content-Type": kind, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature, **headers}
    request = Request(f"http://127.0.0.1:{running.port}/slack/events", body.encode(), given)
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_http_takes_events_clicks_and_commands(http: Listener, inbox: MemoryInbox) -> None:
    form = "application/x-www-form-urlencoded"
    assert post(http, json.dumps(event())) == (200, "")
    assert post(http, urlencode({"payload": json.dumps(click())}), kind=form)[0] == 200
    assert post(http, urlencode(command()), kind=form)[0] == 200
    assert [incoming.source for incoming in inbox.given] == [Source.MENTION, Source.CLICK, Source.COMMAND]


def test_http_answers_the_url_challenge(http: Listener) -> None:
    status, body = post(http, json.dumps({"type": "url_verification", "challenge": "c1"}))
    assert (status, json.loads(body)) == (200, {"challenge": "c1"})


def test_http_redelivers_what_was_not_written(http: Listener, inbox: MemoryInbox) -> None:
    inbox.broken = True
    assert post(http, json.dumps(event()))[0] == 503
    inbox.broken = False
    assert post(http, json.dumps(event()), **{"X-Slack-Retry-Num": "1"})[0] == 200
    assert len(inbox.kept) == 1


@pytest.mark.parametrize(
    ("secret", "at"), [("another secret", ""), (SECRET, "1700000000"), (SECRET, "9700000000"), (SECRET, "soon")]
)
def test_http_refuses_forged_and_replayed_requests(http: Listener, inbox: MemoryInbox, secret: str, at: str) -> None:
    assert post(http, json.dumps(event()), secret=secret, at=at)[0] == 401
    assert not inbox.given


def test_http_refuses_huge_and_unreadable_bodies(http: Listener, inbox: MemoryInbox) -> None:
    assert post(http, "x" * (3 * 1024**2))[0] == 413
    assert not inbox.given


@pytest.mark.parametrize("body", ["{", "[]", "null", "", "payload=%7B"])
def test_http_survives_malformed_bodies(http: Listener, inbox: MemoryInbox, body: str) -> None:
    assert post(http, body)[0] in {200, 400}
    assert post(http, body, secret="forged")[0] in {400, 401}
    assert not inbox.given


def test_http_says_that_it_is_healthy(http: Listener, double: SlackDouble, inbox: MemoryInbox) -> None:
    with urlopen(f"http://127.0.0.1:{http.port}/healthz", timeout=5) as answer:
        assert (answer.status, answer.read()) == (200, b"ok")
    assert http.is_connected
    with pytest.raises(Unavailable, match="Can't listen on port"):
        start(double, inbox, app_token=None, signing_secret=SECRET, port=http.port)


# ---------------------------------------------------------------------------------------------- latency


def test_an_acknowledgement_takes_less_than_fifty_milliseconds(
    double: SlackDouble, inbox: MemoryInbox, listener: Listener
) -> None:
    taken = []
    for number in range(60):
        began = time.perf_counter()
        assert double.acked(double.send(event(ts=f"17000{number:05}.000200")))
        taken.append(time.perf_counter() - began)
    taken.sort()
    assert taken[30] < 0.05, f"p50 {taken[30]:.4f} s, p95 {taken[57]:.4f} s, worst {taken[-1]:.4f} s"
